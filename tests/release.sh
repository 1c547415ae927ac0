#!/usr/bin/env bash
# Checks what a release needs and tests/run.sh leaves out, because it is long or needs extra tools or toolchains.
#
#   bash tests/release.sh                 every check
#   bash tests/release.sh wasm package    these checks
#   bash tests/release.sh --order         the published crates, each after those that it depends on
#
# RELEASING.md says what each check means. Tools are installed with --locked into $GYMHOOK_TOOLS (target/release-tools),
# where they stay; one of the same version in the PATH is used as it is.
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD
export CARGO_TERM_COLOR=never
nightly=${GYMHOOK_NIGHTLY:-nightly}
tools=${GYMHOOK_TOOLS:-$root/target/release-tools}
# A folder of its own: these toolchains and features would evict what tests/run.sh has built.
export CARGO_TARGET_DIR=${GYMHOOK_RELEASE_TARGET:-$root/target/release-checks}
export PATH="$tools/bin:$PATH"

all_checks="typos deny package semver minimal msrv wasm otlp worlds external_types deploy"

say() { printf '\n== %s\n' "$*"; }
note() { printf '%s\n' "$*" >>"$notes"; printf 'note: %s\n' "$*"; }
die() { printf 'cannot run the checks: %s\n' "$*" >&2; exit 2; }

# The published crates, one a line, each after those that it depends on. Development dependencies do not count, since
# those without a version are not published.
published() {
    cargo metadata --no-deps --format-version 1 --locked | python3 -c '
import graphlib, json, sys
packages = {p["name"]: p for p in json.load(sys.stdin)["packages"] if p["publish"] != []}
graph = {
    name: [d["name"] for d in package["dependencies"] if d["name"] in packages and d["kind"] != "dev"]
    for name, package in sorted(packages.items())
}
print(*graphlib.TopologicalSorter(graph).static_order(), sep="\n")'
}

# What the crates say under [package.metadata.gymhook]: those for which `$1` is true.
marked() {
    cargo metadata --no-deps --format-version 1 --locked | python3 -c '
import json, sys
for package in json.load(sys.stdin)["packages"]:
    if ((package["metadata"] or {}).get("gymhook") or {}).get(sys.argv[1]):
        print(package["name"])' "$1"
}

# `-p crate` for each name on the standard input.
as_packages() { sed 's/^/-p /' | tr '\n' ' '; }

# tool <binary> <crate> <version> [toolchain]: installs it unless that very version is there.
tool() {
    local binary=$1 crate=$2 version=$3 toolchain=${4:-}
    if command -v "$binary" >/dev/null && version_of "$binary" | grep -qF "$version"; then return; fi
    printf 'installing %s %s into %s\n' "$crate" "$version" "$tools"
    CARGO_TARGET_DIR="$tools/build" cargo ${toolchain:+"+$toolchain"} install --quiet --locked --root "$tools" \
        "$crate@$version"
    rm -rf "$tools/build"
}

# A subcommand of cargo may want its own name as the first argument.
version_of() { "$1" --version 2>/dev/null || "$1" "${1#cargo-}" --version 2>/dev/null || true; }

# toolchain <name> [target]: installs what is missing of it.
toolchain() {
    local name=$1 target=${2:-}
    command -v rustup >/dev/null || die "this check needs rustup (https://rustup.rs) for the toolchain $name"
    rustup run "$name" rustc --version >/dev/null 2>&1 || rustup toolchain install "$name" --profile minimal
    [ -z "$target" ] || rustup target add --toolchain "$name" "$target"
}

# A copy of the published crates and what their tests use, without a lock file, at $1.
copy_of_the_workspace() {
    rm -rf "$1" && mkdir -p "$1"
    git ls-files -z --cached --others --exclude-standard -- ':!fuzz' ':!Cargo.lock' \
        | tar --create --null --files-from=- | tar --extract --directory "$1"
    python3 - "$1/Cargo.toml" <<'PYTHON'
import pathlib, re, sys
manifest = pathlib.Path(sys.argv[1])
text, count = re.subn(r"(?ms)^members = \[.*?^\]", 'members = ["crates/*"]', manifest.read_text(), count=1)
assert count == 1, "Cargo.toml has no list of members over several lines"
manifest.write_text(text)
PYTHON
}

check_typos() {
    tool typos typos-cli 1.52.0
    typos
}

check_deny() {
    tool cargo-deny cargo-deny 0.20.2
    cargo-deny --locked check --hide-inclusion-graph bans licenses sources
    if timeout 300 cargo-deny --locked fetch db; then
        cargo-deny --locked check --disable-fetch --hide-inclusion-graph advisories
    else
        note "deny: the advisory database could not be fetched: NOT checked for advisories"
    fi
}

check_package() {
    # One command: a crate that is not on the registry yet is found in the package made a moment before.
    # shellcheck disable=SC2046
    cargo package --locked --all-features $(published | as_packages)
    if grep -q 'gymhook\.example' Cargo.toml; then
        note "package: repository and homepage are still placeholders (RELEASING.md): do not publish"
    fi
}

check_semver() {
    local crate tag compared=0
    for crate in $(published); do
        tag=$(git tag --list "$crate-v*" --sort=-version:refname | head -n 1)
        if [ -z "$tag" ]; then
            note "semver: $crate has no baseline yet (no tag $crate-v…): NOT compared"
            continue
        fi
        [ "$compared" != 0 ] || tool cargo-semver-checks cargo-semver-checks 0.51.0
        compared=1
        printf -- '-- %s against %s\n' "$crate" "$tag"
        cargo semver-checks --package "$crate" --baseline-rev "$tag" --all-features
    done
}

check_minimal() {
    local copy=$CARGO_TARGET_DIR/minimal-versions
    toolchain "$nightly"
    copy_of_the_workspace "$copy"
    (
        cd "$copy"
        cargo "+$nightly" update --quiet -Z direct-minimal-versions
        # actix-server 2.8, the newest for the oldest tokio, does not name the features of actix-rt that it uses; up to
        # this version they are always on.
        cargo "+$nightly" update --quiet -p actix-rt --precise 2.10.0
        CARGO_TARGET_DIR=$CARGO_TARGET_DIR/minimal cargo check --quiet --locked --lib --bins --all-features \
            $(cd "$root" && published | as_packages)
    )
    rm -rf "$copy"
}

check_msrv() {
    local version
    version=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml)
    toolchain "$version"
    cargo "+$version" check --quiet --workspace --exclude gymhook-benches --lib --bins --examples --all-features --locked
}

check_wasm() {
    local crates
    crates=$(marked wasm)
    [ -n "$crates" ] || die "no crate says [package.metadata.gymhook] wasm = true"
    printf '%s\n' $crates
    toolchain "$(rustup show active-toolchain | cut -d ' ' -f 1)" wasm32-unknown-unknown
    # shellcheck disable=SC2046
    cargo check --quiet --locked --lib --target wasm32-unknown-unknown $(as_packages <<<"$crates")
}

check_worlds() {
    cargo run --quiet --release --locked --example simulate -- --seeds 0..20000 | tail -n 12
    # With one crash and one expired lease.
    cargo run --quiet --release --locked --example simulate -- --exhaustive 1,1
}

check_otlp() {
    cargo clippy --quiet --locked -p gymhook-cli --all-targets --features otlp -- -D warnings
    cargo test --quiet --locked -p gymhook-cli --features otlp --test traces
}

check_deploy() {
    local folder=$CARGO_TARGET_DIR/deploy said
    mkdir -p "$folder"
    if command -v systemd-analyze >/dev/null; then
        # The program is not installed here: another one takes its place.
        sed 's:=/usr/local/bin/gymhook:=/bin/true:' deploy/gymhook.service >"$folder/gymhook.service"
        # What it does not know it ignores, with a line and status 0.
        said=$(systemd-analyze verify --man=no "$folder/gymhook.service" 2>&1 | grep -F gymhook.service || true)
        [ -z "$said" ] || { printf '%s\n' "$said"; return 1; }
    else
        note "deploy: there is no systemd-analyze: gymhook.service is NOT checked"
    fi
    if command -v promtool >/dev/null; then
        promtool check rules deploy/alerts.yml
    else
        note "deploy: there is no promtool: alerts.yml is NOT checked"
    fi
    if docker compose version >/dev/null 2>&1; then
        docker compose --file deploy/compose.yaml config --quiet
    else
        note "deploy: there is no docker compose: compose.yaml is NOT checked"
    fi
    if docker info >/dev/null 2>&1; then
        docker build --quiet --file deploy/Dockerfile .
    else
        note "deploy: no docker runs: the image is NOT built"
    fi
}

check_external_types() {
    local crate manifest failed=0
    toolchain "$nightly"
    tool cargo-check-external-types cargo-check-external-types 0.5.0
    for crate in $(published); do
        manifest=$(cargo metadata --no-deps --format-version 1 --locked \
            | python3 -c 'import json, sys
for package in json.load(sys.stdin)["packages"]:
    if package["name"] == sys.argv[1] and any("lib" in target["kind"] for target in package["targets"]):
        print(package["manifest_path"])' "$crate")
        [ -n "$manifest" ] || continue # a command has no public types
        printf -- '-- %s\n' "$crate"
        cargo "+$nightly" check-external-types --all-features --manifest-path "$manifest" || failed=1
    done
    return "$failed"
}

command -v cargo >/dev/null || die "install Rust (https://rustup.rs)"
command -v python3 >/dev/null || die "install Python 3"
command -v git >/dev/null || die "install git"

if [ "${1:-}" = --order ]; then
    published
    exit
fi

checks=${*:-$all_checks}
for check in $checks; do
    case " $all_checks " in *" $check "*) ;; *) die "no such check: $check (there are: $all_checks)" ;; esac
done

notes=$(mktemp)
trap 'rm -f "$notes"' EXIT
results="" failed=0
for check in $checks; do
    say "$check"
    started=$SECONDS
    # In a shell of its own, and not in a condition, so that `set -e` holds inside.
    set +e
    (set -e && "check_$check")
    status=$?
    set -e
    verdict=passed
    [ "$status" = 0 ] || { verdict=FAILED failed=1; }
    results+=$(printf '%-16s %-7s %5d s' "$check" "$verdict" $((SECONDS - started)))$'\n'
done

say "results"
printf '%s' "$results"
sed 's/^/note: /' "$notes"
exit "$failed"
