"""Holds manifests against the schemas of Kubernetes' last three minor versions, unknown fields included.

Reads a JSON list of resources from standard input; resources of other groups than Kubernetes' own are not for here.
Prints what does not fit, a line each; exit code 1 if there is any.
"""

import json
import sys

import kubernetes_validate
from kubernetes_validate import utils

resources = json.load(sys.stdin)
versions = utils.all_versions()
minors = sorted({utils.major_minor(version) for version in versions}, key=lambda v: tuple(map(int, v.split("."))))[-3:]
faults = []
for resource in resources:
    for minor in minors:
        try:
            kubernetes_validate.validate(resource, minor, strict=True)
        except kubernetes_validate.ValidationError as error:
            path = ".".join(str(part) for part in error.path)
            faults.append(f"{minor} {resource['kind']} {path}: {error.message}")
print("\n".join(faults))
print(f"{len(resources)} resources against Kubernetes {', '.join(minors)}", file=sys.stderr)
sys.exit(1 if faults else 0)
