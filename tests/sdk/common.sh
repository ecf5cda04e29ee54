# What the checks of this folder share; sourced by them, in the repository's root. The Python packages are those of
# venv.sh.
# shellcheck shell=sh
python=${PYTHON:-python3}
target=${CARGO_TARGET_DIR:-target}
venv=$(tests/sdk/venv.sh)
scratch=$(mktemp -d)
simulator=
export NO_PROXY=127.0.0.1 no_proxy=127.0.0.1

trap 'stop_simulator; rm -rf "$scratch"' EXIT
trap 'exit 1' INT TERM

# A key for HUAWEICLOUD_SDK_AK and HUAWEICLOUD_SDK_SK, made up for this run: it opens nothing but its simulators.
own_key() {
    export HUAWEICLOUD_SDK_AK=SDKCHECKACCESSKEY001
    HUAWEICLOUD_SDK_SK=$("$python" -c 'import secrets; print(secrets.token_urlsafe(30))')
    export HUAWEICLOUD_SDK_SK
}

# Starts `alertbridge simulate` with these arguments, and waits for its SIMULATOR_URL.
start_simulator() {
    # The one before has left its address here.
    : >"$scratch/simulator"
    "$target/debug/alertbridge" simulate --listen 127.0.0.1:0 "$@" >"$scratch/simulator" &
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

stop_simulator() {
    [ -n "$simulator" ] || return 0
    kill "$simulator" 2>/dev/null || true
    wait "$simulator" 2>/dev/null || true
    simulator=
}

# Runs a Python script with the packages. The SDK leaves a file in the home folder.
sdk() {
    HOME=$scratch "$venv/bin/python" "$@"
}
