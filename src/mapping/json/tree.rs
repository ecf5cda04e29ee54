//! A JSON value as it stands in a text: names, texts and numbers are borrowed from it, an object is a list of fields.
//!
//! That is all that most expressions need of a record. What the expression engine has to see is converted, see
//! [`crate::mapping::expression`].

use std::borrow::Cow;

use super::object::{Field, Object};
use crate::domain::{Data, Fields};

/// A value of a JSON text.
#[derive(Clone, Debug, Default)]
pub(in crate::mapping) enum Tree<'d> {
    /// `null`
    #[default]
    Null,
    /// `true`, `false`
    Bool(bool),
    /// A number as it is written, so that it keeps its digits; only `-0` is `0`.
    Number(&'d str),
    /// A text; borrowed unless it has escapes.
    Text(Cow<'d, str>),
    /// A list.
    List(Vec<Self>),
    /// An object.
    Object(Object<'d, Self>),
}

impl<'d> Tree<'d> {
    /// A number of this text, which has to be one.
    pub(super) fn number(text: &'d str) -> Self {
        Self::Number(if text == "-0" { "0" } else { text })
    }

    /// These fields as an object, and how deep it nests. Its texts stay where they are.
    pub(in crate::mapping) fn of_fields(fields: &'d Fields) -> (Self, u16) {
        let mut deepest = 0;
        let field = |(name, data): (&'d str, &'d Data)| {
            let (value, depth) = Self::of(data);
            deepest = deepest.max(depth);
            Field::new(Cow::Borrowed(name), value)
        };
        let fields = fields.iter().map(field).collect();
        (Self::Object(Object::of(fields)), deepest + 1)
    }

    fn of(data: &'d Data) -> (Self, u16) {
        match data {
            Data::Null => (Self::Null, 0),
            Data::Bool(b) => (Self::Bool(*b), 0),
            Data::Number(digits) => (Self::number(digits.as_str()), 0),
            Data::Text(text) => (Self::Text(Cow::Borrowed(text)), 0),
            Data::List(items) => {
                let (items, depths): (Vec<Self>, Vec<u16>) = items.iter().map(Self::of).unzip();
                (Self::List(items), 1 + depths.into_iter().max().unwrap_or_default())
            }
            Data::Object(fields) => Self::of_fields(fields),
        }
    }
}
