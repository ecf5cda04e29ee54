//! The pages under `docs/`: what they say is held against what the code says.

use std::fs;
use std::path::{Path, PathBuf};

/// A path in the package.
pub(crate) fn in_package(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// The text of a page.
pub(crate) fn page(path: &str) -> String {
    let path = in_package(path);
    match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) => panic!("cannot read {}: {error}", path.display()),
    }
}

/// Holds a page against the code it is written from, or writes it where `UPDATE_DOCS` is set (`make docs`).
pub(crate) fn assert_page(path: &str, written: &str) {
    let file = in_package(path);
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&file, written).unwrap_or_else(|error| panic!("cannot write {}: {error}", file.display()));
    }
    let actual = fs::read_to_string(&file).unwrap_or_default();
    assert!(actual == written, "{path} is not what the code says; run `make docs`");
}

/// The code blocks of a language in a page.
pub(crate) fn code_blocks(page: &str, language: &str) -> Vec<String> {
    let opening = format!("```{language}\n");
    page.split(&opening)
        .skip(1)
        .filter_map(|rest| rest.split_once("\n```"))
        .map(|(block, _)| block.to_owned())
        .collect()
}
