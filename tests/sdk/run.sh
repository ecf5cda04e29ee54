#!/bin/sh
# Checks alertbridge against the vendor's Python SDK, on loopback:
#   1. the SDK's own client creates a workflow instance at `alertbridge simulate`;
#   2. the SDK's signer recomputes the signature of every request that the simulator captured, ours among them.
#
# Usage: tests/sdk/run.sh [COMMAND...]
#   With SIMULATOR_URL (and the key of HUAWEICLOUD_SDK_AK and HUAWEICLOUD_SDK_SK) a simulator that runs already is
#   taken; it has to keep its requests. Otherwise one is started.
#   COMMAND makes our side send at least one signed request; it finds the simulator in SIMULATOR_URL, the access key
#   in HUAWEICLOUD_SDK_AK and HUAWEICLOUD_SDK_SK. Default: the example start_workflow.
# The Python packages are those of venv.sh.
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
if [ -z "${SIMULATOR_URL:-}" ]; then
    # Made up for this run: it opens nothing but this simulator.
    export HUAWEICLOUD_SDK_AK=SDKCHECKACCESSKEY001
    HUAWEICLOUD_SDK_SK=$("$python" -c 'import secrets; print(secrets.token_urlsafe(30))')
    export HUAWEICLOUD_SDK_SK
    cargo build --quiet --bin alertbridge
    "$target/debug/alertbridge" simulate --listen 127.0.0.1:0 >"$scratch/simulator" &
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
fi

# The SDK leaves a file in the home folder.
HOME=$scratch "$venv/bin/python" tests/sdk/sdk_check.py create "$SIMULATOR_URL"
if [ $# -gt 0 ]; then
    "$@"
else
    cargo run --quiet --example start_workflow
fi
HOME=$scratch "$venv/bin/python" tests/sdk/sdk_check.py verify "$SIMULATOR_URL" alertbridge/
