//! Dead letters as they are read back: which are meant, how they are counted, what of them may be redriven. Pure, so
//! that each command sees the same letters.

mod document;
mod filter;
mod letter;
mod plan;
mod tally;

#[cfg(test)]
mod testing;

pub use document::{export, is_export, summary};
pub use filter::{Filter, FilterError, FilterSettings};
pub use letter::Letter;
pub use plan::{Planner, Policy, Verdict};
pub use tally::{FIELDS, Tally};
