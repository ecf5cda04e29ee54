// Holds custom resources against the schemas of their definitions (Prometheus operator, KEDA), as the npm packages
// @kubernetes-models ship them: values by the validators, unknown fields by the types. Runs in target/tools/node.
// Reads a JSON list of resources from standard input. Prints what does not fit; exit code 1 if there is any.
import { readFileSync, writeFileSync } from "node:fs";
import { spawnSync } from "node:child_process";

const MODULES = {
  "monitoring.coreos.com/v1": "@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1",
  "keda.sh/v1alpha1": "@kubernetes-models/keda/keda.sh/v1alpha1",
};
const resources = JSON.parse(readFileSync(0, "utf8"));
let faults = 0;
let source = "";
for (const [n, resource] of resources.entries()) {
  const module = `${MODULES[resource.apiVersion]}/${resource.kind}`;
  const Model = (await import(module))[resource.kind];
  try {
    new Model(resource).validate();
  } catch (error) {
    faults += 1;
    console.log(`${resource.kind}: ${error.message}`);
  }
  source += `import type { I${resource.kind} as T${n} } from "${module}";\n`;
  source += `export const r${n}: T${n} = ${JSON.stringify(resource, null, 1)};\n`;
}
const here = new URL(".", import.meta.url).pathname;
// Tests run side by side.
const file = `${here}resources-${process.pid}.mts`;
writeFileSync(file, source);
const options = ["--noEmit", "--strict", "--skipLibCheck", "--module", "nodenext", "--target", "es2022"];
const types = spawnSync(`${here}node_modules/.bin/tsc`, [...options, file], { cwd: here, encoding: "utf8" });
if (types.status !== 0) {
  faults += 1;
  console.log(types.stdout + types.stderr);
}
(await import("node:fs")).rmSync(file);
process.exit(faults === 0 ? 0 : 1);
