//! Which expression a field comes from, for what is told about its fault.

use super::check::FieldFault;
use super::compiled::Node;

impl Node {
    /// The expression that gives the field of this path, or the value around it. None for a constant, and in a list of
    /// several: elements with nothing in them are left out, so that an index says little.
    fn expression_of(&self, path: &str) -> Option<&str> {
        match self {
            Self::Expression(expression) => Some(expression.source()),
            Self::Constant(_) => None,
            Self::List(nodes) => match nodes.as_slice() {
                [only] => only.expression_of(path.split_once(']').map_or("", |(_, rest)| rest)),
                _ => None,
            },
            Self::Object(fields) => {
                let path = path.strip_prefix('.').unwrap_or(path);
                fields.iter().find_map(|(name, node)| {
                    let rest = path.strip_prefix(name.as_str())?;
                    if rest.is_empty() || rest.starts_with(['.', '[']) { node.expression_of(rest) } else { None }
                })
            }
        }
    }

    /// Adds the expression to what the typed check says about a field.
    pub(super) fn cite(&self, fault: &mut FieldFault) {
        if let Some(expression) = self.expression_of(&fault.field) {
            fault.message = format!("{} (in `{expression}`)", fault.message);
        }
    }
}
