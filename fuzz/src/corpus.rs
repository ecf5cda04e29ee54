//! The seeds of the fuzz targets, and what fuzzing has found, as ordinary tests.

use std::fs;
use std::path::Path;

use super::{expression, mapping_file, record};

fn each(target: &str, run: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(files.len() > 4, "{target} has seeds");
    for file in files {
        run(&fs::read(&file).unwrap());
    }
}

#[test]
fn every_record_of_the_corpus_has_an_outcome() {
    each("record", record);
}

#[test]
fn every_mapping_file_of_the_corpus_is_loaded_or_refused() {
    each("mapping_file", mapping_file);
}

#[test]
fn every_expression_of_the_corpus_is_compiled_and_run_or_refused() {
    each("expression", expression);
}
