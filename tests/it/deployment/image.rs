//! The Dockerfile knows what cargo asks for: no engine runs it here, so that a forgotten file would be noticed late.

use std::fs;
use std::process::Command;

use regex::Regex;
use serde_json::Value;

use crate::support::pages::{in_package, page};

/// The first build has the dependencies alone, on empty sources: what the Dockerfile does to Cargo.toml leaves a package
/// that cargo takes as it is, with the same dependencies.
#[test]
fn cargo_takes_the_package_that_the_first_build_is_left_with() {
    let folder = tempfile::tempdir().unwrap();
    for file in ["Cargo.toml", "Cargo.lock"] {
        fs::copy(in_package(file), folder.path().join(file)).unwrap();
    }
    let dockerfile = page("deploy/Dockerfile");
    let step = dockerfile.split("RUN sed ").nth(1).unwrap().split("&& cargo build").next().unwrap();
    let prepared = Command::new("sh").current_dir(folder.path()).args(["-ec", &format!("sed {step} true")]).status();
    assert!(prepared.unwrap().success());
    let metadata = Command::new(env!("CARGO"))
        .current_dir(folder.path())
        .args(["metadata", "--locked", "--offline", "--format-version", "1"])
        .output()
        .unwrap();
    assert!(metadata.status.success(), "{}", String::from_utf8_lossy(&metadata.stderr));
    let metadata: Value = serde_json::from_slice(&metadata.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    let ours = packages.iter().find(|package| package["name"] == "alertbridge").unwrap();
    let targets: Vec<&str> =
        ours["targets"].as_array().unwrap().iter().map(|t| t["kind"][0].as_str().unwrap()).collect();
    assert_eq!(targets, ["lib", "bin"]);
    assert!(page("Cargo.toml").contains("\n[profile.release]\n"));
    assert!(fs::read_to_string(folder.path().join("Cargo.toml")).unwrap().contains("\n[profile.release]\n"));
}

#[test]
fn what_the_dockerfile_copies_is_there_and_not_ignored() {
    let ignore = page("deploy/Dockerfile.dockerignore");
    let copy = Regex::new(r"(?m)^COPY ([^-\n][^\n]*) [^ \n]+$").unwrap();
    let dockerfile = page("deploy/Dockerfile");
    let copied: Vec<&str> =
        copy.captures_iter(&dockerfile).flat_map(|found| found.get(1).unwrap().as_str().split(' ')).collect();
    assert!(copied.len() >= 6, "{copied:?}");
    for source in copied {
        assert!(in_package(source).exists(), "{source}");
        assert!(ignore.lines().any(|line| line == format!("!{source}")), "{source} is ignored");
    }
}
