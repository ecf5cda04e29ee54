#!/bin/sh
# Fetches the Apache Kafka that the tests run, into target/kafka/lib. Quick and offline once it is there.
# Needs Java 17 or newer and Maven; installs both where it may (Debian and its kin, as root).
set -eu

here=$(cd "$(dirname "$0")" && pwd)
target=${CARGO_TARGET_DIR:-$here/../../target}/kafka
stamp=$target/complete

# The jars are complete when the pom that they were fetched for is this one.
if [ -d "$target/lib" ] && cmp -s "$stamp" "$here/pom.xml" 2>/dev/null && command -v java >/dev/null; then
    exit 0
fi

java_is_new_enough() {
    command -v java >/dev/null 2>&1 &&
        [ "$(java -version 2>&1 | sed -n 's/.*version "\([0-9]*\).*/\1/p' | head -n 1)" -ge 17 ] 2>/dev/null
}

missing=
java_is_new_enough || missing="$missing default-jre-headless"
command -v mvn >/dev/null 2>&1 || missing="$missing maven"
if [ -n "$missing" ]; then
    if [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null 2>&1; then
        apt-get update -qq
        # shellcheck disable=SC2086 # one word for each package
        DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
    fi
    if ! java_is_new_enough || ! command -v mvn >/dev/null 2>&1; then
        echo "the tests on Apache Kafka need Java 17 or newer and Maven: install$missing" >&2
        exit 1
    fi
fi

rm -rf "$target/lib" "$stamp"
mvn --batch-mode --quiet --file "$here/pom.xml" -Dlibraries="$target/lib" dependency:copy-dependencies
cp "$here/pom.xml" "$stamp"
