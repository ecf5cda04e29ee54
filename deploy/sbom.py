"""Writes what the image says of itself: sbom.cdx.json (CycloneDX 1.5) of the crates that are linked in, and their
licences, one text after another. Reads `cargo metadata` from standard input; the argument is the folder to write to.
Nothing in it changes from one build of the same sources to the next.
"""

import json
import sys
from pathlib import Path

metadata = json.load(sys.stdin)
folder = Path(sys.argv[1])
packages = {package["id"]: package for package in metadata["packages"]}
nodes = {node["id"]: node for node in metadata["resolve"]["nodes"]}


def dependencies(node):
    """Those of the binary itself: neither of its tests nor of build scripts, but for C sources that these build."""
    return [
        dep["pkg"]
        for dep in node["deps"]
        if any(kind["kind"] is None for kind in dep["dep_kinds"])
        or packages[dep["pkg"]]["name"].endswith("-src")
    ]


root = metadata["resolve"]["root"]
linked, waiting = set(), [root]
while waiting:
    package = waiting.pop()
    if package not in linked:
        linked.add(package)
        waiting += dependencies(nodes[package])


def reference(package):
    return f"pkg:cargo/{package['name']}@{package['version']}"


def component(package):
    licence = package["license"]
    return {
        "type": "application" if package["id"] == root else "library",
        "bom-ref": reference(package),
        "name": package["name"],
        "version": package["version"],
        "purl": reference(package),
        "licenses": [{"expression": licence.replace("/", " OR ")}] if licence else [],
    }


ordered = sorted((packages[package] for package in linked), key=lambda package: (package["name"], package["version"]))
document = {
    "bomFormat": "CycloneDX",
    "specVersion": "1.5",
    "version": 1,
    "metadata": {"component": component(packages[root])},
    "components": [component(package) for package in ordered if package["id"] != root],
    "dependencies": [
        {
            "ref": reference(package),
            "dependsOn": sorted({reference(packages[dep]) for dep in dependencies(nodes[package["id"]])}),
        }
        for package in ordered
    ],
}
folder.mkdir(parents=True, exist_ok=True)
(folder / "sbom.cdx.json").write_text(json.dumps(document, indent=1) + "\n")

WORDS = ("license", "licence", "copying", "notice", "copyright", "unlicense")
with open(folder / "LICENSES.txt", "w") as out:
    out.write("alertbridge is under the Apache License 2.0 (first text). It holds the crates below, each with its own.\n")
    for package in sorted(ordered, key=lambda package: package["id"] != root):
        out.write(f"\n{'=' * 100}\n{package['name']} {package['version']}: {package['license']}\n{'=' * 100}\n")
        source = Path(package["manifest_path"]).parent
        texts = {path for path in source.rglob("*") if path.is_file() and path.name.lower().startswith(WORDS)}
        for text in sorted(text for text in texts if text.suffix in ("", ".md", ".txt", ".APACHE", ".MIT")):
            if "target" not in text.relative_to(source).parts:
                out.write(f"\n--- {text.relative_to(source)}\n\n{text.read_text(errors='replace')}\n")
print(f"{len(linked)} crates")
