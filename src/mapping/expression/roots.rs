//! Which fields of a document an expression can see, by their names at its top.
//!
//! A name that is not among them makes no difference to any result, so what depends on names need not be done for it
//! ([`crate::mapping::nested`]). Where that cannot be told for certain, all are among them.

use super::direct::{At, Term};
use super::inspect::Step;
use super::item::Key;
use super::{Expression, Kind};

/// The names at the top of a document that expressions can see.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(in crate::mapping) enum Roots {
    /// All there are.
    All,
    /// These, sorted.
    Names(Vec<Box<str>>),
}

impl Roots {
    /// Those that none of no expressions sees.
    pub(in crate::mapping) const fn none() -> Self {
        Self::Names(Vec::new())
    }

    /// Whether a name is among them.
    pub(in crate::mapping) fn has(&self, name: &str) -> bool {
        match self {
            Self::All => true,
            Self::Names(names) => names.binary_search_by(|known| (**known).cmp(name)).is_ok(),
        }
    }

    /// Adds what an expression sees.
    pub(in crate::mapping) fn add(&mut self, expression: &Expression) {
        match &expression.kind {
            Kind::Path(path) => self.first(path.first().map(|Step { key, .. }| key)),
            Kind::Direct(term) => self.term(term),
            Kind::Program(_) => *self = Self::All,
        }
    }

    /// Adds the name that a path from the document begins with.
    fn first(&mut self, key: Option<&Key>) {
        match (self, key) {
            (Self::Names(names), Some(Key::Name(name, _))) => {
                if let Err(place) = names.binary_search(name) {
                    names.insert(place, name.clone());
                }
            }
            // An object has no such part, whatever its fields are.
            (Self::Names(_), Some(Key::Index(_))) => {}
            (all, _) => *all = Self::All,
        }
    }

    /// Adds what a term sees whose input is the document.
    fn term(&mut self, term: &Term) {
        match term {
            Term::Const(..) | Term::Empty | Term::Record | Term::Variable(_) => {}
            // What has it all, or hands it on.
            Term::Id | Term::Text | Term::Type | Term::Only(..) | Term::Native(..) | Term::Foreign(..) => {
                *self = Self::All;
            }
            Term::Path(base, parts) => {
                match (&**base, parts.first()) {
                    (Term::Id, Some(part)) => match &part.at {
                        At::Key(key) => self.first(Some(key)),
                        At::Computed(_) | At::Each => *self = Self::All,
                    },
                    (base, _) => self.term(base),
                }
                // A computed step sees the document, wherever the path begins.
                for part in parts {
                    if let At::Computed(key) = &part.at {
                        self.term(key);
                    }
                }
            }
            // What stands behind a pipe sees what comes out in front, and only from `.` comes the document.
            Term::Pipe(inner, _) | Term::Array(inner) | Term::Try(inner) => self.term(inner),
            Term::Object(entries) => entries.iter().for_each(|(_, term)| self.term(term)),
            Term::Bind(l, _, r)
            | Term::Comma(l, r)
            | Term::Alternative(l, r)
            | Term::Logic(l, _, r)
            | Term::Math(l, _, r)
            | Term::Compare(l, _, r) => {
                self.term(l);
                self.term(r);
            }
            Term::If(branches) => branches.iter().for_each(|term| self.term(term)),
        }
    }
}
