#!/bin/sh
# Every way to credentials that the vendor's SDK has, by its own providers and by ours, against one simulator: it gives
# both their keys, and both ask for them in the same words.
set -eu
cd "$(dirname "$0")/../.."
. tests/sdk/common.sh

cargo build --locked --quiet --bin alertbridge

# Made up for this run: they open nothing but this simulator.
SIMULATOR_AK=SDKCHECKACCESSKEY001
SIMULATOR_SK=$("$python" -c 'import secrets; print(secrets.token_hex(20))')
token=$("$python" -c 'import secrets; print(secrets.token_urlsafe(60))')
export SIMULATOR_AK SIMULATOR_SK
start_simulator --access-key "$SIMULATOR_AK" --secret-key "$SIMULATOR_SK" --id-token "$token" --keep-requests 1000
sdk tests/sdk/sdk_credentials.py "$SIMULATOR_URL" "$target/debug/alertbridge" "$token"
