//! The restricted pod security standard (kubernetes.io, "Pod Security Standards"), as far as Linux pods go.

use serde_json::{Value, json};

use crate::render::{CASES, template, workload};

const VOLUMES: [&str; 8] =
    ["configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret"];

/// What of a pod's specification the standard does not allow.
fn faults(pod: &Value) -> Vec<String> {
    let mut faults = Vec::new();
    let mut demand = |holds: bool, what: &str| {
        if !holds {
            faults.push(what.to_owned());
        }
    };
    for host in ["hostNetwork", "hostPID", "hostIPC"] {
        demand(pod[host].is_null() || pod[host] == false, host);
    }
    demand(pod["securityContext"]["sysctls"].is_null(), "sysctls");
    for volume in pod["volumes"].as_array().into_iter().flatten() {
        let mut kinds = volume.as_object().unwrap().keys().filter(|key| *key != "name");
        demand(kinds.all(|kind| VOLUMES.contains(&kind.as_str())), "volumes");
    }
    let containers = ["containers", "initContainers", "ephemeralContainers"].map(|kind| pod[kind].as_array());
    for container in containers.into_iter().flatten().flatten() {
        let (own, pods) = (&container["securityContext"], &pod["securityContext"]);
        // A container's own word counts before the pod's.
        let either = |key: &str| if own[key].is_null() { &pods[key] } else { &own[key] };
        demand(own["privileged"].is_null() || own["privileged"] == false, "privileged");
        demand(own["allowPrivilegeEscalation"] == false, "allowPrivilegeEscalation");
        demand(own["capabilities"]["drop"] == json!(["ALL"]), "capabilities.drop");
        demand(own["capabilities"]["add"].is_null(), "capabilities.add");
        demand(own["procMount"].is_null(), "procMount");
        demand(either("runAsNonRoot") == true, "runAsNonRoot");
        demand(either("runAsUser").as_u64() != Some(0), "runAsUser");
        demand(either("seccompProfile")["type"] == "RuntimeDefault", "seccompProfile");
        demand(either("seLinuxOptions").is_null() && either("appArmorProfile").is_null(), "seLinux, AppArmor");
        for port in container["ports"].as_array().into_iter().flatten() {
            demand(port["hostPort"].is_null(), "hostPort");
        }
        for probe in ["startupProbe", "livenessProbe", "readinessProbe"] {
            demand(container[probe]["httpGet"]["host"].is_null(), "probe host");
        }
    }
    faults
}

fn pod(values: Option<&str>) -> Value {
    workload(&template(values, &[]))["spec"]["template"]["spec"].clone()
}

#[test]
fn every_pod_meets_the_restricted_standard_and_more() {
    for values in CASES {
        let pod = pod(values);
        assert_eq!(faults(&pod), Vec::<String>::new(), "{values:?}");
        assert!(pod["securityContext"]["runAsUser"].as_u64().unwrap() > 0, "a number that Kubernetes can see");
        assert_eq!(pod["containers"][0]["securityContext"]["readOnlyRootFilesystem"], true);
        assert_eq!(pod["automountServiceAccountToken"], false);
        assert_eq!(pod["enableServiceLinks"], false);
    }
}

#[test]
fn a_pod_that_breaks_the_standard_is_noticed() {
    let breaks = [
        ("/hostNetwork", json!(true), "hostNetwork"),
        ("/volumes/0/hostPath", json!({"path": "/"}), "volumes"),
        ("/containers/0/securityContext/privileged", json!(true), "privileged"),
        ("/containers/0/securityContext/allowPrivilegeEscalation", json!(true), "allowPrivilegeEscalation"),
        ("/containers/0/securityContext/capabilities", json!({"drop": ["NET_RAW"]}), "capabilities.drop"),
        ("/containers/0/securityContext/runAsNonRoot", json!(false), "runAsNonRoot"),
        ("/containers/0/securityContext/runAsUser", json!(0), "runAsUser"),
        ("/securityContext/seccompProfile", json!({"type": "Unconfined"}), "seccompProfile"),
        ("/containers/0/ports/0/hostPort", json!(80), "hostPort"),
    ];
    for (path, value, fault) in breaks {
        let mut pod = pod(None);
        let (parent, key) = path.rsplit_once('/').unwrap();
        pod.pointer_mut(parent).unwrap()[key] = value;
        assert_eq!(faults(&pod), [fault], "{path}");
    }
}
