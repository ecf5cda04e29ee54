#!/bin/sh
# Checks what the shipped mappings make of every example and variant against others' code: the Alert model of the
# vendor's SDK takes every content with equal values, and PyPI's jq gives the same for every expression.
set -eu
cd "$(dirname "$0")/../.."
. tests/sdk/common.sh

written=$target/tmp/formats
rm -rf "$written"
cargo test --locked --quiet --test it -- formats::oracle >/dev/null
sdk tests/sdk/formats_check.py "$written"
