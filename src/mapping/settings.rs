//! Settings of the mapping, and the loading of all mapping files under them.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::{fs, io};

use sha2::{Digest, Sha256};

use super::compiled::{Mapping, Policy};
use super::definition;
use super::error::{MappingError, suggestion};
use super::places::Places;
use super::shipped::SHIPPED;
use super::time::parse_offset;
use crate::bounded_file;
use crate::domain::Severity;

/// What becomes of a record that no mapping matches.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub enum OnUnmatched {
    /// A dead letter of class `unmapped`.
    #[default]
    DeadLetter,
    /// It is skipped.
    Skip,
    /// It is read as this format.
    Format(String),
}

/// What becomes of an alert of which an optional field has no valid value.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum OnInvalidField {
    /// The field is left out, with a warning.
    #[default]
    Drop,
    /// The alert is a dead letter of class `invalid`.
    DeadLetter,
}

/// The mapping section of the configuration.
#[derive(Clone, Debug)]
pub struct MappingSettings {
    /// Folders with the user's mapping files (`*.yaml`, `*.yml`).
    pub directories: Vec<PathBuf>,
    /// The formats in force, in this order; empty: all, the user's by file name, then the shipped.
    pub formats: Vec<String>,
    /// What becomes of a record that no mapping matches.
    pub on_unmatched: OnUnmatched,
    /// What becomes of an optional field that has no valid value.
    pub on_invalid_field: OnInvalidField,
    /// Whether fields that the data class does not know are faults.
    pub strict: bool,
    /// For a source's severity that its mapping does not know.
    pub default_severity: Severity,
    /// The offset of a time without zone, such as `+08:00`.
    pub default_time_zone: String,
    /// The longest value, in bytes.
    pub max_record_bytes: usize,
}

impl Default for MappingSettings {
    fn default() -> Self {
        Self {
            directories: Vec::new(),
            formats: Vec::new(),
            on_unmatched: OnUnmatched::DeadLetter,
            on_invalid_field: OnInvalidField::Drop,
            strict: false,
            default_severity: Severity::Medium,
            default_time_zone: "+08:00".to_owned(),
            max_record_bytes: 12 << 20,
        }
    }
}

impl MappingSettings {
    /// What they say about fields; an error where the time zone cannot be read.
    fn policy(&self) -> Result<Policy, MappingError> {
        let zone = &self.default_time_zone;
        let zone_offset = parse_offset(zone).ok_or_else(|| {
            let problem = format!("`{zone}` is no offset from UTC; write it like +08:00");
            MappingError::of_field("mapping", "default_time_zone", problem)
        })?;
        Ok(Policy {
            strict: self.strict,
            invalid_is_dead_letter: matches!(self.on_invalid_field, OnInvalidField::DeadLetter),
            default_severity: self.default_severity,
            zone_offset,
        })
    }
}

/// Everything that the mapper works with.
#[derive(Debug)]
pub(super) struct Loaded {
    pub(super) mappings: Vec<Mapping>,
    pub(super) version: Arc<str>,
    pub(super) on_unmatched: Fallback,
    pub(super) policy: Policy,
    pub(super) max_record_bytes: usize,
    /// Whether any expression looks at `$record`.
    pub(super) uses_record: bool,
}

/// [`OnUnmatched`], resolved.
#[derive(Clone, Copy, Debug)]
pub(super) enum Fallback {
    DeadLetter,
    Skip,
    Mapping(usize),
}

impl Fallback {
    fn resolve(on_unmatched: &OnUnmatched, mappings: &[Mapping]) -> Option<Self> {
        match on_unmatched {
            OnUnmatched::DeadLetter => Some(Self::DeadLetter),
            OnUnmatched::Skip => Some(Self::Skip),
            OnUnmatched::Format(name) => mappings.iter().position(|m| *m.name == **name).map(Self::Mapping),
        }
    }
}

/// A mapping file's path and text.
pub(super) struct Source {
    pub(super) file: String,
    pub(super) text: String,
}

pub(super) fn load(settings: &MappingSettings) -> Result<Loaded, Vec<MappingError>> {
    let mut errors = Vec::new();
    let sources = sources(settings, &mut errors);
    let mut mappings = compile(&sources, SHIPPED.len(), &mut errors);
    select(&settings.formats, &mut mappings, &mut errors);
    assemble(settings, mappings, errors)
}

/// One file of the user's, and no other.
pub(super) fn load_text(settings: &MappingSettings, file: &str, text: &str) -> Result<Loaded, Vec<MappingError>> {
    let mut errors = Vec::new();
    let sources = [Source { file: file.to_owned(), text: text.to_owned() }];
    let mappings = compile(&sources, 0, &mut errors);
    let settings = MappingSettings { on_unmatched: OnUnmatched::DeadLetter, ..settings.clone() };
    assemble(&settings, mappings, errors)
}

fn assemble(
    settings: &MappingSettings,
    mappings: Vec<(Mapping, &str)>,
    mut errors: Vec<MappingError>,
) -> Result<Loaded, Vec<MappingError>> {
    let policy = settings.policy().unwrap_or_else(|error| {
        errors.push(error);
        Policy::default()
    });
    let mut hash = Sha256::new();
    for (_, text) in &mappings {
        hash.update(text.len().to_be_bytes());
        hash.update(text.as_bytes());
    }
    let mappings: Vec<Mapping> = mappings.into_iter().map(|(mapping, _)| mapping).collect();
    let on_unmatched = Fallback::resolve(&settings.on_unmatched, &mappings).unwrap_or_else(|| {
        let name = if let OnUnmatched::Format(name) = &settings.on_unmatched { name.as_str() } else { "" };
        let known = suggestion(name, mappings.iter().map(|m| &*m.name).chain(["dead_letter", "skip"]));
        let problem = format!("`{name}` is neither dead_letter, skip nor a format in force{known}");
        errors.push(MappingError::of_field("mapping", "on_unmatched", problem));
        Fallback::DeadLetter
    });
    if !errors.is_empty() {
        return Err(errors);
    }
    Ok(Loaded {
        uses_record: mappings.iter().any(|m| m.uses_record),
        mappings,
        version: hex::encode(hash.finalize()).get(..12).unwrap_or_default().into(),
        on_unmatched,
        policy,
        max_record_bytes: settings.max_record_bytes,
    })
}

/// Whether a path in a folder of mappings is one of them.
pub(super) fn is_mapping_file(path: &Path) -> bool {
    path.extension().is_some_and(|e| e.eq_ignore_ascii_case("yaml") || e.eq_ignore_ascii_case("yml")) && path.is_file()
}

/// All files: the user's, sorted by file name, then the shipped.
pub(super) fn sources(settings: &MappingSettings, errors: &mut Vec<MappingError>) -> Vec<Source> {
    let mut files = Vec::new();
    let mut read = HashSet::new();
    for directory in &settings.directories {
        // Named twice, as by the configuration and on the command line, it is read once.
        if !fs::canonicalize(directory).is_ok_and(|folder| read.insert(folder)) && directory.is_dir() {
            continue;
        }
        let of_directory = |e: io::Error| {
            let hint = if directory.is_file() { "; give the folder that it is in" } else { "" };
            MappingError::of_field("mapping", "directories", format!("cannot read {}: {e}{hint}", directory.display()))
        };
        match fs::read_dir(directory).and_then(Iterator::collect::<io::Result<Vec<_>>>) {
            Ok(entries) => files.extend(entries.into_iter().map(|e| e.path()).filter(|path| is_mapping_file(path))),
            Err(error) => errors.push(of_directory(error)),
        }
    }
    files.sort_by(|a, b| a.file_name().cmp(&b.file_name()).then_with(|| a.cmp(b)));
    let mut sources = Vec::new();
    for path in files {
        let file = path.display().to_string();
        match bounded_file::read_text(&path, bounded_file::OF_YAML) {
            Ok(text) => sources.push(Source { file, text }),
            Err(error) => errors.push(MappingError::of_file(&file, format!("cannot be read: {error}"))),
        }
    }
    sources.extend(SHIPPED.iter().map(|(file, text)| Source { file: (*file).to_owned(), text: (*text).to_owned() }));
    sources
}

/// Compiles all files; of one name the first in force is the user's, and two of the user's are an error.
/// The last `shipped` are those inside the binary.
fn compile<'s>(sources: &'s [Source], shipped: usize, errors: &mut Vec<MappingError>) -> Vec<(Mapping, &'s str)> {
    let shipped_from = sources.len() - shipped;
    let mut mappings: Vec<(Mapping, &str)> = Vec::new();
    let mut names: HashMap<String, &str> = HashMap::new();
    for (index, source) in sources.iter().enumerate() {
        let definition = match definition::parse(&source.file, &source.text) {
            Ok(definition) => definition,
            Err(error) => {
                errors.push(error);
                continue;
            }
        };
        let shipped = index >= shipped_from;
        let before = errors.len();
        if let Some(other) = names.get(&definition.name) {
            if !shipped {
                let problem = format!("`{}` is already the name in {other}", definition.name);
                errors.push(MappingError::of_field(&source.file, "name", problem));
            }
        } else {
            names.insert(definition.name.clone(), &source.file);
            if let Some(mapping) = Mapping::compile(&source.file, shipped, definition, errors) {
                mappings.push((mapping, &source.text));
            }
        }
        place(errors.get_mut(before..).unwrap_or_default(), &source.text);
    }
    mappings
}

/// Tells where in a file its errors stand.
fn place(errors: &mut [MappingError], text: &str) {
    if !errors.is_empty() {
        let places = Places::of(text);
        for error in errors {
            error.at = error.field.as_ref().and_then(|field| places.find(field));
        }
    }
}

/// Keeps the chosen formats, in the chosen order.
fn select(formats: &[String], mappings: &mut Vec<(Mapping, &str)>, errors: &mut Vec<MappingError>) {
    if formats.is_empty() {
        return;
    }
    let mut chosen = Vec::new();
    for name in formats {
        match mappings.iter().position(|(mapping, _)| *mapping.name == **name) {
            Some(at) => chosen.push(mappings.remove(at)),
            None => {
                let known = suggestion(name, mappings.iter().map(|(m, _)| &*m.name));
                let problem = format!("there is no format `{name}` (or it is named twice){known}");
                errors.push(MappingError::of_field("mapping", "formats", problem));
            }
        }
    }
    *mappings = chosen;
}

#[cfg(test)]
mod tests {
    use super::{MappingSettings, Policy};

    #[test]
    fn the_default_settings_are_the_policy_of_the_shipped_mappings() {
        assert_eq!(MappingSettings::default().policy(), Ok(Policy::default()));
    }
}
