//! The shape of the code, kept by a test: imports go down only, libraries stay in their rooms, files stay small, and
//! one thing has one name.
#![expect(clippy::string_slice, reason = "every cut is at a place that was found in the same text")]

use std::fs;
use std::path::{Path, PathBuf};

/// A layer for each number, lowest first; a module may use those of lower layers. Siblings do not know one another.
const LAYERS: &[&[&str]] = &[
    // The second reads files, up to a size, for whoever has some.
    &["domain", "bounded_file"],
    &["offsets", "scheduler", "resilience", "mapping"],
    &["routing", "letters"],
    &["config", "ports", "tls"],
    // Events tell what came through the ports.
    &["telemetry"],
    &["kafka", "oauth", "pipeline", "secmaster", "server", "simulator", "supervisor"],
    &["app"],
    &["cli"],
    &["main", "lib"],
];

/// Libraries that only these modules may name.
const ROOMS: &[(&str, &[&str])] = &[
    ("rdkafka", &["kafka"]),
    ("reqwest", &["secmaster", "oauth"]),
    ("governor", &["resilience"]),
    ("axum", &["server", "simulator"]),
    ("metrics_exporter_prometheus", &["telemetry"]),
    ("clap", &["cli"]),
    ("anyhow", &["cli", "app"]),
];

/// Modules that decide and do nothing: no runtime, no tasks, no timers.
const PURE: &[&str] = &["domain", "offsets", "scheduler", "routing", "mapping", "letters"];

/// Lines in a file.
const MOST_LINES: usize = 400;

/// Words that have another name here, as parts of identifiers.
const WORDS: &[(&str, &str)] = &[("incident", "alert"), ("dlq", "dead letter"), ("quarantine", "dead letter")];
/// In these a `message` is a record; elsewhere it is a text for people.
const RECORD_MODULES: &[&str] = &["kafka", "offsets", "pipeline"];

/// The module at the top that a file belongs to: `src/kafka/source.rs` and `src/kafka.rs` to `kafka`.
fn module(path: &str) -> &str {
    let inside = path.strip_prefix("src/").unwrap_or(path);
    inside.split('/').next().map_or(inside, |top| top.strip_suffix(".rs").unwrap_or(top))
}

fn layer(module: &str) -> Option<usize> {
    LAYERS.iter().position(|layer| layer.contains(&module))
}

/// The code of a file without comments and texts, which may name anything. Line feeds stay.
fn code(source: &str) -> String {
    let mut code = String::with_capacity(source.len());
    let mut rest = source;
    while let Some(character) = rest.chars().next() {
        let skipped = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            rest.find("*/").map_or(rest.len(), |end| end + 2)
        } else if character == '"' {
            text_length(rest)
        } else if character == 'r' && !code.ends_with(|c: char| c.is_alphanumeric() || c == '_') {
            raw_text_length(rest)
        } else if character == '\'' {
            character_length(rest)
        } else {
            0
        };
        if skipped == 0 {
            code.push(character);
            rest = &rest[character.len_utf8()..];
        } else {
            code.extend(rest[..skipped].chars().filter(|c| *c == '\n'));
            rest = &rest[skipped..];
        }
    }
    code
}

/// The length of the text `"..."` at the beginning.
fn text_length(code: &str) -> usize {
    let mut escaped = false;
    let end = code.char_indices().skip(1).find(|(_, c)| {
        let ends = *c == '"' && !escaped;
        escaped = *c == '\\' && !escaped;
        ends
    });
    end.map_or(code.len(), |(at, _)| at + 1)
}

/// The length of the text `r"..."`, `r#"..."#` at the beginning; 0 if there is none.
fn raw_text_length(code: &str) -> usize {
    let hashes = code[1..].chars().take_while(|c| *c == '#').count();
    let Some(text) = code[1 + hashes..].strip_prefix('"') else { return 0 };
    let end = format!("\"{}", "#".repeat(hashes));
    text.find(&end).map_or(code.len(), |at| 2 + hashes + at + end.len())
}

/// The length of a character such as `'"'` at the beginning; 0 if it is a lifetime.
fn character_length(code: &str) -> usize {
    let mut inside = code[1..].chars();
    let first = inside.next();
    let second = inside.next();
    match (first, second) {
        (Some('\\'), Some(escaped)) => {
            let after = 2 + escaped.len_utf8();
            code[after..].find('\'').map_or(0, |at| after + at + 1)
        }
        (Some(character), Some('\'')) => 2 + character.len_utf8(),
        _ => 0,
    }
}

/// Every module of the crate that the code names as `crate::name` or `use crate::{name, ..}`.
fn crate_uses(code: &str) -> Vec<String> {
    let mut uses = Vec::new();
    for (at, path) in code.match_indices("crate::") {
        if code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_') {
            continue;
        }
        let rest = &code[at + path.len()..];
        match rest.strip_prefix('{') {
            Some(list) => uses.extend(top_names(list)),
            None => uses.push(word(rest)),
        }
    }
    uses
}

/// The first words of a braced list, without what is inside of inner braces.
fn top_names(list: &str) -> Vec<String> {
    let (mut names, mut depth, mut start) = (Vec::new(), 0_usize, 0);
    for (at, character) in list.char_indices() {
        match character {
            '{' => depth += 1,
            '}' if depth > 0 => depth -= 1,
            '}' | ',' if depth == 0 => {
                names.push(word(list[start..at].trim_start()));
                start = at + 1;
                if character == '}' {
                    break;
                }
            }
            _ => {}
        }
    }
    names.retain(|name| !name.is_empty());
    names
}

fn word(text: &str) -> String {
    text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
}

/// Whether the code names this crate: as `name::`, or in `use name;`.
fn names_crate(code: &str, name: &str) -> bool {
    words(code).any(|(at, found)| {
        found == name
            && !code[..at].ends_with("::")
            && (code[at + name.len()..].starts_with("::") || code[..at].trim_end().ends_with("use"))
    })
}

fn words(code: &str) -> impl Iterator<Item = (usize, &str)> {
    let boundaries = |c: char| !(c.is_alphanumeric() || c == '_');
    code.split(boundaries).filter(|w| !w.is_empty()).map(move |w| (w.as_ptr() as usize - code.as_ptr() as usize, w))
}

/// Everything that is wrong with one file.
fn faults(path: &str, source: &str) -> Vec<String> {
    let mut faults = Vec::new();
    let own = module(path);
    let code = code(source);
    let Some(own_layer) = layer(own) else {
        return vec![format!("{path}: {own} has no layer; give it one in tests/it/layering.rs")];
    };
    for used in crate_uses(&code) {
        match layer(&used) {
            Some(theirs) if used != own && theirs >= own_layer => {
                faults.push(format!("{path}: {own} may not use {used}: imports go down only"));
            }
            _ => {}
        }
    }
    for (library, rooms) in ROOMS {
        if !rooms.contains(&own) && names_crate(&code, library) {
            faults.push(format!("{path}: {library} is only for {}", rooms.join(" and ")));
        }
    }
    if PURE.contains(&own) && !path.ends_with("tests.rs") && names_crate(before_tests(&code), "tokio") {
        faults.push(format!("{path}: {own} decides and does nothing; it has no need of tokio"));
    }
    if !source.starts_with("//! ") {
        faults.push(format!("{path}: begins without a `//!` head that says what it is"));
    }
    let lines = source.lines().count();
    if lines > MOST_LINES {
        faults.push(format!("{path}: {lines} lines; {MOST_LINES} at most"));
    }
    for (_, identifier) in words(&code) {
        let identifier = identifier.to_lowercase();
        for (word, ours) in WORDS {
            if identifier.contains(word) {
                faults.push(format!("{path}: `{identifier}`: here it is called {ours}"));
            }
        }
        if RECORD_MODULES.contains(&own) && matches!(identifier.as_str(), "messages" | "msg" | "msgs") {
            faults.push(format!("{path}: `{identifier}`: here it is called record"));
        }
    }
    faults
}

/// Unit tests may use what they like.
fn before_tests(code: &str) -> &str {
    code.split_once("#[cfg(test)]\nmod tests").map_or(code, |(before, _)| before)
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
}

#[test]
fn every_file_keeps_the_shape_of_the_code() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    sources(&root.join("src"), &mut files);
    assert!(files.len() > 20, "the sources were found");
    files.sort();
    let faults: Vec<String> = files
        .iter()
        .flat_map(|file| {
            let path = file.strip_prefix(root).unwrap().to_str().unwrap();
            faults(path, &fs::read_to_string(file).unwrap())
        })
        .collect();
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

/// Asserts that a file with a good head has exactly one fault, which says this.
#[track_caller]
fn assert_fault(path: &str, body: &str, says: &str) {
    let found = faults(path, &format!("//! Head.\n{body}\n"));
    assert!(found.len() == 1 && found[0].contains(says), "{body}: {found:?}");
}

#[track_caller]
fn assert_good(path: &str, body: &str) {
    let found = faults(path, &format!("//! Head.\n{body}\n"));
    assert!(found.is_empty(), "{body}: {found:?}");
}

#[test]
fn an_import_that_goes_up_or_aside_is_found_however_it_is_written() {
    let says = "domain may not use pipeline";
    assert_fault("src/domain/alert.rs", "use crate::pipeline::Flow;", says);
    assert_fault("src/domain/alert.rs", "use crate::{\n    domain::{Alert, Severity},\n    pipeline,\n};", says);
    assert_fault("src/domain/alert.rs", "fn f(flow: &crate::pipeline::Flow) {}", says);
    assert_fault("src/domain/alert.rs", "let text = \"a \\\" b\"; crate::pipeline::run();", says);
    assert_fault("src/domain/alert.rs", "let quote = '\"'; crate::pipeline::run();", says);
    assert_fault("src/domain/alert.rs", "fn f<'a>(x: &'a str) -> char { '\\'' } crate::pipeline::run();", says);
    assert_fault("src/domain/alert.rs", "let raw = r#\"\"\"#; crate::pipeline::run();", says);
    assert_fault("src/kafka/mod.rs", "use crate::secmaster::Client;", "kafka may not use secmaster");
    assert_fault("src/mapping/mod.rs", "use crate::routing::Rule;", "mapping may not use routing");
    assert_fault("src/app.rs", "use crate::cli::Failure;", "app may not use cli");
    assert_fault("src/newcomer.rs", "", "newcomer has no layer");
}

#[test]
fn imports_that_go_down_and_names_in_texts_and_comments_are_fine() {
    assert_good("src/pipeline/mod.rs", "use crate::domain::Alert;\nuse crate::pipeline::attempt::run;");
    assert_good("src/routing/mod.rs", "use crate::mapping::Mapped;");
    assert_good("src/domain/mod.rs", "// crate::pipeline runs it\nconst HINT: &str = \"rdkafka::config\";");
    assert_good("src/domain/mod.rs", "/* crate::app */ const S: &str = r#\"\ncrate::app \" incident\n\"#;");
    assert_good("src/domain/mod.rs", "const S: &str = \"one \\\n crate::app \\\" incident\";");
    assert_good("src/kafka/mod.rs", "use rdkafka::ClientConfig;");
    assert_good("src/config/mod.rs", "pub struct Rdkafka { pub reqwest: bool }");
}

#[test]
fn a_library_outside_of_its_room_is_found() {
    assert_fault("src/pipeline/mod.rs", "use rdkafka::Message;", "rdkafka is only for kafka");
    assert_fault("src/app.rs", "let c = reqwest::Client::builder();", "reqwest is only for secmaster");
    assert_fault("src/pipeline/mod.rs", "use governor;", "governor is only for resilience");
    assert_fault("src/offsets/mod.rs", "use tokio::time::Instant;", "no need of tokio");
    assert_good("src/offsets/mod.rs", "fn f() {}\n#[cfg(test)]\nmod tests { use tokio::time::pause; }");
}

#[test]
fn a_file_without_a_head_or_end_and_a_second_word_for_a_thing_are_found() {
    assert!(faults("src/app.rs", "use std::fmt;\n")[0].contains("without a `//!` head"));
    assert_fault("src/app.rs", &"fn f() {}\n".repeat(MOST_LINES), "at most");
    assert_fault("src/domain/alert.rs", "struct IncidentId;", "called alert");
    assert_fault("src/kafka/mod.rs", "let dlq_topic = 1;", "called dead letter");
    assert_fault("src/kafka/mod.rs", "for msg in batch {}", "called record");
    assert_good("src/secmaster/mod.rs", "let message = answer.message;");
}
