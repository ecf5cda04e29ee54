//! What is under `deploy/` fits the program: ports, probes, times, files, metrics. `make chart` renders and judges the
//! chart itself; these tests need nothing but the files.

mod chart;
mod dashboard;
mod image;

use serde_json::Value;

use crate::support::pages::page;

/// The plain manifests.
fn manifests() -> Vec<Value> {
    page("deploy/kubernetes.yaml").split("\n---\n").skip(1).map(|d| serde_saphyr::from_str(d).unwrap()).collect()
}

fn of_kind(manifests: &[Value], kind: &str) -> Value {
    manifests.iter().find(|manifest| manifest["kind"] == kind).unwrap().clone()
}

#[test]
fn the_probes_reach_the_port_that_the_configuration_opens() {
    let manifests = manifests();
    let config = of_kind(&manifests, "ConfigMap");
    let config: Value = serde_saphyr::from_str(config["data"]["alertbridge.yaml"].as_str().unwrap()).unwrap();
    let workload = of_kind(&manifests, "StatefulSet");
    let container = &workload["spec"]["template"]["spec"]["containers"][0];
    let port = &container["ports"][0];
    assert_eq!(config["server"]["listen"], format!("0.0.0.0:{}", port["containerPort"]));
    for (probe, path) in [("startupProbe", "/livez"), ("livenessProbe", "/livez"), ("readinessProbe", "/readyz")] {
        assert_eq!(container[probe]["httpGet"]["path"], path);
        assert_eq!(container[probe]["httpGet"]["port"], port["name"]);
    }
}

#[test]
fn the_pod_waits_for_the_drain() {
    let manifests = manifests();
    assert!(!of_kind(&manifests, "ConfigMap").to_string().contains("drain_timeout"), "the default of 25 s is in force");
    let workload = of_kind(&manifests, "StatefulSet");
    let grace = workload["spec"]["template"]["spec"]["terminationGracePeriodSeconds"].as_u64().unwrap();
    assert!(grace >= 25 + 15, "drain, last commit, leaving the group");
}

#[test]
fn every_secret_file_that_the_configuration_names_is_in_the_secret_that_the_head_says_to_make() {
    let manifests = manifests();
    let page = page("deploy/kubernetes.yaml");
    let (head, _) = page.split_once("\n---\n").unwrap();
    let workload = of_kind(&manifests, "StatefulSet");
    let mounts = workload["spec"]["template"]["spec"]["containers"][0]["volumeMounts"].as_array().unwrap();
    let folder = mounts.iter().find(|mount| mount["name"] == "secrets").unwrap()["mountPath"].as_str().unwrap();
    let config = of_kind(&manifests, "ConfigMap");
    let text = config["data"]["alertbridge.yaml"].as_str().unwrap();
    let files: Vec<&str> = text.lines().filter_map(|line| line.split_once("_file: ")).map(|(_, file)| file).collect();
    assert_eq!(files.len(), 3);
    for file in files {
        let key = file.strip_prefix(folder).and_then(|rest| rest.strip_prefix('/')).unwrap();
        assert!(head.contains(&format!("--from-file={key}")), "{file}");
    }
}

#[test]
fn the_image_is_the_one_that_is_made_and_its_user_is_a_number() {
    let workload = of_kind(&manifests(), "StatefulSet");
    let pod = &workload["spec"]["template"]["spec"];
    let image = concat!("alertbridge:", env!("CARGO_PKG_VERSION"));
    assert_eq!(pod["containers"][0]["image"], image);
    assert!(page("Makefile").contains("--tag alertbridge:$(VERSION) "));
    for name in ["README.md", "docs/operations.md"] {
        let text = page(name);
        assert!(text.contains(&format!("`{image}`")) || text.contains(&format!(", {image}\n")), "{name}");
    }
    let dockerfile = page("deploy/Dockerfile");
    let user = &pod["securityContext"]["runAsUser"];
    assert!(dockerfile.contains(&format!("\nUSER {user}:{user}\n")));
}
