//! `SECURITY.md` held against the code: the bounds that it names are those that are kept.

use regex::Regex;

use crate::support::pages::{in_package, page};

#[test]
fn every_bound_of_the_security_page_is_in_the_code() {
    let page = page("SECURITY.md");
    let kept = Regex::new(r"(?m)\| `(src/[^`]+)`(?: `([^`]+)`)? \|$").unwrap();
    let mut count = 0;
    for found in kept.captures_iter(&page) {
        let source = std::fs::read_to_string(in_package(&found[1])).unwrap();
        if let Some(code) = found.get(2) {
            assert!(source.contains(code.as_str()), "{} has no `{}`", &found[1], code.as_str());
        }
        count += 1;
    }
    assert!(count >= 25, "{count}");
}

#[test]
fn every_file_that_the_security_page_names_is_there() {
    let page = page("SECURITY.md");
    let path = Regex::new(r"`((?:src|tests|docs|config|deploy)/[A-Za-z0-9_./-]+|deny\.toml)`").unwrap();
    for found in path.captures_iter(&page) {
        assert!(in_package(&found[1]).exists(), "{}", &found[1]);
    }
}
