#!/usr/bin/env bash
# Passes every test of the workspace, and installs what it needs first. No network but the package registries.
set -euo pipefail
cd "$(dirname "$0")/.."
export CARGO_TERM_COLOR=never RUSTDOCFLAGS="-D warnings"
# A fresh build takes much less time without what only a debugger and the next build would use.
export CARGO_INCREMENTAL=0 CARGO_PROFILE_DEV_DEBUG=0

say() { printf '\n== %s\n' "$*"; }
die() { printf 'cannot run the tests: %s\n' "$*" >&2; exit 2; }

say "what is needed"
command -v cargo >/dev/null || die "install Rust 1.89 or newer (https://rustup.rs)"
if ! command -v cc >/dev/null; then
    command -v apt-get >/dev/null && [ "$(id -u)" = 0 ] || die "install a C compiler (Debian: apt-get install gcc libc6-dev)"
    apt-get update -qq && apt-get install -y -qq gcc libc6-dev
fi
find_postgres() {
    local folder
    for folder in "$(pg_config --bindir 2>/dev/null || true)" /usr/lib/postgresql/*/bin; do
        [ -x "$folder/initdb" ] && return 0
    done
    command -v initdb >/dev/null
}
if [ -z "${GYMHOOK_TEST_DATABASE_URL:-}" ] && ! find_postgres; then
    command -v apt-get >/dev/null && [ "$(id -u)" = 0 ] \
        || die "install PostgreSQL 13 or newer (Debian: apt-get install postgresql), or set GYMHOOK_TEST_DATABASE_URL"
    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq postgresql
fi
if ! PATH="$PATH:/usr/sbin:/usr/local/sbin" command -v pgbouncer >/dev/null; then
    command -v apt-get >/dev/null && [ "$(id -u)" = 0 ] || die "install PgBouncer (Debian: apt-get install pgbouncer)"
    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq pgbouncer
fi
if [ -z "${GYMHOOK_NO_BROWSER:-}" ] && ! { command -v chromium && command -v chromedriver; } >/dev/null; then
    command -v apt-get >/dev/null && [ "$(id -u)" = 0 ] \
        || die "install Chromium with its driver (Debian: apt-get install chromium chromium-driver), or set GYMHOOK_NO_BROWSER=1"
    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq chromium chromium-driver
fi
if [ -z "${GYMHOOK_NO_BROWSER:-}${GYMHOOK_AXE:-}" ] && ! command -v npm >/dev/null; then
    command -v apt-get >/dev/null && [ "$(id -u)" = 0 ] \
        || die "install npm, which fetches axe-core (Debian: apt-get install npm), or set GYMHOOK_AXE to the path of axe.min.js"
    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends npm
fi
for component in rustfmt clippy; do
    cargo "${component/rustfmt/fmt}" --version >/dev/null 2>&1 || rustup component add "$component" \
        || die "install the component $component (rustup component add $component)"
done
cargo --version
# One test mounts a file by itself, and prints a note if it may not.
there=$(mktemp -d)
touch "$there/a" "$there/b"
if mount --bind "$there/a" "$there/b" 2>/dev/null; then
    umount "$there/b"
else
    printf 'a database that is mounted by itself is not tested: nothing may be mounted here\n'
    export GYMHOOK_TEST_WITHOUT_MOUNTS=1
fi
rm -r "$there"

if ! command -v python3 >/dev/null; then
    printf 'the application in Python behind the gateway is not tested: python3 is not installed\n'
    export GYMHOOK_TEST_WITHOUT_PYTHON=1
fi

say "format and lints"
cargo fmt --all --check
cargo clippy --workspace --all-targets --features gymhook-engine/postgres --locked -- -D warnings
for features in "" http sqlite postgres store-tests; do
    cargo clippy -p gymhook-engine --lib --no-default-features --features "$features" --locked -- -D warnings
done

say "tests"
cargo test --workspace --features gymhook-engine/postgres --locked

say "tests with serde_json's features switched on elsewhere"
# raw_value is on in this workspace, and float_roundtrip changes nothing but how a number is rounded: both come with the last one.
for features in arbitrary_precision preserve_order arbitrary_precision,preserve_order,float_roundtrip,raw_value; do
    printf -- '-- %s\n' "$features"
    with=$(sed 's/[^,]*/serde_json\/&/g' <<<"$features")
    for crate in gymhook-event gymhook; do
        cargo test --locked -p "$crate" --features "$with"
    done
    cargo test --locked -p gymhook-conformance --test conformance --test runner --test fuzz_corpus --features "$with"
done

if command -v python3 >/dev/null; then
    say "the vectors are what their generators say"
    python3 tests/vectors/generate.py --check
fi

say "receivers in other languages against the vectors"
cargo build --quiet --locked -p gymhook-cli
for receiver in "python3 examples/other_languages/receiver.py" "node examples/other_languages/receiver.mjs"; do
    if ! command -v "${receiver%% *}" >/dev/null; then
        printf -- '-- not checked against the vectors: its interpreter is not installed: %s\n' "$receiver"
        continue
    fi
    printf -- '-- %s\n' "$receiver"
    "${CARGO_TARGET_DIR:-target}"/debug/gymhook vectors --stream --against "$receiver --cases" tests/vectors/signature-*.json
done

say "documentation"
cargo doc --workspace --no-deps --features gymhook-engine/postgres --locked

say "examples"
# The tests have built them.
examples="${CARGO_TARGET_DIR:-target}/debug/examples"
for example in conformance verify_request send_once send_durably_small match_studio rotate_secret own_platform \
    manage_egym retry_table send_by_hand receive_in_a_function send_durably many_workers inbox outbox; do
    printf -- '-- %s\n' "$example"
    "$examples/$example" | tail -n 2
done
for example in receive_axum receive_axum_studios receive_actix receive_to_inbox; do
    printf -- '-- %s\n' "$example"
    "$examples/$example" --demo | tail -n 2
done

say "the main job of README"
"$examples/quickstart" | tail -n 2

say "the delivery machine in 1,000 hostile worlds; tests/release.sh plays 20,000, and all possible ones of the smallest configuration"
"$examples/simulate" --seeds 0..1000 | tail -n 12

say "all passed"
