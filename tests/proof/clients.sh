#!/bin/sh
# Sees to the clients of other makers that the shows use: kcat, and Python with venv for the vendor's SDK.
# Installs what is missing where it may (Debian and its kin, as root); otherwise one line says what to install.
set -eu

missing=
command -v kcat >/dev/null 2>&1 || missing="$missing kcat"
python3 -c 'import ensurepip, venv' 2>/dev/null || missing="$missing python3-venv"
[ -n "$missing" ] || exit 0
if [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null 2>&1; then
    apt-get update -qq
    # shellcheck disable=SC2086 # one word for each package
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
else
    echo "the shows with other clients need more: install$missing" >&2
    exit 1
fi
