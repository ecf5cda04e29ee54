//! A mapping file's whole way, from its text to alerts, for the fuzz targets (`fuzz/`): without a file system, and
//! without the shipped files around it.

use super::compiled::{Mapping, Policy};
use super::definition;
use super::expression::{Document, Env};

/// Compiles a mapping file and maps a document with it, whatever its `match` says. Tells of each alert whether there is
/// one; nothing where the file is refused.
pub(crate) fn load_and_map(text: &str, document: &Document<'_>) -> Vec<bool> {
    let Ok(definition) = definition::parse("fuzzed.yaml", text) else { return Vec::new() };
    let mut errors = Vec::new();
    let Some(mapping) = Mapping::compile("fuzzed.yaml", false, definition, &mut errors) else { return Vec::new() };
    let env = Env { zone_offset: 480, ..Env::default() };
    let _holds = mapping.matches.holds(document, &env);
    let parts = mapping.split.as_ref().and_then(|split| split.all(document, &env).ok());
    let parts = parts.unwrap_or_else(|| vec![document.clone()]);
    let alert = |part: &Document<'_>| {
        mapping.map(part, &env, Policy::default(), 0, || "place".to_owned(), &mut Vec::new()).is_ok()
    };
    parts.iter().take(2).map(alert).collect()
}
