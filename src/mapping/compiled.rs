//! One mapping, compiled: from a document to an alert.

use std::sync::Arc;

use compact_str::CompactString;
use serde_json::Value;
use uuid::Uuid;

use super::check::{Check, FieldFault, Place};
use super::definition::{Definition, TestDefinition};
use super::error::MappingError;
use super::expression::{Document, Env, Expression, Roots};
use super::mapper::MapFailure;
use super::schema::ALERT;
use super::severity::Scale;
use crate::domain::{Alert, Data, DataClass, DeadLetterClass, FailureReason, Fields, Severity, alert_id};

/// What a mapping does with fields, beside its own file.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Policy {
    pub(super) strict: bool,
    /// Whether a fault of an optional field makes a dead letter.
    pub(super) invalid_is_dead_letter: bool,
    /// For a severity that neither the mapping's scale nor its own default knows.
    pub(super) default_severity: Severity,
    /// Of times without zone, in minutes east of UTC.
    pub(super) zone_offset: i32,
}

/// That of the default settings, for which the shipped mappings and their tests are written.
impl Default for Policy {
    fn default() -> Self {
        Self { strict: false, invalid_is_dead_letter: false, default_severity: Severity::Medium, zone_offset: 8 * 60 }
    }
}

/// A compiled mapping file.
#[derive(Debug)]
pub(super) struct Mapping {
    pub(super) name: Arc<str>,
    /// Where it was read.
    pub(super) file: String,
    /// Whether it is one of those inside the binary.
    pub(super) shipped: bool,
    pub(super) matches: Expression,
    pub(super) split: Option<Expression>,
    pub(super) uses_record: bool,
    /// Where keys with dots are nested objects too, see [`super::nested`]: the names that its expressions read.
    pub(super) nested: Option<Roots>,
    pub(super) tests: Vec<TestDefinition>,
    /// Which alerts start nothing, and why.
    pub(super) skip: Option<(Expression, Arc<str>)>,
    pub(super) data_class: DataClass,
    pub(super) required: Vec<String>,
    pub(super) severity: Scale,
    pub(super) alert: Node,
}

/// A node of the `alert` tree.
#[derive(Debug)]
pub(super) enum Node {
    Expression(Expression),
    Constant(Data),
    Object(Vec<(CompactString, Node)>),
    List(Vec<Node>),
}

impl Node {
    /// Shows each expression in it.
    fn each<'n>(&'n self, see: &mut dyn FnMut(&'n Expression)) {
        match self {
            Self::Expression(expression) => see(expression),
            Self::Constant(_) => {}
            Self::Object(fields) => fields.iter().for_each(|(_, node)| node.each(see)),
            Self::List(nodes) => nodes.iter().for_each(|node| node.each(see)),
        }
    }
}

struct Compiler<'a> {
    file: &'a str,
    uses_record: bool,
    errors: &'a mut Vec<MappingError>,
}

impl Compiler<'_> {
    fn expression(&mut self, field: &str, source: &str) -> Option<Expression> {
        match Expression::compile(source) {
            Ok(expression) => {
                self.uses_record |= expression.uses_record();
                Some(expression)
            }
            Err(error) => {
                let mut error = MappingError::of_field(self.file, field, error.to_string());
                error.expression = Some(source.to_owned());
                self.errors.push(error);
                None
            }
        }
    }

    fn node(&mut self, place: &Place<'_>, value: Value) -> Node {
        match value {
            Value::String(source) => match self.expression(&format!("alert.{}", place.path()), &source) {
                Some(expression) => Node::Expression(expression),
                None => Node::Constant(Data::Null),
            },
            Value::Object(fields) => Node::Object(
                fields
                    .into_iter()
                    .map(|(name, value)| {
                        let node = self.node(&Place::Name(place, &name), value);
                        (name.into(), node)
                    })
                    .collect(),
            ),
            Value::Array(items) => Node::List(
                items.into_iter().enumerate().map(|(i, item)| self.node(&Place::Index(place, i), item)).collect(),
            ),
            scalar => Node::Constant(scalar.into()),
        }
    }
}

impl Mapping {
    /// Compiles a definition; all that is wrong goes to `errors`, and then there is no mapping.
    pub(super) fn compile(
        file: &str,
        shipped: bool,
        definition: Definition,
        errors: &mut Vec<MappingError>,
    ) -> Option<Self> {
        let before = errors.len();
        if definition.name.is_empty() {
            errors.push(MappingError::of_field(file, "name", "is empty; give the format a name"));
        }
        let severity = Scale::compile(file, &definition.severity, errors);
        let mut compiler = Compiler { file, uses_record: false, errors };
        let matches = compiler.expression("match", &definition.matches);
        let split = definition.split.as_ref().map(|source| compiler.expression("split", source));
        let skip = definition.skip.map(|skip| (compiler.expression("skip.when", &skip.when), skip.reason.into()));
        if !matches!(definition.alert, Value::Object(_) | Value::String(_)) {
            let problem = "is neither a table of fields nor an expression that gives one";
            compiler.errors.push(MappingError::of_field(file, "alert", problem));
        }
        let alert = compiler.node(&Place::Root, definition.alert);
        let uses_record = compiler.uses_record;
        let nested = definition.nest_dotted_keys.then(|| {
            let mut read = Roots::none();
            skip.iter().filter_map(|(when, _)| when.as_ref()).for_each(|when| read.add(when));
            alert.each(&mut |expression| read.add(expression));
            read
        });
        for test in definition.tests.iter().filter(|t| t.input.is_some() == t.file.is_some()) {
            let problem = format!("`{}` needs either `input` or `file`", test.name);
            errors.push(MappingError::of_field(file, "tests", problem));
        }
        if errors.len() > before {
            return None;
        }
        Some(Self {
            name: definition.name.into(),
            file: file.to_owned(),
            shipped,
            matches: matches?,
            split: match split {
                Some(split) => Some(split?),
                None => None,
            },
            skip: match skip {
                Some((when, reason)) => Some((when?, reason)),
                None => None,
            },
            uses_record,
            nested,
            tests: definition.tests,
            data_class: DataClass {
                id: definition.data_class.id.map(Into::into),
                name: definition.data_class.name.into(),
            },
            required: definition.required,
            severity,
            alert,
        })
    }

    /// Maps one document. `position` names the record for an alert that has no id of its own. Whether it is skipped is
    /// asked first: what starts nothing needs no field and has no faults.
    pub(super) fn map(
        &self,
        document: &Document<'_>,
        env: &Env,
        policy: Policy,
        part: u32,
        position: impl FnOnce() -> String,
        faults: &mut Vec<FieldFault>,
    ) -> Result<Alert, MapFailure> {
        let skip = self.skip.as_ref().filter(|(when, _)| when.holds(document, env));
        let mut content = match build(&self.alert, &Place::Root, document, env, faults) {
            Some(Data::Object(content)) => content,
            None => Fields::default(),
            Some(other) => {
                let message = format!("the mapping gives {}, not an object", other.type_name());
                faults.push(FieldFault { field: "alert".to_owned(), message, left_out: true });
                Fields::default()
            }
        };

        let source_id = content.get("id").filter(|v| !v.is_nothing()).cloned();
        let id_text = match &source_id {
            Some(Data::Text(text)) if !text.trim().is_empty() && !is_nil(text) => Some(text.clone()),
            Some(Data::Number(digits)) => Some(digits.as_str().into()),
            Some(Data::Text(_)) | None => None,
            Some(other) => {
                let message = format!("expected string, found {}", other.type_name());
                faults.push(FieldFault { field: "id".to_owned(), message, left_out: true });
                None
            }
        };
        let source_severity = content.get("severity").filter(|v| !v.is_nothing()).cloned();
        for (name, there) in [("id", id_text.is_some()), ("severity", source_severity.is_some())] {
            if !there && skip.is_none() && self.required.iter().any(|r| r == name) {
                return Err(missing(name, faults));
            }
        }

        let id = match &id_text {
            Some(text) => alert_id(&self.name, text),
            None => alert_id(&self.name, &position()),
        }
        .to_string();
        let default = self.severity.default(policy.default_severity);
        let severity = match &source_severity {
            Some(value) => self.severity.read(value),
            None => Some(default),
        };
        let severity = severity.unwrap_or_else(|| {
            let message = format!("the source's severity is unknown; {default} took its place");
            faults.push(FieldFault { field: "severity".to_owned(), message, left_out: false });
            default
        });
        keep_source(&mut content, &id, id_text.and(source_id), severity, source_severity);
        content.set_first("id", Data::Text(id.as_str().into()));
        content.set_first("severity", Data::Text(severity.as_str().into()));

        let built = faults.len();
        self.check(&mut content, env.zone_offset, policy, faults);
        faults.iter_mut().skip(built).for_each(|fault| self.alert.cite(fault));
        if skip.is_some() {
            // What starts nothing lacks nothing.
            faults.clear();
        }
        for name in self.required.iter().filter(|_| skip.is_none()) {
            let there = content.get(name).is_some_and(|v| v.as_str().is_none_or(|text| !text.trim().is_empty()));
            if !there {
                return Err(missing(name, faults));
            }
        }
        if policy.invalid_is_dead_letter
            && let Some(fault) = faults.iter().find(|f| f.left_out)
        {
            return Err(MapFailure {
                class: DeadLetterClass::Invalid,
                reason: FailureReason::OptionalFieldInvalid,
                message: format!("{}: {}", fault.field, fault.message),
            });
        }
        Ok(Alert {
            format: Arc::clone(&self.name),
            part,
            id,
            severity,
            data_class: self.data_class.clone(),
            content,
            skip: skip.map(|(_, reason)| Arc::clone(reason)),
        })
    }

    fn check(&self, content: &mut Fields, zone_offset: i32, policy: Policy, faults: &mut Vec<FieldFault>) {
        let mut check = Check { strict: policy.strict, zone_offset, faults };
        check.nesting(content);
        if &*self.data_class.name == "Alert" {
            check.object(&Place::Root, ALERT, content);
        } else {
            // Of other data classes we have no table.
            content.retain(|_, value| !value.is_nothing());
        }
    }
}

fn build(
    node: &Node,
    place: &Place<'_>,
    document: &Document<'_>,
    env: &Env,
    faults: &mut Vec<FieldFault>,
) -> Option<Data> {
    match node {
        Node::Constant(value) => Some(value.clone()),
        Node::Expression(expression) => expression.one(document, env).unwrap_or_else(|fault| {
            let message = format!("{fault} (in `{}`)", expression.source());
            faults.push(FieldFault { field: place.path(), message, left_out: true });
            None
        }),
        Node::Object(fields) => {
            let mut object = Fields::with_capacity(fields.len());
            for (name, node) in fields {
                let value = build(node, &Place::Name(place, name), document, env, faults);
                if let Some(value) = value.filter(|v| !v.is_nothing()) {
                    object.push(name.clone(), value);
                }
            }
            Some(Data::Object(object))
        }
        Node::List(nodes) => {
            let items = nodes.iter().enumerate();
            let items = items.filter_map(|(i, node)| build(node, &Place::Index(place, i), document, env, faults));
            Some(Data::List(items.filter(|v| !v.is_nothing()).collect()))
        }
    }
}

/// The source's own id and severity stay in `system_info`, as soon as one of the two had to be translated; an alert
/// that already speaks SecMaster's language is passed on as it is.
fn keep_source(
    content: &mut Fields,
    id: &str,
    source_id: Option<Data>,
    severity: Severity,
    source_severity: Option<Data>,
) {
    let same_id = source_id.as_ref().is_none_or(|v| v.as_str() == Some(id));
    let same_severity = source_severity.as_ref().is_none_or(|v| v.as_str() == Some(severity.as_str()));
    if same_id && same_severity {
        return;
    }
    let mut info = match content.get_mut("system_info").map(std::mem::take) {
        Some(Data::Object(info)) => info,
        None | Some(Data::Null) => Fields::default(),
        // The field takes any value; what is no object moves one level down.
        Some(other) => {
            let mut info = Fields::default();
            info.set("source", other);
            info
        }
    };
    if let Some(source_id) = source_id {
        info.set("source_id", source_id);
    }
    if let Some(source_severity) = source_severity {
        info.set("source_severity", source_severity);
    }
    content.set("system_info", Data::Object(info));
}

/// Whether a text is the UUID that stands for none, which all alerts without an id would share.
fn is_nil(text: &str) -> bool {
    Uuid::try_parse(text.trim()).is_ok_and(|uuid| uuid.is_nil())
}

fn missing(name: &str, faults: &[FieldFault]) -> MapFailure {
    let of_field = |f: &&FieldFault| {
        let rest = f.field.strip_prefix(name);
        f.left_out && rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
    };
    let (reason, message) = match faults.iter().find(of_field) {
        Some(fault) => (FailureReason::RequiredFieldInvalid, format!("{}: {}", fault.field, fault.message)),
        None => (FailureReason::RequiredFieldMissing, format!("the required field `{name}` has no value")),
    };
    MapFailure { class: DeadLetterClass::Invalid, reason, message }
}
