#!/bin/sh
# The image's last stage by hand, for machines without a container engine: a root with what the base image holds (glibc,
# libgcc, certificates) and what the Dockerfile copies out of the build stage, mounted read-only; the binary runs in it
# as the Dockerfile's user, without a shell and without capabilities, and does its job (`alertbridge demo`: every record
# accounted for). `make image-root`; wants root on Debian or its kin, and the build stage's root (build_stage.py).
set -eu

here=$(cd "$(dirname "$0")/../.." && pwd)
target=${CARGO_TARGET_DIR:-$here/target}
build=$target/image-build
root=$target/image-root
dockerfile=$here/deploy/Dockerfile

[ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null && command -v unshare >/dev/null || {
    echo "the image's root is made by apt-get and unshare: run this as root on Debian, with util-linux installed" >&2
    exit 1
}
user=$(sed -n 's/^USER //p' "$dockerfile")
entry=$(sed -n 's/^ENTRYPOINT \["\(.*\)"\]$/\1/p' "$dockerfile")
[ -n "$user" ] && [ -n "$entry" ] || { echo "$dockerfile names no user or no program" >&2; exit 1; }

rm -rf "$root"
mkdir -p "$root/etc/ssl/certs" "$root/dev" "$root/tmp"
packages=$(mktemp -d)
trap 'rm -rf "$packages"' EXIT
(cd "$packages" && apt-get download -qq libc6 libgcc-s1 ca-certificates >/dev/null 2>&1)
for package in "$packages"/*.deb; do
    dpkg -x "$package" "$root"
done
cat "$root"/usr/share/ca-certificates/mozilla/*.crt > "$root/etc/ssl/certs/ca-certificates.crt"
sed -n 's/^COPY --from=build //p' "$dockerfile" | while read -r from to; do
    echo "COPY --from=build $from $to"
    mkdir -p "$root$(dirname "$to")"
    # A folder's content goes into the other folder, as with an engine.
    [ -d "$build$from" ] && mkdir -p "$root$to" && from=$from/.
    cp -R "$build$from" "$root$to"
done

# In a mount namespace of its own: nothing stays mounted.
in_image() {
    # shellcheck disable=SC2016 # expanded inside
    unshare --mount sh -euc '
        root=$1 user=$2
        shift 2
        mount --bind "$root" "$root" && mount -o remount,bind,ro "$root"
        exec setpriv --no-new-privs chroot --userspec="$user" "$root" "$@"
    ' sh "$root" "$user" "$@"
}

if in_image /bin/sh -c true 2>/dev/null; then
    echo "there is a shell in the image" >&2
    exit 1
fi
[ -s "$root/usr/share/doc/alertbridge/sbom.cdx.json" ] || { echo "there is no SBOM in the image" >&2; exit 1; }
in_image "$entry" --version
in_image "$entry" demo
du -sh "$root" | sed 's/\t.*/ in the image/'
