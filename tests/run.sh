#!/usr/bin/env bash
# Passes every test of the workspace, and installs what it needs first. No network but the package registries.
set -euo pipefail
cd "$(dirname "$0")/.."
export CARGO_TERM_COLOR=never RUSTDOCFLAGS="-D warnings"

say() { printf '\n== %s\n' "$*"; }
die() { printf 'cannot run the tests: %s\n' "$*" >&2; exit 2; }

say "what is needed"
command -v cargo >/dev/null || die "install Rust 1.89 or newer (https://rustup.rs)"
if ! command -v cc >/dev/null; then
    command -v apt-get >/dev/null && [ "$(id -u)" = 0 ] || die "install a C compiler (Debian: apt-get install gcc libc6-dev)"
    apt-get update -qq && apt-get install -y -qq gcc libc6-dev
fi
for component in rustfmt clippy; do
    cargo "${component/rustfmt/fmt}" --version >/dev/null 2>&1 || rustup component add "$component" \
        || die "install the component $component (rustup component add $component)"
done
cargo --version

say "format and lints"
cargo fmt --all --check
cargo clippy --workspace --all-targets --locked -- -D warnings

say "tests"
cargo test --workspace --locked

say "tests with serde_json's features switched on elsewhere"
for features in arbitrary_precision preserve_order float_roundtrip raw_value \
    arbitrary_precision,preserve_order,float_roundtrip,raw_value; do
    printf -- '-- %s\n' "$features"
    for crate in gymhook-event gymhook gymhook-conformance; do
        cargo test --locked -p "$crate" --features "$(sed 's/[^,]*/serde_json\/&/g' <<<"$features")"
    done
done

if command -v python3 >/dev/null; then
    say "the vectors are what their generators say"
    python3 tests/vectors/generate.py --check
fi

say "documentation"
cargo doc --workspace --no-deps --locked

say "examples"
cargo build --release --examples --locked
for example in quickstart conformance verify_request match_studio rotate_secret own_platform retry_table send_by_hand; do
    printf -- '-- %s\n' "$example"
    cargo run --quiet --release --locked --example "$example" | tail -n 2
done

say "the delivery machine in 20,000 hostile worlds"
cargo run --quiet --release --locked --example simulate -- --seeds 0..20000 | tail -n 12

say "the smallest configuration, in all possible ways: with one crash and one expired lease"
cargo run --quiet --release --locked --example simulate -- --exhaustive 1,1

say "all passed"
