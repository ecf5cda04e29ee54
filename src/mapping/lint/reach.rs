//! Formats that no record reaches, because one that is tried before takes it.

use serde_json::json;

use crate::mapping::compiled::Mapping;
use crate::mapping::expression::certain;
use crate::mapping::finding::Finding;
use crate::mapping::mapper::Mapper;
use crate::mapping::selftest;

/// The findings, without their places.
pub(super) fn findings(mapper: &Mapper) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mappings = mapper.mappings();
    let all_taken = mappings.iter().position(|mapping| certain(mapping.matches.source()).holds == Some(true));
    if let Some(at) = all_taken
        && let [taker, never @ ..] = mappings.get(at..).unwrap_or_default()
        && !never.is_empty()
    {
        let names: Vec<&str> = never.iter().map(|mapping| &*mapping.name).collect();
        let problem = format!("takes every record, so these formats are never reached: {}", names.join(", "));
        findings.push(of(
            taker,
            "match",
            problem,
            "write what tells its records apart, or name it last in `mapping.formats`",
        ));
    }
    let reached = mappings.get(..all_taken.map_or(mappings.len(), |at| at + 1)).unwrap_or_default();
    for (i, mapping) in reached.iter().enumerate() {
        let before = reached.get(..i).unwrap_or_default();
        match before.iter().find(|before| same(before, mapping)) {
            Some(first) => findings.push(same_match(first, mapping)),
            None => findings.extend(taken_tests(mapper, mapping, before)),
        }
    }
    findings.extend(reached.iter().filter(|mapping| !mapping.shipped).filter_map(|taker| batches(mapper, taker)));
    findings
}

/// A condition that holds for batches of other formats' records, whatever these are: the bridge would open them, were
/// they not taken whole.
fn batches(mapper: &Mapper, taker: &Mapping) -> Option<Finding> {
    let origin = selftest::origin();
    if certain(taker.matches.source()).holds == Some(true) {
        return None;
    }
    let shipped = mapper.mappings().iter().filter(|mapping| mapping.shipped);
    let inputs =
        shipped.flat_map(|mapping| mapping.tests.iter().filter_map(|test| selftest::input(mapping, test).ok()));
    let taken = inputs.map(|input| json!({"records": [input]})).any(|batch| mapper.matches(taker, &batch, &origin));
    let problem = "holds for every batch `{\"records\": [...]}`, so other formats' records in such are never reached";
    let remedy = "the bridge opens such batches itself: write a `match` for one element, without `split`";
    taken.then(|| of(taker, "match", problem.to_owned(), remedy))
}

fn same(a: &Mapping, b: &Mapping) -> bool {
    a.matches.source().split_whitespace().eq(b.matches.source().split_whitespace())
}

fn same_match(first: &Mapping, second: &Mapping) -> Finding {
    if second.shipped {
        let problem = format!("is that of the shipped format `{}`, which is therefore never reached", second.name);
        let remedy = format!("name this one `{}`, if it is to replace it", second.name);
        return of(first, "match", problem, remedy);
    }
    let problem =
        format!("is that of `{}` ({}), which is tried before, so this is never reached", first.name, first.file);
    of(second, "match", problem, "write what tells the two apart")
}

/// The records of a format's own tests that an earlier one takes.
fn taken_tests(mapper: &Mapper, mapping: &Mapping, before: &[Mapping]) -> Vec<Finding> {
    let origin = selftest::origin();
    let mut findings = Vec::new();
    for test in &mapping.tests {
        let Ok(input) = selftest::input(mapping, test) else { continue };
        let Some(taker) = before.iter().find(|before| mapper.matches(before, &input, &origin)) else { continue };
        // What the shipped ones are to one another is settled by their order.
        if taker.shipped && mapping.shipped {
            continue;
        }
        findings.push(if mapping.shipped {
            let problem =
                format!("takes the record of the test `{}` of the shipped format `{}`", test.name, mapping.name);
            of(taker, "match", problem, "narrow it, unless that is meant")
        } else {
            let problem = format!(
                "the record of the test `{}` is taken by `{}` ({}), which is tried before",
                test.name, taker.name, taker.file
            );
            of(mapping, "match", problem, "narrow that one's `match`, or let this file's name come first")
        });
    }
    findings
}

fn of(mapping: &Mapping, field: &str, problem: String, remedy: impl Into<String>) -> Finding {
    Finding::warning(&mapping.file, field, problem, remedy)
}
