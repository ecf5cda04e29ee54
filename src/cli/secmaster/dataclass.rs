//! `alertbridge secmaster dataclass`.

use clap::{Args, Subcommand};

use super::Many;
use super::session::Session;
use super::show::{Column, cell, yes};
use crate::cli::Failure;
use crate::secmaster::api::{DataClass, DataClassFilter, Field, FieldFilter};

/// Data classes, such as Alert, and their fields
#[derive(Debug, Args)]
pub(super) struct DataclassArgs {
    #[command(subcommand)]
    command: DataclassCommand,
}

#[derive(Debug, Subcommand)]
enum DataclassCommand {
    List(ListArgs),
    Fields(FieldsArgs),
}

/// List data classes; their ids are what `workflow create` takes
#[derive(Debug, Args)]
struct ListArgs {
    #[command(flatten)]
    many: Many,
    /// Only of this name
    #[arg(long)]
    name: Option<String>,
}

/// List the fields of a data class: what this workspace's Alert really takes
#[derive(Debug, Args)]
struct FieldsArgs {
    /// The data class's id, from `dataclass list`
    #[arg(value_name = "DATACLASS")]
    id: String,
    #[command(flatten)]
    many: Many,
    /// Only of this name
    #[arg(long)]
    name: Option<String>,
}

const CLASSES: &[Column<DataClass>] = &[
    ("ID", |c| cell(&c.id)),
    ("NAME", |c| cell(&c.name)),
    ("CODE", |c| cell(&c.business_code)),
    ("BUILT-IN", |c| yes(c.is_built_in)),
];

const FIELDS: &[Column<Field>] = &[
    ("FIELD", |f| cell(&f.field_key)),
    ("TYPE", |f| cell(&f.field_type)),
    ("REQUIRED", |f| yes(f.required)),
    ("READ-ONLY", |f| yes(f.read_only)),
    ("BUILT-IN", |f| yes(f.is_built_in)),
];

pub(super) async fn execute(args: DataclassArgs, session: &Session) -> Result<(), Failure> {
    let place = session.place()?;
    match args.command {
        DataclassCommand::List(args) => {
            let filter = DataClassFilter { name: args.name, ..DataClassFilter::default() };
            session.list(place.list_dataclasses(&filter), &args.many, CLASSES).await
        }
        DataclassCommand::Fields(args) => {
            let filter = FieldFilter { name: args.name, ..FieldFilter::default() };
            session.list(place.list_dataclass_fields(&args.id, &filter), &args.many, FIELDS).await
        }
    }
}
