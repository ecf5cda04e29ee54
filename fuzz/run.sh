#!/usr/bin/env bash
# Builds the fuzz targets and runs each for a while: FUZZ_SECONDS (600), one target if it is named. What is found stays
# in target/fuzz/artifacts, the grown corpus in target/fuzz/corpus; the seeds in fuzz/corpus are only read.
#
# The layout is cargo-fuzz's, which wants a nightly compiler; this needs none, and no installation.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

seconds=${FUZZ_SECONDS:-600}
targets=("${@:-}")
if [ -z "${targets[0]}" ]; then targets=(record mapping_file expression); fi

target_dir="${CARGO_TARGET_DIR:-target}/fuzz"
triple=$(rustc -vV | sed -n 's/^host: //p')
# What cargo-fuzz passes, without the address sanitizer: there is no unsafe code here, and memory is watched as a whole.
# With --target the flags are those of the targets and not of build scripts.
flags="--cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4"
flags+=" -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table"
flags+=" -Cllvm-args=-sanitizer-coverage-trace-compares -Ccodegen-units=1"
RUSTC_BOOTSTRAP=1 RUSTFLAGS="$flags" cargo build --locked --release --manifest-path fuzz/Cargo.toml \
    --target "$triple" --target-dir "$target_dir"

for target in "${targets[@]}"; do
    mkdir -p "$target_dir/corpus/$target" "$target_dir/artifacts/$target"
    echo "fuzzing $target for $seconds s"
    "$target_dir/$triple/release/$target" "$target_dir/corpus/$target" "fuzz/corpus/$target" \
        -artifact_prefix="$target_dir/artifacts/$target/" \
        -max_total_time="$seconds" -rss_limit_mb=1024 -malloc_limit_mb=256 -timeout=30 -max_len=4096 -print_final_stats=1
done
