#!/usr/bin/env bash
# Makes every table of measurements in one run and writes them to benches/RESULTS.md, with a description of the machine. What
# an earlier run wrote is replaced.
#
#     bash benches/run.sh            # builds, then measures for about 25 minutes: leave the machine alone
#     bash benches/run.sh --quick    # less of everything: shows that it works, too short to quote
#     bash benches/run.sh durable    # these benches only (ratios, delivery, durable, adapters, command, gateway)
#
# Needs PostgreSQL's programs, 4 GB of memory and 10 GB of disk. No network but the package registries.
set -euo pipefail
cd "$(dirname "$0")/.."
export CARGO_TERM_COLOR=never

die() { printf 'cannot measure: %s\n' "$*" >&2; exit 2; }

all=(ratios delivery durable adapters command gateway)
wanted=()
quick=()
for argument in "$@"; do
    if [ "$argument" = --quick ]; then
        quick=(--quick)
    elif [[ " ${all[*]} " == *" $argument "* ]]; then
        wanted+=("$argument")
    else
        die "there is no bench $argument: choose from ${all[*]}, or --quick"
    fi
done
[ ${#wanted[@]} -gt 0 ] || wanted=("${all[@]}")

# Everything is built before anything is measured: a build beside a measurement would be measured, too.
for bench in "${wanted[@]}"; do
    cargo bench -q -p gymhook-benches --bench "$bench" --no-run --locked
done
case " ${wanted[*]} " in *" command "*) cargo build -q --release -p gymhook-cli --locked ;; esac
case " ${wanted[*]} " in
    *" durable "*) cargo build -q --release --locked --manifest-path benches/webhooksmith/Cargo.toml ;;
esac

results=benches/RESULTS.md
draft=$(mktemp)
trap 'rm -f "$draft"' EXIT

of_cpu() { sed -n "s/^$1[[:space:]]*: //p" /proc/cpuinfo | head -1; }
has_flag() { grep -qw "$1" /proc/cpuinfo && printf yes || printf no; }
# How many times a second 4 KiB are appended to a file of this disk and synced, which bounds every store on it.
syncs() {
    local file began ended
    file=$(mktemp -p target)
    began=$(date +%s%N)
    dd if=/dev/zero of="$file" bs=4k count=2000 oflag=dsync status=none
    ended=$(date +%s%N)
    rm "$file"
    printf '%d' $((2000 * 1000000000 / (ended - began)))
}

mkdir -p target
{
    printf '# Results of one run\n\nWritten by `benches/run.sh%s`; what each line means is in [README.md](README.md).\n\n' \
        "$([ $# -eq 0 ] || printf ' %s' "$*")"
    [ ${#quick[@]} -eq 0 ] || printf 'A quick run, too short to quote.\n\n'
    printf '| | |\n|---|---|\n'
    printf '| date | %s |\n' "$(date -u +%Y-%m-%d)"
    printf '| commit | %s%s |\n' "$(git rev-parse --short HEAD)" \
        "$(git diff --quiet HEAD -- crates benches Cargo.lock Cargo.toml || printf ', with changes that are not committed')"
    printf '| processor | %s, %s cores; SHA-NI: %s, AVX-512: %s |\n' "$(of_cpu 'model name')" "$(nproc)" "$(has_flag sha_ni)" "$(has_flag avx512f)"
    printf '| memory | %s MiB |\n' "$(($(sed -n 's/^MemTotal: *\([0-9]*\) kB/\1/p' /proc/meminfo) / 1024))"
    printf '| kernel | %s |\n' "$(uname -sr)"
    printf '| file system | %s, %s synchronous writes of 4 KiB a second |\n' "$(stat -f -c %T target)" "$(syncs)"
    printf '| compiler | %s |\n' "$(rustc --version)"
    printf '| load before the run | %s |\n' "$(cut -d' ' -f1-3 /proc/loadavg)"
} >"$draft"

began=$SECONDS
for bench in "${wanted[@]}"; do
    printf '== %s\n' "$bench" >&2
    since=$SECONDS
    options=("${quick[@]}")
    # The whole table of the delivery state machine has ten million waiting deliveries: ten minutes, and 7 GB.
    [ "$bench" != delivery ] || options=(--quick)
    # The ratios have no quick table.
    [ "$bench" != ratios ] || options=()
    printf '\n## %s\n\n' "$bench" >>"$draft"
    # What is told while it runs goes to the terminal, and only the tables into the file.
    cargo bench -q -p gymhook-benches --bench "$bench" --locked -- "${options[@]}" >>"$draft"
    printf '\n%s seconds.\n' $((SECONDS - since)) >>"$draft"
done
printf '\nThe measurements took %s minutes in all.\n' $(((SECONDS - began + 59) / 60)) >>"$draft"
cp "$draft" "$results"
printf 'written: %s\n' "$results" >&2
