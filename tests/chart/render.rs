//! Renders the chart, and runs the tools that judge it.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

use crate::pages::in_package;

/// The values files that everything is rendered with, beside the defaults.
pub(crate) const CASES: [Option<&str>; 4] =
    [None, Some("plain-values.yaml"), Some("full-values.yaml"), Some("deployment-values.yaml")];

/// A tool that tests/chart/fetch.sh has put in its place.
pub(crate) fn tool(path: &str) -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| in_package("target"), PathBuf::from);
    let tool = target.join("tools").join(path);
    assert!(tool.exists(), "{} is missing: run tests/chart/fetch.sh, or `make chart`", tool.display());
    tool
}

/// The chart's folder.
pub(crate) fn chart() -> PathBuf {
    in_package("deploy/helm/alertbridge")
}

/// Runs helm on the chart with a values file of `ci/` and further arguments.
pub(crate) fn helm(verb: &[&str], values: Option<&str>, more: &[&str]) -> Output {
    let mut command = Command::new(tool("bin/helm"));
    command.args(verb).arg(chart()).args(["--namespace", "soc"]);
    if let Some(values) = values {
        command.arg("--values").arg(chart().join("ci").join(values));
    }
    command.args(more).output().unwrap()
}

/// What `helm template` prints.
pub(crate) fn template_text(values: Option<&str>, more: &[&str]) -> String {
    // A helm that was built by `go install` does not know which Kubernetes it speaks to.
    let output = helm(&["template", "alertbridge", "--kube-version", "1.37"], values, more);
    assert!(output.status.success(), "{values:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// The resources that the chart renders.
pub(crate) fn template(values: Option<&str>, more: &[&str]) -> Vec<Value> {
    resources(&template_text(values, more))
}

/// The documents of a manifest.
pub(crate) fn resources(text: &str) -> Vec<Value> {
    let documents = text.split("\n---\n").map(|d| d.trim_start_matches("---\n"));
    documents.filter(|d| d.contains("kind:")).map(|d| serde_saphyr::from_str(d).unwrap()).collect()
}

/// The resource of this kind.
pub(crate) fn of_kind<'a>(resources: &'a [Value], kind: &str) -> Option<&'a Value> {
    resources.iter().find(|resource| resource["kind"] == kind)
}

/// The workload, of either kind.
pub(crate) fn workload(resources: &[Value]) -> &Value {
    of_kind(resources, "StatefulSet").or_else(|| of_kind(resources, "Deployment")).unwrap()
}

/// Runs a program with this on its standard input; its output if it fails.
pub(crate) fn judge(program: &Path, script: &Path, input: &Value) -> Result<(), String> {
    let mut child = Command::new(program)
        .arg(script)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input.to_string().as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    if output.status.success() { Ok(()) } else { Err(said) }
}
