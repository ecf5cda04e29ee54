//! The configuration's JSON Schema: the one description that checks, error messages and documentation are made of.

use schemars::generate::SchemaSettings;
use serde_json::{Map, Value};

use super::Config;
use super::units::FORM;

/// The JSON Schema of the configuration file, without references.
#[must_use]
pub fn schema() -> Value {
    let settings = SchemaSettings::draft2020_12().with(|settings| settings.inline_subschemas = true);
    settings.into_generator().into_root_schema_for::<Config>().to_value()
}

/// The schema of the key at this path of tables.
pub(super) fn at<'a>(root: &'a Value, path: &[String]) -> Option<Shape<'a>> {
    path.iter().try_fold(Shape::of(root), |shape, key| match shape.kind() {
        Kind::Table { properties } => properties.get(key).map(Shape::of),
        Kind::Map { values } => Some(Shape::of(values)),
        _ => None,
    })
}

/// What a schema says about the values that it takes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shape<'a> {
    /// The schema of the value when it is not null.
    pub(super) schema: &'a Value,
    /// Whether null is a value too.
    pub(super) nullable: bool,
}

/// The kinds of values in our schemas.
#[derive(Debug)]
pub(super) enum Kind<'a> {
    /// A table with known keys.
    Table { properties: &'a Map<String, Value> },
    /// A table with any keys and values of one schema.
    Map { values: &'a Value },
    /// A list with items of one schema.
    List { items: &'a Value },
    /// One word of a closed list.
    Words(Vec<&'a str>),
    /// A text, of this form.
    Text { form: Option<&'a str> },
    /// A whole number within these bounds.
    Integer { min: u64, max: u64 },
    /// A number.
    Number,
    /// True or false.
    Bool,
    /// Any scalar, kept as its text.
    Scalar,
}

impl<'a> Shape<'a> {
    pub(super) fn of(schema: &'a Value) -> Self {
        let variants = schema.get("anyOf").and_then(Value::as_array);
        let is_null = |variant: &&Value| type_is(variant, "null");
        if let Some(variants) = variants.filter(|variants| variants.iter().any(|v| is_null(&v)))
            && let Some(other) = variants.iter().find(|v| !is_null(v))
        {
            return Self { schema: other, nullable: true };
        }
        let types = schema.get("type").and_then(Value::as_array);
        Self { schema, nullable: types.is_some_and(|types| types.iter().any(|t| t == "null")) }
    }

    pub(super) fn kind(self) -> Kind<'a> {
        let schema = self.schema;
        if let Some(properties) = schema.get("properties").and_then(Value::as_object) {
            return Kind::Table { properties };
        }
        if let Some(values) = schema.get("additionalProperties").filter(|values| values.is_object()) {
            return Kind::Map { values };
        }
        if let Some(items) = schema.get("items") {
            return Kind::List { items };
        }
        if let Some(words) = words(schema) {
            return Kind::Words(words);
        }
        match schema.get("type") {
            Some(Value::Array(types)) if types.iter().any(|t| t == "number") => Kind::Scalar,
            _ if type_is(schema, "integer") => self.integer(),
            _ if type_is(schema, "number") => Kind::Number,
            _ if type_is(schema, "boolean") => Kind::Bool,
            _ => Kind::Text { form: schema.get(FORM).and_then(Value::as_str) },
        }
    }

    fn integer(self) -> Kind<'a> {
        let bound = |name| self.schema.get(name).and_then(Value::as_u64);
        let of_type = match self.schema.get("format").and_then(Value::as_str) {
            Some("uint16") => u64::from(u16::MAX),
            Some("uint32") => u64::from(u32::MAX),
            _ => u64::MAX,
        };
        Kind::Integer { min: bound("minimum").unwrap_or(0), max: bound("maximum").unwrap_or(of_type) }
    }

    /// The keys that must be given.
    pub(super) fn required(self) -> impl Iterator<Item = &'a str> {
        self.schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
    }

    /// Whether the value must never be shown.
    pub(super) fn is_secret(self) -> bool {
        self.schema.get("writeOnly") == Some(&Value::Bool(true))
    }

    /// A value that would be right: the first example, else the default.
    pub(super) fn example(self) -> Option<String> {
        let example = self.schema.get("examples").and_then(|examples| examples.get(0));
        match example.or_else(|| self.schema.get("default"))? {
            Value::String(text) if !text.is_empty() => Some(text.clone()),
            value @ (Value::Number(_) | Value::Bool(_)) => Some(value.to_string()),
            _ => None,
        }
    }
}

fn type_is(schema: &Value, name: &str) -> bool {
    match schema.get("type") {
        Some(Value::String(one)) => one == name,
        Some(Value::Array(several)) => several.iter().any(|t| t == name),
        _ => false,
    }
}

/// The words of a closed list: `enum`, or `oneOf` with a `const` or `enum` each (words that have a description).
fn words(schema: &Value) -> Option<Vec<&str>> {
    if let Some(words) = schema.get("enum").and_then(Value::as_array) {
        return Some(words.iter().filter_map(Value::as_str).collect());
    }
    let variants = schema.get("oneOf").and_then(Value::as_array)?;
    Some(variants.iter().flat_map(|v| v.get("const").and_then(Value::as_str)).collect())
}
