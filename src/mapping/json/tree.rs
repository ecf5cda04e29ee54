//! A JSON value as it stands in a text: names, texts and numbers are borrowed from it, an object is a list of fields.
//!
//! That is all that most expressions need of a record. What the expression engine has to see is converted, see
//! [`crate::mapping::expression`].

use std::borrow::Cow;

use super::object::Object;

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
}
