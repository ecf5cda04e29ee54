//! `alertbridge config`, and the `--config` option of every subcommand that reads the configuration.

use std::io::{self, Write};
use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::Failure;
use crate::config::{self, Environment, Loaded, Purpose};

/// Where the configuration is read from.
#[derive(Clone, Debug, Args)]
pub(super) struct ConfigFiles {
    /// Configuration file; may be repeated, later files win. Without it: ./alertbridge.yaml, else
    /// /etc/alertbridge/alertbridge.yaml. ALERTBRIDGE__SECTION__KEY in the environment wins over files
    #[arg(long = "config", value_name = "FILE")]
    files: Vec<PathBuf>,
}

impl ConfigFiles {
    /// Those that were named elsewhere on the command line.
    pub(super) fn of(files: Vec<PathBuf>) -> Self {
        Self { files }
    }

    /// The files that are read, or would be if they were there.
    pub(super) fn candidates(&self) -> Vec<PathBuf> {
        if self.files.is_empty() { config::DEFAULT_FILES.map(PathBuf::from).to_vec() } else { self.files.clone() }
    }

    /// Reads and checks the configuration.
    ///
    /// # Errors
    /// [`Failure::Usage`] with everything that is wrong.
    pub(super) fn load(&self, purpose: Purpose) -> Result<Loaded, Failure> {
        config::load(&self.files, &environment(), purpose).map_err(|error| Failure::Usage(error.into()))
    }
}

/// This process's environment; what is not UTF-8 is none of ours.
fn environment() -> Environment {
    let text = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
        Some((name.into_string().ok()?, value.into_string().ok()?))
    };
    std::env::vars_os().filter_map(text).collect()
}

/// Show the effective configuration or its schema
#[derive(Debug, Args)]
pub(super) struct ConfigArgs {
    #[command(subcommand)]
    command: ConfigCommand,
}

#[derive(Debug, Subcommand)]
enum ConfigCommand {
    /// Print the effective configuration as YAML; secrets are hidden
    Show(ConfigFiles),
    /// Print the configuration's JSON Schema
    Schema,
}

pub(super) fn execute(args: ConfigArgs) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    match args.command {
        ConfigCommand::Show(files) => {
            let loaded = files.load(Purpose::Offline)?;
            out.write_all(config::show(&loaded.config).as_bytes())?;
        }
        ConfigCommand::Schema => writeln!(out, "{:#}", config::schema())?,
    }
    Ok(())
}
