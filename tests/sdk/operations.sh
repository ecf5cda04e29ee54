#!/bin/sh
# Every operation of SecMaster's API, by the vendor's SDK and by our client, each against a simulator of its own with
# the same world: the SDK parses every answer, its signer agrees with every request, and ours are equal to the SDK's in
# method, path, query and body. The differences that are meant are listed in sdk_operations.py.
# The Python packages are those of venv.sh.
set -eu
cd "$(dirname "$0")/../.."

python=${PYTHON:-python3}
target=${CARGO_TARGET_DIR:-target}
venv=$(tests/sdk/venv.sh)
scratch=$(mktemp -d)
simulator=
stop() {
    if [ -n "$simulator" ]; then
        kill "$simulator" 2>/dev/null || true
        wait "$simulator" 2>/dev/null || true
        simulator=
    fi
}
finish() {
    stop
    rm -rf "$scratch"
}
trap finish EXIT
trap 'exit 1' INT TERM

export NO_PROXY=127.0.0.1 no_proxy=127.0.0.1
# Made up for this run: it opens nothing but these simulators.
export HUAWEICLOUD_SDK_AK=SDKCHECKACCESSKEY001
HUAWEICLOUD_SDK_SK=$("$python" -c 'import secrets; print(secrets.token_urlsafe(30))')
export HUAWEICLOUD_SDK_SK
cargo build --locked --quiet --bin alertbridge --example every_operation

start() {
    "$target/debug/alertbridge" simulate --listen 127.0.0.1:0 --world tests/sdk/world.yaml --run-for 600000 \
        >"$scratch/simulator" &
    simulator=$!
    tries=0
    until SIMULATOR_URL=$(grep -o 'http://[0-9.:]*' "$scratch/simulator"); do
        tries=$((tries + 1))
        if [ "$tries" -gt 100 ] || ! kill -0 "$simulator" 2>/dev/null; then
            echo "the simulator did not start" >&2
            exit 1
        fi
        sleep 0.1
    done
    export SIMULATOR_URL
}

# The SDK leaves a file in the home folder.
start
HOME=$scratch "$venv/bin/python" tests/sdk/sdk_operations.py call "$SIMULATOR_URL" "$scratch/sdk.json"
stop
start
"$target/debug/examples/every_operation"
HOME=$scratch "$venv/bin/python" tests/sdk/sdk_check.py verify "$SIMULATOR_URL" alertbridge/
HOME=$scratch "$venv/bin/python" tests/sdk/sdk_operations.py compare "$SIMULATOR_URL" "$scratch/sdk.json"
