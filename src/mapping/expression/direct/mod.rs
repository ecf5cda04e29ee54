//! Expressions that need no engine: most fields of most mappings.
//!
//! jaq runs any jq program as a chain of boxed iterators. For `.a // .b | ascii_upcase` that costs far more than the
//! work. What is made of paths, literals, `//`, pipes, `if`, comparisons, arithmetic, constructions and calls is kept
//! as a tree here ([`compile`]) and evaluated by plain recursion ([`run`]); the rest stays with the engine.
//!
//! Both give the same results, faults and order of evaluation: values, operators and native functions are the
//! engine's own, and the functions of jq's library are its own definitions, expanded. The tests compare the two
//! (ADR 0015).

mod compile;
mod run;
#[cfg(test)]
mod tests;

use jaq_core::ops::{Cmp, Math};
use jaq_json::Val;

use super::engine::Program;
use super::item::{Key, Type};
use super::natives::Native;

pub(super) use compile::compile;
pub(super) use run::{Context, Stop};

/// A part of an expression; named as in jq.
pub(super) enum Term {
    /// `.`
    Id,
    /// A literal, and how deep it nests.
    Const(Val, u16),
    /// `empty`
    Empty,
    /// `$record`
    Record,
    /// A variable, by the number of its binding.
    Variable(usize),
    /// `f.a[0][]`
    Path(Box<Self>, Vec<Part>),
    /// `[f]`
    Array(Box<Self>),
    /// `{a: f, b: g}`; the names are literals.
    Object(Vec<(Box<str>, Self)>),
    /// `tostring`
    Text,
    /// `type`
    Type,
    /// `strings`, `scalars` and the like: the types that pass, from the first to the last
    Only(Type, Type),
    /// `f | g`
    Pipe(Box<Self>, Box<Self>),
    /// `f as $x | g`
    Bind(Box<Self>, usize, Box<Self>),
    /// `f, g`
    Comma(Box<Self>, Box<Self>),
    /// `f // g`
    Alternative(Box<Self>, Box<Self>),
    /// `f and g`, `f or g`; the flag is the value of `f` that decides.
    Logic(Box<Self>, bool, Box<Self>),
    /// `f + g` and the like
    Math(Box<Self>, Math, Box<Self>),
    /// `f < g` and the like
    Compare(Box<Self>, Cmp, Box<Self>),
    /// `if f then g else h end`
    If(Box<[Self; 3]>),
    /// `f?`
    Try(Box<Self>),
    /// A native function of our own, with the values of its arguments.
    Native(Native, Vec<Self>),
    /// A function that only the engine can run, called by a program that takes the arguments as `$record`.
    Foreign(Box<Program>, Vec<Self>),
}

/// One step of a path.
pub(super) struct Part {
    pub(super) at: At,
    /// Whether the step is followed by `?`.
    optional: bool,
}

pub(super) enum At {
    /// `.a`, `[0]`
    Key(Key),
    /// `[f]`; only as the first step
    Computed(Term),
    /// `[]`
    Each,
}
