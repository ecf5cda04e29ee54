//! `map --fields`: the fields of the `Alert` data class, for who writes a mapping.

use std::io::{self, Write};

use crate::cli::Failure;
use crate::mapping::alert_fields;

pub(super) fn execute() -> Result<(), Failure> {
    let rows = alert_fields();
    let widest = |of: fn(&crate::mapping::AlertField) -> usize| rows.iter().map(of).max().unwrap_or_default();
    let (path, kind) = (widest(|row| row.path.len()), widest(|row| row.kind.len()));
    let mut out = io::stdout().lock();
    for row in &rows {
        let line = format!("{:path$}  {:kind$}  {}", row.path, row.kind, row.takes);
        writeln!(out, "{}", line.trim_end())?;
    }
    Ok(())
}
