//! How answers are printed: a table for people, JSON or YAML as the service told it.

use std::io::{self, Write};

use comfy_table::{ContentArrangement, Table, presets};

use crate::cli::output::{Output, document};
use crate::secmaster::api::{Flag, Item, Text};

/// One column: its head, and its cell of an item.
pub(super) type Column<T> = (&'static str, fn(&T) -> String);

/// A text for a cell: one line, without what a terminal would obey.
pub(super) fn cell(text: &Text) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// Yes, no or nothing.
pub(super) fn yes(flag: Flag) -> String {
    flag.0.map(|flag| if flag { "yes" } else { "no" }).unwrap_or_default().to_owned()
}

/// Prints a list.
pub(super) fn list<T>(output: Output, items: &[Item<T>], columns: &[Column<T>]) -> anyhow::Result<()> {
    if output != Output::Table {
        return document(output, &items.iter().map(|item| item.document.clone()).collect());
    }
    let mut table = Table::new();
    let _same = table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    let _same = table.set_header(columns.iter().map(|(head, _)| *head));
    for item in items {
        let _same = table.add_row(columns.iter().map(|(_, cell)| cell(&item.is)));
    }
    let mut out = io::stdout().lock();
    for line in table.lines() {
        writeln!(out, "{}", line.strip_prefix(' ').unwrap_or(&line).trim_end())?;
    }
    Ok(())
}

/// Prints one thing: a line for each member that a column shows.
pub(super) fn one<T>(output: Output, item: &Item<T>, columns: &[Column<T>]) -> anyhow::Result<()> {
    if output != Output::Table {
        return document(output, &item.document);
    }
    let width = columns.iter().map(|(head, _)| head.len()).max().unwrap_or(0);
    let mut out = io::stdout().lock();
    for (head, cell) in columns {
        writeln!(out, "{}", format!("{head:width$}  {}", cell(&item.is)).trim_end())?;
    }
    Ok(())
}
