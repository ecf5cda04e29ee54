#!/bin/sh
# The image's last stage by hand, for machines without a container engine: a root with what the base image holds (glibc,
# libgcc, certificates) and what the Dockerfile copies, mounted read-only; the binary runs in it as user 65532, without
# a shell and without capabilities, and does its job (`alertbridge demo`: every record accounted for).
# `make image-root`; wants root on Debian or its kin. BINARY says which one (target/release/alertbridge).
set -eu

here=$(cd "$(dirname "$0")/../.." && pwd)
target=${CARGO_TARGET_DIR:-$here/target}
binary=${BINARY:-$target/release/alertbridge}
root=$target/image-root

[ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null && command -v unshare >/dev/null || {
    echo "the image's root is made by apt-get and unshare: run this as root on Debian, with util-linux installed" >&2
    exit 1
}
[ -x "$binary" ] || { echo "$binary is missing: make build" >&2; exit 1; }

rm -rf "$root"
mkdir -p "$root/etc/ssl/certs" "$root/usr/local/bin" "$root/dev" "$root/tmp"
packages=$(mktemp -d)
trap 'rm -rf "$packages"' EXIT
(cd "$packages" && apt-get download -qq libc6 libgcc-s1 ca-certificates >/dev/null 2>&1)
for package in "$packages"/*.deb; do
    dpkg -x "$package" "$root"
done
cat "$root"/usr/share/ca-certificates/mozilla/*.crt > "$root/etc/ssl/certs/ca-certificates.crt"
cp "$binary" "$root/usr/local/bin/alertbridge"
(cd "$here" && cargo metadata --locked --format-version 1 --filter-platform "$(rustc -vV | sed -n 's/^host: //p')") \
    | (cd "$here" && python3 deploy/sbom.py "$root/usr/share/doc/alertbridge")

# In a mount namespace of its own: nothing stays mounted.
in_image() {
    # shellcheck disable=SC2016 # expanded inside
    unshare --mount sh -c '
        mount --bind "$0" "$0" && mount -o remount,bind,ro "$0"
        exec setpriv --no-new-privs chroot --userspec=65532:65532 "$@"
    ' "$root" "$root" "$@"
}

if in_image /bin/sh -c true 2>/dev/null; then
    echo "there is a shell in the image" >&2
    exit 1
fi
in_image /usr/local/bin/alertbridge --version
in_image /usr/local/bin/alertbridge demo
du -sh "$root" | sed 's/\t.*/ in the image/'
