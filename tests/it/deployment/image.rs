//! The Dockerfile knows what cargo asks for: no engine runs it here, so that a forgotten file would be noticed late.

use regex::Regex;

use crate::support::pages::{in_package, page};

/// The first build has the dependencies alone, on empty sources; cargo wants each target of Cargo.toml to be there.
#[test]
fn the_first_build_has_a_file_for_every_target() {
    let (manifest, dockerfile) = (page("Cargo.toml"), page("deploy/Dockerfile"));
    let bench = Regex::new(r#"\[\[bench\]\]\nname = "([a-z_]+)""#).unwrap();
    let benches = bench.captures_iter(&manifest).map(|found| {
        let (file, folder) = (format!("benches/{}.rs", &found[1]), format!("benches/{}/main.rs", &found[1]));
        if in_package(&file).exists() { file } else { folder }
    });
    let path = Regex::new(r#"(?m)^path = "([a-z_/]+\.rs)""#).unwrap();
    let paths = path.captures_iter(&manifest).map(|found| found[1].to_owned());
    let targets: Vec<String> = benches.chain(paths).collect();
    assert!(targets.len() >= 7, "{targets:?}");
    for target in targets {
        assert!(in_package(&target).exists(), "{target}");
        assert!(dockerfile.contains(&target), "deploy/Dockerfile makes no {target}");
    }
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
