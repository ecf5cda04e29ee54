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
set -eu
cd "$(dirname "$0")/../.."
. tests/sdk/common.sh

if [ -z "${SIMULATOR_URL:-}" ]; then
    own_key
    cargo build --locked --quiet --bin alertbridge
    start_simulator
fi

sdk tests/sdk/sdk_check.py create "$SIMULATOR_URL"
if [ $# -gt 0 ]; then
    "$@"
else
    cargo run --locked --quiet --example start_workflow
fi
sdk tests/sdk/sdk_check.py verify "$SIMULATOR_URL" alertbridge/
