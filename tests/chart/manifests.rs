//! What the chart renders: valid for Kubernetes, for the operators, and for the program.

use std::fs;
use std::path::Path;
use std::process::Command;

use regex::Regex;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::pages::{assert_page, in_package, page};
use crate::render::{CASES, chart, helm, judge, of_kind, resources, template, template_text, tool, workload};

/// Whether a resource is of an operator, and not of Kubernetes itself.
fn is_custom(resource: &&Value) -> bool {
    let group = resource["apiVersion"].as_str().unwrap();
    group.starts_with("monitoring.coreos.com/") || group.starts_with("keda.sh/")
}

fn fits_kubernetes(resources: &Value) -> Result<(), String> {
    judge(&tool("python/bin/python"), &in_package("tests/chart/schemas.py"), resources)
}

fn fits_the_operators(resources: &Value) -> Result<(), String> {
    // Node.js looks for packages beside the script.
    let script = tool("node").join("crds.mjs");
    fs::copy(in_package("tests/chart/crds.mjs"), &script).unwrap();
    judge(Path::new("node"), &script, resources)
}

#[test]
fn helm_lint_has_nothing_to_say() {
    for values in CASES {
        let output = helm(&["lint", "--strict"], values, &["--kube-version", "1.37"]);
        assert!(output.status.success(), "{values:?}: {}", String::from_utf8_lossy(&output.stdout));
    }
}

#[test]
fn every_resource_fits_its_schema() {
    let (mut own, mut custom) = (Vec::new(), Vec::new());
    for values in CASES {
        let rendered = template(values, &[]);
        custom.extend(rendered.iter().filter(is_custom).cloned());
        own.extend(rendered.iter().filter(|resource| !is_custom(resource)).cloned());
    }
    assert!(own.len() > 20 && custom.len() == 3, "{} {}", own.len(), custom.len());
    fits_kubernetes(&json!(own)).unwrap();
    fits_the_operators(&json!(custom)).unwrap();
}

#[test]
fn a_resource_that_does_not_fit_is_noticed() {
    let rendered = template(Some("full-values.yaml"), &[]);
    let broken = |kind: &str, path: &str, key: &str, value: Value| {
        let mut resource = of_kind(&rendered, kind).unwrap().clone();
        resource.pointer_mut(path).unwrap()[key] = value;
        json!([resource])
    };
    fits_kubernetes(&broken("StatefulSet", "/spec", "replica", json!(1))).unwrap_err();
    fits_kubernetes(&broken("StatefulSet", "/spec", "serviceName", json!(1))).unwrap_err();
    fits_the_operators(&broken("PodMonitor", "/spec/podMetricsEndpoints/0", "intervals", json!("1m"))).unwrap_err();
    fits_the_operators(&broken("PodMonitor", "/spec/podMetricsEndpoints/0", "interval", json!("1 m"))).unwrap_err();
    fits_the_operators(&broken("ScaledObject", "/spec", "maxReplicaCount", json!("6"))).unwrap_err();
    fits_the_operators(&broken("PrometheusRule", "/spec/groups/0", "name", json!(null))).unwrap_err();
}

/// A folder in which the files are that the pod would see, and the configuration that names them there.
fn unpacked(rendered: &[Value]) -> (TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let authority = rcgen::generate_simple_self_signed(vec!["kafka".to_owned()]).unwrap().cert.pem();
    let maps = rendered.iter().filter(|resource| resource["kind"] == "ConfigMap");
    let text = |key: &str| maps.clone().find_map(|map| map["data"][key].as_str()).map(str::to_owned);
    let config = text("alertbridge.yaml").unwrap();
    let secrets = Regex::new("/etc/alertbridge-secrets/([a-z.-]+)").unwrap();
    for name in secrets.captures_iter(&config).map(|found| found[1].to_owned()) {
        fs::write(folder.path().join(&name), if name.ends_with(".crt") { &authority } else { "a-secret" }).unwrap();
    }
    let mappings = folder.path().join("mappings");
    fs::create_dir(&mappings).unwrap();
    if let Some(mapping) = text("acme_firewall.yaml") {
        fs::write(mappings.join("acme_firewall.yaml"), mapping).unwrap();
    }
    let here = folder.path().display().to_string();
    // What the program would not take, so that nobody begins anywhere without a choice.
    let config = config.replace("/etc/alertbridge-secrets", &here).replace("START-FROM", "latest");
    (folder, config.replace("/etc/alertbridge-mappings", &mappings.display().to_string()))
}

#[test]
fn the_program_accepts_the_configuration_inside() {
    for values in CASES {
        let rendered = template(values, &[]);
        let (folder, config) = unpacked(&rendered);
        fs::write(folder.path().join("alertbridge.yaml"), config).unwrap();
        let container = &workload(&rendered)["spec"]["template"]["spec"]["containers"][0];
        let environment = container["env"].as_array().into_iter().flatten();
        let environment = environment.map(|e| (e["name"].as_str().unwrap(), e["value"].as_str().unwrap_or("bridge-0")));
        let output = Command::new(env!("CARGO_BIN_EXE_alertbridge"))
            .current_dir(folder.path())
            .arg("check")
            .env_clear()
            .envs(environment)
            .output()
            .unwrap();
        let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{values:?}: {said}");
        assert!(said.contains("acme_firewall") == (values == Some("full-values.yaml")), "{said}");
    }
}

#[test]
fn pods_outlive_their_drain_and_keep_their_membership_where_they_keep_their_names() {
    for (values, grace, member) in [
        (None, 25 + 20, true),
        (Some("full-values.yaml"), 60 + 20, true),
        (Some("deployment-values.yaml"), 11 + 20, false),
    ] {
        let rendered = template(values, &[]);
        let pod = &workload(&rendered)["spec"]["template"]["spec"];
        assert_eq!(pod["terminationGracePeriodSeconds"], grace, "{values:?}");
        let environment = pod["containers"][0]["env"].to_string();
        assert_eq!(environment.contains("ALERTBRIDGE__KAFKA__GROUP_INSTANCE_ID"), member, "{values:?}");
    }
}

#[test]
fn values_that_cannot_work_are_refused() {
    for (refused, values) in [
        ("config.kafka.topic", "config.kafka.topic=x"),
        ("a secret in a ConfigMap", "config.secmaster.credentials.secret_access_key=x"),
        ("a duration", "config.delivery.drain_timeout=25 seconds"),
        ("less than leaving the group takes", "shutdownMarginSeconds=5"),
        ("a kind", "workload.kind=DaemonSet"),
        ("an unknown value", "replicas=3"),
    ] {
        let output = helm(&["template", "x", "--kube-version", "1.37"], None, &["--set", values]);
        assert!(!output.status.success(), "{refused} is taken");
    }
    let expression = ["--set", "config.kafka.topics[0]=^soc", "--set", "keda.enabled=true"];
    let output = helm(&["template", "x", "--kube-version", "1.37"], None, &expression);
    assert!(String::from_utf8_lossy(&output.stderr).contains("is an expression"));
}

#[test]
fn the_notes_say_what_is_still_to_do() {
    // helm shows the notes only where it reaches a cluster: in a copy of the chart they are a template as the others.
    let copy = tempfile::tempdir().unwrap();
    let copied = Command::new("cp").arg("-r").arg(chart().join(".")).arg(copy.path()).status().unwrap();
    assert!(copied.success());
    fs::rename(copy.path().join("templates/NOTES.txt"), copy.path().join("NOTES.txt")).unwrap();
    let template = r#"notes: {{ tpl (.Files.Get "NOTES.txt") . | toJson }}"#;
    fs::write(copy.path().join("templates/notes.yaml"), template).unwrap();
    let notes = |values: Option<&str>| {
        let mut command = Command::new(tool("bin/helm"));
        command.args(["template", "alertbridge", "--kube-version", "1.37", "--namespace", "soc"]).arg(copy.path());
        command.args(["--show-only", "templates/notes.yaml"]);
        if let Some(values) = values {
            command.arg("--values").arg(chart().join("ci").join(values));
        }
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let rendered: Value = serde_saphyr::from_str(&String::from_utf8(output.stdout).unwrap()).unwrap();
        rendered["notes"].as_str().unwrap().to_owned()
    };
    insta::assert_snapshot!(notes(None));
    for values in [Some("full-values.yaml"), Some("deployment-values.yaml")] {
        // Both still have the placeholders of project and workspace.
        assert_eq!(notes(values).matches("TO DO").count(), 1, "{}", notes(values));
    }
}

#[test]
fn large_numbers_stay_whole() {
    let text = template_text(None, &["--set", "config.delivery.buffer.records=2500000"]);
    assert!(text.contains("records: 2500000\n"));
}

const PLAIN_HEAD: &str = "\
# One bridge on Kubernetes, for those without Helm. Rendered from deploy/helm/alertbridge by `make manifests`.
# Change what stands in capitals, the ids of zeros, the region and the image (push it to your registry first).
# START-FROM is where a group begins that has no offsets yet: `latest` runs only what comes from now on, `earliest` runs
# everything that the topics still hold, and an age (1h) or a time (2026-01-31T08:00:00Z) what is between.
# The Secret is not in here, so that no apply overwrites yours. Make it once, from files of these names:
#   kubectl create secret generic alertbridge --namespace soc --from-file=kafka-password --from-file=access-key-id \\
#     --from-file=secret-access-key
# Then:
#   kubectl apply --namespace soc --filename deploy/kubernetes.yaml
# A changed ConfigMap takes effect with: kubectl rollout restart statefulset/alertbridge
";

#[test]
fn the_plain_manifests_are_what_the_chart_renders() {
    let rendered = template_text(Some("plain-values.yaml"), &[]);
    let is_helms =
        Regex::new("^ *(helm.sh/chart|app.kubernetes.io/managed-by|checksum/config|namespace): |^# Source:").unwrap();
    let about_the_checksum = "A changed configuration is a new pod.";
    let lines = rendered.lines().filter(|line| !is_helms.is_match(line) && !line.contains(about_the_checksum));
    let mut plain = PLAIN_HEAD.to_owned();
    for line in lines {
        plain.push_str(line);
        plain.push('\n');
    }
    let kinds: Vec<Value> = resources(&plain).into_iter().map(|resource| resource["kind"].clone()).collect();
    assert!(kinds.len() >= 6 && !kinds.contains(&json!("Secret")), "{kinds:?}");
    let is_to_write = std::env::var_os("UPDATE_DOCS").is_some();
    assert!(is_to_write || page("deploy/kubernetes.yaml") == plain, "it is another: run `make manifests`");
    assert_page("deploy/kubernetes.yaml", &plain);
}
