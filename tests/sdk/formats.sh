#!/bin/sh
# Checks what the shipped mappings make of every example and variant against others' code: the Alert model of the
# vendor's SDK takes every content with equal values, and PyPI's jq gives the same for every expression.
# The Python packages are those of venv.sh.
set -eu
cd "$(dirname "$0")/../.."

venv=$(tests/sdk/venv.sh)
written=${CARGO_TARGET_DIR:-target}/tmp/formats
rm -rf "$written"
cargo test --locked --quiet --test it -- formats::oracle >/dev/null
# The SDK leaves a file in the home folder.
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
HOME=$scratch "$venv/bin/python" tests/sdk/formats_check.py "$written"
