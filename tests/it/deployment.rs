//! The manifest under `deploy/` fits the program: ports, probes, times and files.

use std::path::Path;

use serde_json::Value;

/// The documents of the manifest: ConfigMap, Secret, Deployment.
fn manifest() -> [Value; 3] {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/kubernetes.yaml");
    let documents: Vec<Value> =
        std::fs::read_to_string(path).unwrap().split("\n---\n").map(|d| serde_saphyr::from_str(d).unwrap()).collect();
    documents.try_into().unwrap()
}

#[test]
fn the_probes_reach_the_port_that_the_configuration_opens() {
    let [config, _, deployment] = manifest();
    let config: Value = serde_saphyr::from_str(config["data"]["alertbridge.yaml"].as_str().unwrap()).unwrap();
    let container = &deployment["spec"]["template"]["spec"]["containers"][0];
    let port = &container["ports"][0];
    assert_eq!(config["server"]["listen"], format!("0.0.0.0:{}", port["containerPort"]));
    for (probe, path) in [("livenessProbe", "/livez"), ("readinessProbe", "/readyz")] {
        assert_eq!(container[probe]["httpGet"]["path"], path);
        assert_eq!(container[probe]["httpGet"]["port"], port["name"]);
    }
}

#[test]
fn the_pod_waits_for_the_drain() {
    let [config, _, deployment] = manifest();
    assert!(!config.to_string().contains("drain_timeout"), "the default of 25 s is in force");
    let grace = deployment["spec"]["template"]["spec"]["terminationGracePeriodSeconds"].as_u64().unwrap();
    assert!(grace >= 25 + 15, "drain, last commit, leaving the group");
}

#[test]
fn every_secret_file_that_the_configuration_names_is_in_the_secret() {
    let [config, secret, deployment] = manifest();
    let mounts = deployment["spec"]["template"]["spec"]["containers"][0]["volumeMounts"].as_array().unwrap();
    let folder = mounts.iter().find(|mount| mount["name"] == "secrets").unwrap()["mountPath"].as_str().unwrap();
    let text = config["data"]["alertbridge.yaml"].as_str().unwrap();
    let files: Vec<&str> = text.lines().filter_map(|line| line.split_once("_file: ")).map(|(_, file)| file).collect();
    assert_eq!(files.len(), 3);
    for file in files {
        let key = file.strip_prefix(folder).and_then(|rest| rest.strip_prefix('/')).unwrap();
        assert!(secret["stringData"][key].is_string(), "{file}");
    }
}

#[test]
fn the_image_is_the_one_that_is_made_and_its_user_is_a_number() {
    let [_, _, deployment] = manifest();
    let read = |path| std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap();
    let pod = &deployment["spec"]["template"]["spec"];
    let image = concat!("alertbridge:", env!("CARGO_PKG_VERSION"));
    assert_eq!(pod["containers"][0]["image"], image);
    assert!(read("Makefile").contains("--tag alertbridge:$(VERSION) "));
    for page in ["README.md", "docs/operations.md"] {
        assert!(read(page).contains(&format!("`{image}`")) || read(page).contains(&format!(", {image}\n")), "{page}");
    }
    let dockerfile = read("deploy/Dockerfile");
    let user = &pod["securityContext"]["runAsUser"];
    assert!(dockerfile.contains(&format!("\nUSER {user}:{user}\n")));
}
