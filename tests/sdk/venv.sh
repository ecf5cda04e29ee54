#!/bin/sh
# Sees to the Python packages of the checks in this folder, pinned by hash, in target/sdk-venv; prints that folder.
# Quick and offline once they are there. Needs Python 3.9 or newer with venv; installs it where it may (Debian and its
# kin, as root).
set -eu
here=$(cd "$(dirname "$0")" && pwd)
python=${PYTHON:-python3}
venv=${CARGO_TARGET_DIR:-$here/../../target}/sdk-venv

if ! cmp -s "$here/requirements.txt" "$venv/requirements.txt" 2>/dev/null; then
    if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
        if [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null 2>&1; then
            apt-get update -qq >&2
            DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends python3-venv >&2
        else
            echo "the checks against Python packages need Python 3.9 or newer with venv: install python3-venv" >&2
            exit 1
        fi
    fi
    rm -rf "$venv"
    "$python" -m venv "$venv" >&2
    "$venv/bin/pip" install --quiet --disable-pip-version-check --require-hashes -r "$here/requirements.txt" >&2
    cp "$here/requirements.txt" "$venv/requirements.txt"
fi
echo "$venv"
