//! The fields of a part, each by itself: its expression, what that looked at, what it gave, and what is sent of it.

use compact_str::CompactString;
use serde_json::Value;

use super::FieldTrace;
use super::remedy::remedy;
use crate::domain::{Data, Fields};
use crate::mapping::check::{Check, FieldFault, Place};
use crate::mapping::compiled::{Mapping, Node, Policy};
use crate::mapping::expression::{Document, Env, Expression, reads, to_json};
use crate::mapping::schema::ALERT;

/// A step down to a field.
#[derive(Clone)]
enum Step {
    Name(CompactString),
    Index,
}

struct Tracer<'a> {
    mapping: &'a Mapping,
    document: &'a Document<'a>,
    env: &'a Env,
    policy: Policy,
    fields: Vec<FieldTrace>,
}

/// All fields of a mapping for a document.
pub(super) fn trace(mapping: &Mapping, document: &Document<'_>, env: &Env, policy: Policy) -> Vec<FieldTrace> {
    let mut tracer = Tracer { mapping, document, env, policy, fields: Vec::new() };
    tracer.node(&mapping.alert, &Place::Root, &mut Vec::new());
    tracer.fields
}

impl Tracer<'_> {
    fn node(&mut self, node: &Node, place: &Place<'_>, steps: &mut Vec<Step>) {
        match node {
            Node::Constant(value) => self.field(place, steps, None, Ok(Some(value.clone()))),
            Node::Expression(expression) => {
                let result = expression.one(self.document, self.env).map_err(|fault| fault.to_string());
                match result {
                    // One expression for all fields.
                    Ok(Some(Data::Object(fields))) if steps.is_empty() => {
                        for (name, value) in fields.iter() {
                            let (place, steps) = (Place::Name(place, name), [Step::Name(name.into())]);
                            self.field(&place, &steps, Some(expression), Ok(Some(value.clone())));
                        }
                    }
                    result => self.field(place, steps, Some(expression), result),
                }
            }
            Node::Object(fields) => {
                for (name, node) in fields {
                    steps.push(Step::Name(name.clone()));
                    self.node(node, &Place::Name(place, name), steps);
                    let _step = steps.pop();
                }
            }
            Node::List(nodes) => {
                for (i, node) in nodes.iter().enumerate() {
                    steps.push(Step::Index);
                    self.node(node, &Place::Index(place, i), steps);
                    let _step = steps.pop();
                }
            }
        }
    }

    fn field(
        &mut self,
        place: &Place<'_>,
        steps: &[Step],
        expression: Option<&Expression>,
        result: Result<Option<Data>, String>,
    ) {
        let field = if steps.is_empty() { "alert".to_owned() } else { place.path() };
        let mut trace = FieldTrace { field, ..FieldTrace::default() };
        if let Some(expression) = expression {
            trace.expression = Some(expression.source().to_owned());
            trace.reads = self.reads(expression.source());
        }
        match result {
            Ok(result) => {
                let (sent, faults) = self.check(steps, result.as_ref(), self.env.zone_offset);
                trace.default_zone = sent.is_some() && sent != self.elsewhere(steps, expression, result.as_ref());
                trace.faults = faults.into_iter().map(|fault| shown(&trace.field, steps, fault)).collect();
                let empty = result.as_ref().and_then(Data::as_str).is_some_and(|text| text.trim().is_empty());
                if empty && self.mapping.required.contains(&trace.field) {
                    let remedy = "`(.a | select(. != \"\")) // .b` takes another field where this one is empty";
                    trace.faults.push(("is required, and empty".to_owned(), Some(remedy)));
                }
                (trace.result, trace.sent) = (result.map(Value::from), sent.map(Value::from));
            }
            Err(message) => trace.faults.push((message.clone(), remedy(&message))),
        }
        self.fields.push(trace);
    }

    fn reads(&self, source: &str) -> Vec<(String, Value)> {
        let at = |path: &str| match Expression::compile(path).ok()?.all(self.document, self.env).ok()?.first() {
            Some(found) => Some(to_json(found.item())),
            None => Some(Value::Null),
        };
        // Where a path cannot be followed, what stands in its way is shown.
        let value = |path: String| {
            let mut path = path.as_str();
            loop {
                if let Some(value) = at(path) {
                    return Some((path.to_owned(), value));
                }
                path = path.rfind(['.', '[']).filter(|end| *end > 0).and_then(|end| path.get(..end))?;
            }
        };
        reads(source).into_iter().filter_map(value).collect()
    }

    /// What would be sent if times without zone were taken for those of another one.
    fn elsewhere(&self, steps: &[Step], expression: Option<&Expression>, result: Option<&Data>) -> Option<Data> {
        let env = Env { zone_offset: self.env.zone_offset - 1, ..self.env.clone() };
        let there = match expression {
            // Of an expression that gives all fields, only what the typed check mends is seen.
            Some(expression) if !matches!(self.mapping.alert, Node::Expression(_)) => {
                expression.one(self.document, &env).ok()?
            }
            _ => result.cloned(),
        };
        self.check(steps, there.as_ref(), env.zone_offset).0
    }

    /// What the typed check leaves of a field. `id` and `severity` are translated before it and are told by themselves.
    fn check(&self, steps: &[Step], value: Option<&Data>, zone_offset: i32) -> (Option<Data>, Vec<FieldFault>) {
        let mut faults = Vec::new();
        let Some(value) = value.filter(|value| !value.is_nothing()) else { return (None, faults) };
        if &*self.mapping.data_class.name != "Alert" || steps.is_empty() {
            return (Some(value.clone()), faults);
        }
        if matches!(steps, [Step::Name(name)] if name == "id" || name == "severity") {
            return (Some(value.clone()), faults);
        }
        let whole = steps.iter().rev().fold(value.clone(), |value, step| match step {
            Step::Name(name) => {
                let mut object = Fields::default();
                object.set(name, value);
                Data::Object(object)
            }
            Step::Index => Data::List(vec![value]),
        });
        let Data::Object(mut whole) = whole else { return (None, faults) };
        Check { strict: self.policy.strict, zone_offset, faults: &mut faults }.object(&Place::Root, ALERT, &mut whole);
        let sent = steps.iter().try_fold(Data::Object(whole), |value, step| match (step, value) {
            (Step::Name(name), Data::Object(mut object)) => object.get_mut(name).map(std::mem::take),
            (Step::Index, Data::List(items)) => items.into_iter().next(),
            _ => None,
        });
        (sent, faults)
    }
}

/// A fault without the path of its field, which was checked alone, as the first of its list.
fn shown(field: &str, steps: &[Step], fault: FieldFault) -> (String, Option<&'static str>) {
    let alone = steps.iter().fold(String::new(), |path, step| match step {
        Step::Name(name) if path.is_empty() => name.to_string(),
        Step::Name(name) => format!("{path}.{name}"),
        Step::Index => format!("{path}[0]"),
    });
    let remedy = remedy(&fault.message);
    match fault.field.strip_prefix(&alone) {
        Some("") | None => (fault.message, remedy),
        Some(below) => (format!("{field}{below}: {}", fault.message), remedy),
    }
}
