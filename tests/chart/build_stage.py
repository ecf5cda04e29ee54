#!/usr/bin/env python3
"""The image's build stage by hand, for machines without a container engine: each instruction of the stage `build` is
read out of deploy/Dockerfile and run in a Debian root, so that what is tried here is what an engine would run.

What the base image holds is made of Debian's packages by debootstrap and of the host's own Rust, which has to be of the
version that the Dockerfile names. The crates come from the host's registry, and nothing else of the host is seen.
`make image-root`; wants root on Debian or its kin. DEBIAN_MIRROR names another mirror.
"""

import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[2]
DOCKERFILE = PACKAGE / "deploy/Dockerfile"
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", PACKAGE / "target"))
ROOT = TARGET / "image-build"
# Without one debootstrap takes Debian's own.
MIRROR = [mirror] if (mirror := os.environ.get("DEBIAN_MIRROR")) else []
# As in the base image, which has them beside Debian's smallest root.
BASE_PACKAGES = "ca-certificates,gcc,libc6-dev"
RUST = "/usr/local/rust"
CARGO_HOME = "/usr/local/cargo"

# In a mount namespace of its own: nothing stays mounted. $1: the root, $2: Rust, $3: cargo's registry, $4: the folder.
ENTER = f"""
mount --bind "$1" "$1"
mount -t proc proc "$1/proc" && mount --rbind /dev "$1/dev"
mount --bind "$2" "$1{RUST}" && mount -o remount,bind,ro "$1{RUST}"
mount --bind "$3" "$1{CARGO_HOME}/registry"
exec chroot "$1" /bin/sh -c 'cd "$0" && exec /bin/sh -c "$1"' "$4" "$5"
"""


def out(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True, cwd=PACKAGE).stdout.strip()


def instructions():
    """Name and argument of each instruction, comments gone, continued lines joined as a shell would read them."""
    lines = [line for line in DOCKERFILE.read_text().splitlines() if not line.lstrip().startswith("#")]
    text = re.sub(r"\\\n", "", "\n".join(lines))
    return [line.split(None, 1) for line in text.splitlines() if line.strip()]


def build_stage():
    """What the stage `build` consists of, and the image that it is made from."""
    arguments, stage = {}, None
    for name, argument in instructions():
        if name == "ARG" and stage is None:
            key, _, value = argument.partition("=")
            arguments[key] = value
        elif name == "FROM":
            if stage is not None:
                return base, stage
            image, _, alias = argument.partition(" AS ")
            if alias == "build":
                base, stage = re.sub(r"\$\{(\w+)\}", lambda found: arguments[found[1]], image), []
        elif stage is not None:
            stage.append((name, argument))
    sys.exit(f"{DOCKERFILE}: no stage build before another one")


def make_base(image):
    """Debian's smallest root of the suite that the base image is of, with what that adds; kept for the next run."""
    found = re.fullmatch(r"rust:(\d+\.\d+)-slim-(\w+)", image)
    if not found:
        sys.exit(f"{image}: only rust:VERSION-slim-SUITE can be made by hand")
    version, suite = found.groups()
    if not out("rustc", "--version").startswith(f"rustc {version}."):
        sys.exit(f"the image builds with Rust {version}, and here is {out('rustc', '--version')}")
    base = TARGET / f"image-base-{suite}"
    if base.exists():
        return base
    with tempfile.TemporaryDirectory() as folder:
        # From its package, so that nothing is installed on the host.
        subprocess.run(["apt-get", "download", "-qq", "debootstrap"], check=True, cwd=folder)
        subprocess.run(["dpkg", "-x", *map(str, Path(folder).glob("*.deb")), folder], check=True)
        making = base.with_suffix(".making")
        shutil.rmtree(making, ignore_errors=True)
        command = [f"{folder}/usr/sbin/debootstrap", "--variant=minbase", f"--include={BASE_PACKAGES}"]
        environment = os.environ | {"DEBOOTSTRAP_DIR": f"{folder}/usr/share/debootstrap"}
        subprocess.run([*command, suite, str(making), *MIRROR], check=True, env=environment, stdout=subprocess.DEVNULL)
    # How the host reaches its mirror: proxies and the like.
    settings = [line for line in out("apt-config", "dump").splitlines() if line.startswith("Acquire::")]
    (making / "etc/apt/apt.conf.d/99host").write_text("\n".join(settings) + "\n")
    making.rename(base)
    return base


def run(folder, command):
    print(f"RUN {command}", flush=True)
    environment = {
        "PATH": f"{RUST}/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "CARGO_HOME": CARGO_HOME,
        "CARGO_NET_OFFLINE": "true",
        "HOME": "/root",
        "DEBIAN_FRONTEND": "noninteractive",
    }
    home = Path(os.environ.get("CARGO_HOME", Path.home() / ".cargo"))
    arguments = [ROOT, out("rustc", "--print", "sysroot"), home / "registry", folder, command]
    subprocess.run(["unshare", "--mount", "sh", "-euc", ENTER, "sh", *map(str, arguments)], check=True, env=environment)


def copy(folder, argument):
    """Files keep their times, and folders come with their content, as with an engine; what .dockerignore keeps out fails."""
    print(f"COPY {argument}", flush=True)
    *sources, target = shlex.split(argument)
    allowed = {line[1:] for line in Path(f"{DOCKERFILE}.dockerignore").read_text().split() if line.startswith("!")}
    destination = ROOT / folder.lstrip("/") / target
    for source in sources:
        if source not in allowed:
            sys.exit(f"{source} is not let through by {DOCKERFILE}.dockerignore")
        path = PACKAGE / source
        if path.is_dir():
            shutil.copytree(path, destination, dirs_exist_ok=True)
        else:
            shutil.copy2(path, destination / path.name if target.endswith("/") else destination)


def main():
    if os.geteuid() != 0 or not all(map(shutil.which, ["apt-get", "dpkg", "unshare", "chroot"])):
        sys.exit("the build stage's root is made by debootstrap and unshare: run this as root on Debian")
    image, stage = build_stage()
    base = make_base(image)
    subprocess.run(["cargo", "fetch", "--locked", "--quiet"], check=True, cwd=PACKAGE)
    shutil.rmtree(ROOT, ignore_errors=True)
    subprocess.run(["cp", "--archive", str(base), str(ROOT)], check=True)
    for folder in (RUST, f"{CARGO_HOME}/registry"):
        (ROOT / folder.lstrip("/")).mkdir(parents=True)
    shutil.copy("/etc/resolv.conf", ROOT / "etc/resolv.conf")
    folder = "/"
    for name, argument in stage:
        if name == "WORKDIR":
            folder = argument
            (ROOT / folder.lstrip("/")).mkdir(parents=True, exist_ok=True)
        elif name == "RUN":
            run(folder, argument)
        elif name == "COPY":
            copy(folder, argument)
        else:
            sys.exit(f"{DOCKERFILE}: {name} is not known here")


if __name__ == "__main__":
    main()
