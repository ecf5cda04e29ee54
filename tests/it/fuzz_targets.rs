//! `fuzz/` compiles the pure layers by themselves; what they need has to be named there, too, or nobody can fuzz. They are
//! not compiled by the tests: that takes minutes.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use regex::Regex;

use crate::support::pages::{in_package, page};

/// What a manifest says of its libraries, without remarks, by name.
fn libraries(manifest: &str) -> BTreeMap<String, String> {
    let line = Regex::new(r"(?m)^([a-z0-9_-]+) = ([^#\n]+)").unwrap();
    let (_, libraries) = manifest.split_once("\n[dependencies]\n").unwrap();
    let (libraries, _) = libraries.split_once("\n[").unwrap();
    line.captures_iter(libraries).map(|found| (found[1].to_owned(), found[2].trim().to_owned())).collect()
}

/// The versions in a lock file, by name.
fn versions(lock: &str) -> BTreeMap<String, BTreeSet<String>> {
    let package = Regex::new(r#"name = "([^"]+)"\nversion = "([^"]+)""#).unwrap();
    let mut versions: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for found in package.captures_iter(lock) {
        let _is_new = versions.entry(found[1].to_owned()).or_default().insert(found[2].to_owned());
    }
    versions
}

fn add_code(path: &Path, code: &mut String) {
    for entry in std::fs::read_dir(path).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            add_code(&path, code);
        } else if path.extension().is_some_and(|of| of == "rs")
            && path.file_name().is_some_and(|name| name != "tests.rs")
        {
            code.push_str(std::fs::read_to_string(path).unwrap().split("#[cfg(test)]").next().unwrap());
        }
    }
}

#[test]
fn the_fuzz_targets_have_all_that_the_code_under_them_needs() {
    let (root, fuzz) = (libraries(&page("Cargo.toml")), libraries(&page("fuzz/Cargo.toml")));
    let targets = page("fuzz/src/lib.rs");
    let modules = Regex::new(r#""\.\./\.\./src/([a-z_]+)(?:/mod)?\.rs""#).unwrap();
    let modules: BTreeSet<String> = modules.captures_iter(&targets).map(|found| found[1].to_owned()).collect();
    let mut code = page("fuzz/src/targets.rs");
    for module in &modules {
        match in_package(&format!("src/{module}")) {
            directory if directory.is_dir() => add_code(&directory, &mut code),
            _ => code.push_str(&page(&format!("src/{module}.rs"))),
        }
    }

    let named = Regex::new(r"(?m)^ *(?:pub(?:\([a-z ]+\))? )?use crate::([a-z_]+)").unwrap();
    for found in named.captures_iter(&code) {
        assert!(modules.contains(&found[1]), "fuzz/src/lib.rs has no module {}", &found[1]);
    }
    let mut needed = 0;
    for (name, of_root) in &root {
        if Regex::new(&format!(r"(?-u:\b){}::", name.replace('-', "_"))).unwrap().is_match(&code) {
            assert_eq!(fuzz.get(name), Some(of_root), "{name} in fuzz/Cargo.toml");
            needed += 1;
        }
    }
    assert!(needed >= 10, "{needed}");
}

#[test]
fn the_fuzz_targets_run_with_the_versions_that_the_program_has() {
    let (root, fuzz) = (versions(&page("Cargo.lock")), versions(&page("fuzz/Cargo.lock")));
    for (name, versions) in fuzz {
        let Some(of_root) = root.get(&name) else { continue };
        assert!(versions.is_subset(of_root), "{name} is {versions:?} in fuzz/Cargo.lock and {of_root:?} in Cargo.lock");
    }
}
