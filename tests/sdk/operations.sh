#!/bin/sh
# Every operation of SecMaster's API, by the vendor's SDK and by our client, each against a simulator of its own with
# the same world: the SDK parses every answer, its signer agrees with every request, and ours are equal to the SDK's in
# method, path, query and body. The differences that are meant are listed in sdk_operations.py.
set -eu
cd "$(dirname "$0")/../.."
. tests/sdk/common.sh

own_key
cargo build --locked --quiet --bin alertbridge --example every_operation
start() {
    start_simulator --world tests/sdk/world.yaml --run-for 600000
}

start
sdk tests/sdk/sdk_operations.py call "$SIMULATOR_URL" "$scratch/sdk.json"
stop_simulator
start
"$target/debug/examples/every_operation"
sdk tests/sdk/sdk_check.py verify "$SIMULATOR_URL" alertbridge/
sdk tests/sdk/sdk_operations.py compare "$SIMULATOR_URL" "$scratch/sdk.json"
