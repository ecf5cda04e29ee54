//! The types of values, and the steps from a value to its parts.

use std::sync::LazyLock;

use jaq_json::{Num, Val};

use super::super::value::Bounded;

/// One step down: a name or a number from 0.
#[derive(Clone, Debug)]
pub(in super::super) enum Key {
    Name(Box<str>, Val),
    Index(usize),
}

/// The types of JSON, in the order in which jq sorts their values.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(in super::super) enum Type {
    Null,
    Boolean,
    Number,
    Text,
    List,
    Object,
}

impl Key {
    /// The step that a value stands for; `None` for what has to be looked at when it is known of what.
    pub(in super::super) fn of(val: &Val) -> Option<Self> {
        match val {
            Val::TStr(bytes) => Some(Self::Name(std::str::from_utf8(bytes).ok()?.into(), val.clone())),
            Val::Num(Num::Int(i)) => usize::try_from(*i).ok().map(Self::Index),
            _ => None,
        }
    }

    pub(in super::super) const fn is_of(&self) -> Type {
        match self {
            Self::Name(..) => Type::Text,
            Self::Index(_) => Type::Number,
        }
    }
}

impl Type {
    pub(super) fn of_val(val: &Val) -> Self {
        match val {
            Val::Null => Self::Null,
            Val::Bool(_) => Self::Boolean,
            Val::Num(_) => Self::Number,
            Val::BStr(_) | Val::TStr(_) => Self::Text,
            Val::Arr(_) => Self::List,
            Val::Obj(_) => Self::Object,
        }
    }

    /// As jq's `type` calls it.
    pub(in super::super) const fn name(self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Boolean => "boolean",
            Self::Number => "number",
            Self::Text => "string",
            Self::List => "array",
            Self::Object => "object",
        }
    }

    /// [`Self::name`] as a value.
    pub(in super::super) fn named(self) -> &'static Val {
        static NAMES: LazyLock<[Val; 6]> = LazyLock::new(|| {
            use Type::{Boolean, List, Null, Number, Object, Text};
            [Null, Boolean, Number, Text, List, Object].map(|of| Val::utf8_str(of.name()))
        });
        NAMES.get(self as usize).unwrap_or(&Val::Null)
    }

    /// The types, from the first to the last, that a function of jq's lets through: it compares its input with values
    /// that stand at the borders of types.
    pub(in super::super) fn passed_by(function: &str) -> Option<(Self, Self)> {
        Some(match function {
            "nulls" => (Self::Null, Self::Null),
            "values" => (Self::Boolean, Self::Object),
            "booleans" => (Self::Boolean, Self::Boolean),
            "numbers" => (Self::Number, Self::Number),
            "strings" => (Self::Text, Self::Text),
            "arrays" => (Self::List, Self::List),
            "objects" => (Self::Object, Self::Object),
            "iterables" => (Self::List, Self::Object),
            "scalars" => (Self::Null, Self::Text),
            _ => return None,
        })
    }

    /// A value of this type, for messages.
    pub(in super::super) fn example(self) -> Bounded {
        Bounded::scalar(match self {
            Self::Null => Val::Null,
            Self::Boolean => Val::Bool(false),
            Self::Number => Val::from(0_isize),
            Self::Text => Val::utf8_str(""),
            Self::List => Val::Arr(jaq_json::Rc::default()),
            Self::Object => Val::obj(jaq_json::Map::default()),
        })
    }
}
