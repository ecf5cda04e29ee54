#!/bin/sh
# Every way to credentials that the vendor's SDK has, by its own providers and by ours, against one simulator: it gives
# both their keys, and both ask for them in the same words. The Python packages are those of venv.sh.
set -eu
cd "$(dirname "$0")/../.."

python=${PYTHON:-python3}
target=${CARGO_TARGET_DIR:-target}
venv=$(tests/sdk/venv.sh)
scratch=$(mktemp -d)
simulator=
finish() {
    if [ -n "$simulator" ]; then
        kill "$simulator" 2>/dev/null || true
        wait "$simulator" 2>/dev/null || true
    fi
    rm -rf "$scratch"
}
trap finish EXIT
trap 'exit 1' INT TERM

export NO_PROXY=127.0.0.1 no_proxy=127.0.0.1
cargo build --locked --quiet --bin alertbridge

# Made up for this run: they open nothing but this simulator.
SIMULATOR_AK=SDKCHECKACCESSKEY001
SIMULATOR_SK=$("$python" -c 'import secrets; print(secrets.token_hex(20))')
token=$("$python" -c 'import secrets; print(secrets.token_urlsafe(60))')
export SIMULATOR_AK SIMULATOR_SK
"$target/debug/alertbridge" simulate --listen 127.0.0.1:0 --access-key "$SIMULATOR_AK" --secret-key "$SIMULATOR_SK" \
    --id-token "$token" --keep-requests 1000 >"$scratch/simulator" &
simulator=$!
tries=0
until url=$(grep -o 'http://[0-9.:]*' "$scratch/simulator"); do
    tries=$((tries + 1))
    if [ "$tries" -gt 100 ] || ! kill -0 "$simulator" 2>/dev/null; then
        echo "the simulator did not start" >&2
        exit 1
    fi
    sleep 0.1
done
# The SDK leaves a file in the home folder.
HOME=$scratch "$venv/bin/python" tests/sdk/sdk_credentials.py "$url" "$target/debug/alertbridge" "$token"
