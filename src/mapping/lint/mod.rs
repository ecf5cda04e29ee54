//! What in mapping files loads and is hardly meant: conditions that never or always hold, formats that are never
//! reached, fields that the data class does not know, words and bands that nothing leads to.
//!
//! Serves `alertbridge check`. What is not seen here is not wrong: no rule guesses at what a record may hold, beyond the
//! records in the files' own tests.

mod fields;
mod paths;
mod reach;
mod record;
mod severity;
mod tested;

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use super::compiled::Mapping;
use super::definition::{self, Definition};
use super::error::suggestion;
use super::expression::certain;
use super::finding::{Finding, Level};
use super::mapper::Mapper;
use super::places::Places;
use super::settings::{MappingSettings, is_mapping_file, sources};

/// The findings of one file.
pub(super) struct File<'a> {
    name: &'a str,
    places: Places,
    findings: Vec<Finding>,
}

impl File<'_> {
    fn add(&mut self, finding: Finding) {
        let at = self.places.find(&finding.field);
        self.findings.push(Finding { file: self.name.to_owned(), at, ..finding });
    }

    fn warn(&mut self, field: &str, problem: impl Into<String>, remedy: impl Into<String>) {
        self.add(Finding::warning(self.name, field, problem, remedy));
    }
}

impl Mapper {
    /// Looks for what is hardly meant in the user's mapping files, in the order of files and places. `settings` are
    /// those that this was loaded with.
    #[must_use]
    pub fn lint(&self, settings: &MappingSettings) -> Vec<Finding> {
        let mut errors = Vec::new();
        let sources = sources(settings, &mut errors);
        let mut places: HashMap<String, Places> = HashMap::new();
        let mut findings = Vec::new();
        for source in &sources {
            let Ok(definition) = definition::parse(&source.file, &source.text) else { continue };
            let in_force: Option<&Mapping> = self.mappings().iter().find(|mapping| mapping.file == source.file);
            // Those inside the binary are held to the same by a test.
            let users = in_force.map_or_else(|| !is_shipped(&source.file), |mapping| !mapping.shipped);
            let mut file = File { name: &source.file, places: Places::of(&source.text), findings: Vec::new() };
            if users {
                match in_force {
                    Some(mapping) => {
                        lint_file(&mut file, &definition, self.policy().strict);
                        severity::constant(&mut file, &definition, mapping);
                        paths::lint(&mut file, &definition, mapping);
                        tested::lint(&mut file, self, mapping);
                        replaces(&mut file, mapping);
                    }
                    None => {
                        let problem =
                            format!("`{}` is not among `mapping.formats`, so no record is read as it", definition.name);
                        file.warn("name", problem, "add it there, or take the file away");
                    }
                }
            }
            findings.append(&mut file.findings);
            let _replaced = places.insert(source.file.clone(), file.places);
        }
        for mut finding in reach::findings(self) {
            finding.at = places.get(&finding.file).and_then(|places| places.find(&finding.field));
            findings.push(finding);
        }
        findings.extend(settings.directories.iter().filter_map(|folder| empty(folder)));
        findings.sort_by(Finding::order);
        findings.dedup();
        findings
    }
}

/// A format of the user's that stands in for a shipped one.
fn replaces(file: &mut File<'_>, mapping: &Mapping) {
    if super::shipped::is_name(&mapping.name) {
        let problem = format!("replaces the shipped format `{}`", mapping.name);
        let remedy = "choose another name, unless that is meant";
        file.add(Finding { level: Level::Note, ..Finding::warning("", "name", problem, remedy) });
    }
}

/// A folder without a mapping file.
fn empty(folder: &Path) -> Option<Finding> {
    let mut entries = fs::read_dir(folder).ok()?.filter_map(Result::ok).map(|entry| entry.path());
    if entries.any(|path| is_mapping_file(&path)) {
        return None;
    }
    let remedy = "name the folder that holds yours";
    Some(Finding::warning(&folder.display().to_string(), "folder", "holds no mapping file (*.yaml, *.yml)", remedy))
}

fn is_shipped(file: &str) -> bool {
    super::shipped::SHIPPED.iter().any(|(name, _)| *name == file)
}

fn lint_file(file: &mut File<'_>, definition: &Definition, strict: bool) {
    let name = file.name.to_owned();
    let skip = definition.skip.as_ref().map(|skip| ("skip.when", skip.when.as_str()));
    for (field, predicate) in [("match", definition.matches.as_str())].into_iter().chain(skip) {
        for finding in lint_predicate(&name, field, predicate) {
            file.add(finding);
        }
    }
    let certain = certain(&definition.matches);
    if certain.holds == Some(false) {
        let why = certain.excluded.map(|why| format!(": {why}")).unwrap_or_default();
        let problem = format!("never holds, so no record is read as this format{why}");
        file.warn("match", problem, "write what tells its records apart");
    }
    severity::lint(file, definition);
    fields::lint(file, definition, strict);
    record::lint(file, definition);
}

/// What is hardly meant in a predicate, whatever follows from it.
#[must_use]
pub fn lint_predicate(file: &str, field: &str, source: &str) -> Vec<Finding> {
    let certain = certain(source);
    let mut findings = Vec::new();
    if certain.assigns {
        findings.push(Finding::warning(file, field, "assigns with `=`, so it always holds", "write `==` to compare"));
    }
    for word in certain.impossible_types {
        let known = suggestion(&word, ["null", "boolean", "number", "string", "array", "object"]);
        findings.push(Finding::warning(
            file,
            field,
            format!("compares `type` with `{word}`, which it never gives{known}"),
            "it gives null, boolean, number, string, array or object",
        ));
    }
    findings
}

#[cfg(test)]
mod tests;
