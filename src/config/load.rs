//! Reads the layers (defaults, files in order, environment) and checks the whole, collecting every fault.

use std::path::{Path, PathBuf};

use super::check;
use super::environment::{self, Environment};
use super::error::{ConfigError, Problem};
use super::layers::{Layer, Places, ROOT};
use super::{Config, Kafka, Server, reader, schema, secret, vendor, yaml};
use crate::bounded_file;

/// Where a configuration is looked for when none is named; the first that exists is read.
pub const DEFAULT_FILES: [&str; 2] = ["alertbridge.yaml", "/etc/alertbridge/alertbridge.yaml"];

/// What the configuration is for: some commands need less than the daemon does.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Purpose {
    /// `run`, `check`: everything that delivering needs; secrets are read from their files.
    Run,
    /// Calls of SecMaster's API by hand: as `Run`, but Kafka's part is left unread, and the workspace may be named
    /// elsewhere.
    Call,
    /// `map`, `config show`: what is given must be right, but nothing has to be given, and no other file is opened.
    Offline,
}

/// A configuration and what was noticed while reading it.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The configuration.
    pub config: Config,
    /// The files it was read from, in order.
    pub files: Vec<PathBuf>,
    /// What is not wrong, but probably not meant either; a sentence each.
    pub hints: Vec<String>,
    /// Where each key was set.
    places: Places,
}

impl Loaded {
    /// Where a key was set: `alertbridge.yaml:12`, or the name of an environment variable.
    #[must_use]
    pub fn place_of(&self, key: &str) -> Option<&str> {
        self.places.of(key).map(|place| place.name.as_str())
    }
}

/// Reads and checks the configuration: defaults, then `files` in order, then the environment.
///
/// Without `files`: `./alertbridge.yaml`, else `/etc/alertbridge/alertbridge.yaml`, else defaults and environment.
///
/// # Errors
/// All problems at once.
pub fn load(files: &[PathBuf], environment: &Environment, purpose: Purpose) -> Result<Loaded, ConfigError> {
    let mut files = files.to_vec();
    if files.is_empty() {
        files.extend(DEFAULT_FILES.into_iter().map(PathBuf::from).find(|file| file.exists()));
    }
    let hints = environment::hints(environment);
    match assemble(&files, environment, purpose) {
        Ok((config, places)) => {
            let hints = hints.into_iter().chain(check::hints(&config, purpose)).collect();
            Ok(Loaded { config, files, hints, places })
        }
        Err(problems) => Err(ConfigError { problems, hints }),
    }
}

fn assemble(files: &[PathBuf], environment: &Environment, purpose: Purpose) -> Result<(Config, Places), Vec<Problem>> {
    let schema = schema();
    let mut places = Places::default();
    let tree = layered(files, environment, &schema, &mut places)?;
    let (values, mut problems) = reader::read(&schema, &tree);
    // The reader has let through only what the schema takes; a difference between schema and types would show here.
    let mut config: Config = serde_json::from_value(values)
        .map_err(|error| vec![Problem { path: String::new(), message: error.to_string(), place: None }])?;
    problems.extend(vendor::fill(&mut config.secmaster, environment, &mut places, purpose != Purpose::Offline));
    if purpose == Purpose::Call {
        // Its files and secrets are the daemon's, and need not be where these commands run.
        config.kafka = Kafka::default();
        config.server = Server::default();
    }
    let later = [secret::resolve(&mut config, purpose != Purpose::Offline), check::problems(&config, purpose)];
    // A key that could not be read stands at its default: nothing more is to be said about it.
    let unread: Vec<String> = problems.iter().map(|problem| problem.path.clone()).collect();
    let is_unread = |key: &str| unread.iter().any(|path| same_key(path, key));
    let later = later.into_iter().flatten();
    problems.extend(later.filter(|p| !is_unread(&p.path) && !keys_in(&p.message).any(is_unread)));
    if problems.is_empty() {
        return Ok((config, places));
    }
    // In the order of files and lines; what is missing has no place and comes last.
    let place = |problem: &Problem| {
        places.of(&problem.path).or_else(|| keys_in(&problem.message).find_map(|key| places.of(key)))
    };
    problems.sort_by_key(|problem| place(problem).map_or((true, None), |place| (false, Some(place))));
    for problem in &mut problems {
        problem.place = place(problem).map(|place| place.name.clone());
    }
    Err(problems)
}

/// The keys that a message names.
fn keys_in(message: &str) -> impl Iterator<Item = &str> {
    message.split('`').skip(1).step_by(2).filter(|quoted| quoted.contains('.'))
}

fn same_key(a: &str, b: &str) -> bool {
    let below = |a: &str, b: &str| a.strip_prefix(b).is_some_and(|rest| rest.starts_with(['.', '[']));
    a == b || below(a, b) || below(b, a)
}

/// Files and environment laid over one another. Nothing more can be said where one of them cannot be read.
fn layered(
    files: &[PathBuf],
    environment: &Environment,
    schema: &serde_json::Value,
    places: &mut Places,
) -> Result<serde_json::Value, Vec<Problem>> {
    let mut builder = config::Config::builder().add_source(Layer::default());
    let mut problems = Vec::new();
    for file in files {
        match read_file(file, schema, places) {
            Ok(layer) => builder = builder.add_source(layer),
            Err(problem) => problems.push(problem),
        }
    }
    for variable in environment::variables(environment, schema) {
        match variable {
            Ok(variable) => {
                places.record("", &variable.tree, &|_| variable.name.to_owned());
                if let Some(layer) = Layer::new(&variable.tree, schema) {
                    builder = builder.add_source(layer);
                }
            }
            Err(problem) => problems.push(problem),
        }
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    builder
        .build()
        .and_then(|layers| layers.get(ROOT))
        .map_err(|error| vec![Problem { path: String::new(), message: error.to_string(), place: None }])
}

fn read_file(file: &Path, schema: &serde_json::Value, places: &mut Places) -> Result<Layer, Problem> {
    let name = file.display();
    let problem = |message, place| Problem { path: String::new(), message, place };
    let text = bounded_file::read_text(file, bounded_file::OF_YAML)
        .map_err(|error| problem(format!("cannot read `{name}`: {error}"), None))?;
    let tree =
        yaml::parse(&text).map_err(|error| problem(error.to_string(), Some(format!("{name}:{}", error.line))))?;
    let empty = tree.kind == yaml::Kind::Null;
    places.record("", &tree, &|line| format!("{name}:{line}"));
    let tree = if empty { yaml::Node { line: 1, kind: yaml::Kind::Table(Vec::new()) } } else { tree };
    Layer::new(&tree, schema)
        .ok_or_else(|| problem(format!("`{name}` is not a configuration: expected sections such as `kafka:`"), None))
}
