//! The direct form against the engine: the same results and the same faults, whatever the document.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::LazyLock;

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use crate::mapping::definition;
use crate::mapping::expression::{Document, Env, Expression, Kind, engine, from_json, inspect, to_json};
use crate::mapping::json;
use crate::mapping::shipped::SHIPPED;
use crate::mapping::testing::json as value;

fn env() -> Env {
    let record = json!({"topic": "t", "timestamp": 1_795_169_046_500_i64, "key": "k", "headers": {"a": "b"}});
    Env { record: from_json(&record).engine_val(), zone_offset: 480 }
}

/// An expression as it is compiled, and for the engine.
fn compiled(source: &str) -> [Expression; 2] {
    let program = engine::compile(source, &inspect::inspect(source).calls).unwrap_or_else(|e| panic!("{source}: {e}"));
    let program = Kind::Program(Box::new(program));
    [Expression::compile(source).unwrap(), Expression { kind: program, source: source.into(), uses_record: true }]
}

/// All results, the one result, and whether it holds: as the engine has it, whether the document is a part of a record
/// or the engine's value.
fn agree(compiled: &[Expression; 2], input: &Value) -> Result<(), String> {
    let text = input.to_string();
    let (tree, shape) = json::read(text.as_bytes()).unwrap();
    let of_record = Document::read(&tree, shape, text.len());
    let of_engine = from_json(input);
    let env = env();
    // As text, so that 1 and 1.0 differ.
    let results = |expression: &Expression, document: &Document<'_>| {
        let all = expression.all(document, &env);
        let all = all.map(|all| all.iter().map(|found| to_json(found.item())).collect::<Vec<_>>());
        format!("{all:?} {:?} {}", expression.one(document, &env), expression.holds(document, &env))
    };
    let [direct, program] = compiled;
    let expected = results(program, &of_engine);
    for (of, found) in [("record", results(direct, &of_record)), ("engine", results(direct, &of_engine))] {
        if found != expected {
            return Err(format!("{} on {input} of the {of}: {found}, not {expected}", direct.source()));
        }
    }
    Ok(())
}

/// Every expression of the shipped mappings.
fn shipped() -> BTreeSet<String> {
    fn collect(value: Value, found: &mut BTreeSet<String>) {
        match value {
            Value::String(source) => drop(found.insert(source)),
            Value::Array(items) => items.into_iter().for_each(|item| collect(item, found)),
            Value::Object(map) => map.into_iter().for_each(|(_, item)| collect(item, found)),
            _ => {}
        }
    }
    let mut found = BTreeSet::new();
    for (file, text) in SHIPPED {
        let definition = definition::parse(file, text).unwrap();
        found.extend(definition.split);
        let _new = found.insert(definition.matches);
        collect(definition.alert, &mut found);
    }
    found
}

/// The examples, and the inputs of the tests inside the mappings.
fn documents() -> Vec<Value> {
    let entries = |folder: &Path| std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let formats = entries(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/formats"));
    let files = formats.flat_map(|format| entries(&format));
    let examples = files.map(|path| serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap());
    let tests = SHIPPED.iter().flat_map(|(file, text)| definition::parse(file, text).unwrap().tests);
    examples.chain(tests.filter_map(|test| test.input)).collect()
}

#[test]
fn no_expression_of_the_shipped_mappings_needs_the_engine() {
    for source in shipped() {
        let kind = Expression::compile(&source).unwrap().kind;
        assert!(matches!(kind, Kind::Path(_) | Kind::Direct(_)), "{source}");
    }
}

#[test]
fn the_shipped_mappings_mean_the_same_with_and_without_the_engine() {
    let documents = documents();
    for source in shipped() {
        let compiled = compiled(&source);
        for document in &documents {
            agree(&compiled, document).unwrap();
        }
    }
}

#[test]
fn the_order_of_results_and_what_an_error_hides_are_jqs() {
    for source in [
        "(1, 2) + (10, 20)",
        "[(1, 2) < (1, 2)]",
        "{a: (1, 2), b: (3, 4)}",
        "{a: 1, b: 2, a: 3}",
        "{a, \"b\": .c, \"x y\": 1}",
        "error(1) + empty",
        "error(1) + error(2)",
        "{a: error(1), b: empty}",
        "{a: empty, b: error(1)}",
        "{a: error(1), b: error({})}",
        "(1, error(2))?",
        "(1, error(2))? | error(3)",
        "(.a | (1, error(2))?) // 5",
        "(false, null, 1, error(2), 3) // 4",
        "(error(1), 2) // 4",
        "(false, error(1)) // 4",
        "(empty // 4), (null // empty)",
        "[.[]?]",
        "[.a[]?, .b[]?]",
        ".[]",
        ".a.b.c",
        ".a[.b]",
        ".[(\"a\", \"b\")]",
        ".[1][\"a\"]",
        ".[error(1)].a",
        ".[.a]?",
        "[1, [2, 3]][1][0]",
        "[[1, 2], [1]] | .[[1]]",
        "if (true, false, null, 1) then 1 else 2 end",
        "if .a then 1 end",
        "if error(1) then 1 else 2 end",
        "if .a then 1 elif .b then 2 else 3 end",
        "(true, false) and (true, error(1))",
        "(true, false) or (empty, null)",
        "\"a\\(.a, .b)b\\(.c)\"",
        "\"\\t\\u00e9\\(1)\"",
        "\"\"",
        "[] + null, {} + {a: 1}, [1] - [1]",
        "1.50, 12345678901234567890, 1e400",
        ". as $x | [$x, (1 as $x | $x), $x]",
        "(1, 2) as $x | (3, 4) as $y | $x + $y",
        "1 as $x | 2 as $y | [$x, $y] | (. as $x | $x[0] + $y)",
        "map(. + 1)",
        "[.[] | select(. != null)]",
        "[\"a\", \"b\"] | inside([\"a\", \"b\", \"c\"])",
        "[.[]? | strings, numbers, nulls, booleans, arrays, objects, scalars, iterables]",
        "type, length?",
        "[1, null, \"x\"] | join(\"-\", \"+\")",
        "{} | join(\",\")",
        "[1.7, -1.2, \"x\"] | .[] | floor",
        "\"aBc\" | ascii_upcase, ascii_downcase, length, split(\"B\"), ltrimstr(\"a\")",
        "[\"a,b\" | split(\",\")[] | ascii_upcase]",
        "has(\"a\", \"b\")",
        "[3, 1] | sort, add, first, last, reverse, (tojson | fromjson)",
        "to_entries",
        "$record.headers.a, $record.key",
        "[.a, .b] | contains([1]), index(1)",
        "(.a, .b) | tostring, not",
        ".a | tonumber?",
        "uuid5(\"x\")",
        "[[] == [], [] < [1], [1] > [], [1, 2] == [1, 2], {} == {}, {} < {a: 1}, [.a] + [.b] + []]",
        "error, 1",
        "try error(1)",
        "[limit(1; 2, error(1))], first(1, error(2))",
        ".a |= 1",
        "reduce .[]? as $x (0; . + 1)",
        "-1, -(.a)",
    ] {
        let compiled = compiled(source);
        for document in
            [json!({"a": 1, "b": "x", "c": [true]}), json!([1, null, 2]), json!({"a": {"b": null}}), json!(7)]
        {
            agree(&compiled, &document).unwrap();
        }
    }
}

#[test]
fn a_name_means_one_function_only_throughout_the_library() {
    let mut seen = BTreeSet::new();
    for definition in engine::library() {
        let signature = (definition.name, definition.args.len());
        assert!(seen.insert(signature), "{signature:?} is defined twice");
        let native = engine::is_native(signature.0, signature.1);
        assert!(!native, "{signature:?} is a native function too");
    }
}

/// A document with one value in it replaced or removed.
fn changed(document: &Value, mut place: usize, by: Option<&Value>) -> Value {
    fn walk(value: &Value, place: &mut usize, by: Option<&Value>) -> Option<Value> {
        if *place == 0 {
            *place = usize::MAX;
            return by.cloned();
        }
        *place -= 1;
        Some(match value {
            Value::Array(items) => items.iter().filter_map(|item| walk(item, place, by)).collect(),
            Value::Object(map) => {
                map.iter().filter_map(|(k, v)| Some((k.clone(), walk(v, place, by)?))).collect::<Map<_, _>>().into()
            }
            scalar => scalar.clone(),
        })
    }
    walk(document, &mut place, by).unwrap_or_default()
}

fn expression() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just(".".to_owned()),
        "\\.[abc]",
        "\\.[abc]\\?",
        "\\.[abc]\\.[abc]",
        "\\.\\[[012]\\]",
        Just(".[]?".to_owned()),
        "[0-9]",
        "\"[ab]\"",
        Just("null".to_owned()),
        Just("empty".to_owned()),
        Just("error".to_owned()),
        Just("$record.key".to_owned()),
    ];
    leaf.prop_recursive(4, 24, 3, |inner| {
        let two = (inner.clone(), inner.clone());
        prop_oneof![
            (two.clone(), prop_oneof![Just("|"), Just("//"), Just(","), Just("+"), Just("-"), Just("=="), Just("<")])
                .prop_map(|((l, r), op)| format!("({l} {op} {r})")),
            (two.clone(), prop_oneof![Just("and"), Just("or")]).prop_map(|((l, r), op)| format!("({l} {op} {r})")),
            (two.clone(), inner.clone()).prop_map(|((a, b), c)| format!("if {a} then {b} else {c} end")),
            two.clone().prop_map(|(a, b)| format!("{{a: {a}, b: {b}}}")),
            two.clone().prop_map(|(a, b)| format!("({a} as $x | [$x, {b}])")),
            two.prop_map(|(a, b)| format!("\"<\\({a})|\\({b})>\"")),
            inner.clone().prop_map(|a| format!("[{a}]")),
            inner.clone().prop_map(|a| format!("({a})?")),
            inner.clone().prop_map(|a| format!(".[{a}]")),
            inner.clone().prop_map(|a| format!("select({a})")),
            (
                inner,
                prop_oneof![
                    Just("strings"),
                    Just("numbers"),
                    Just("tostring"),
                    Just("ascii_downcase"),
                    Just("to_number"),
                    Just("secmaster_time"),
                    Just("length"),
                    Just("type"),
                    Just("not"),
                    Just("first"),
                    Just("floor"),
                    Just("join(\",\")"),
                    Just("map(.)"),
                    Just("has(\"a\")"),
                    Just("split(\",\")"),
                    Just("values"),
                ]
            )
                .prop_map(|(a, function)| format!("({a} | {function})")),
        ]
    })
}

proptest! {
    #[test]
    fn any_expression_means_the_same_with_and_without_the_engine(source in expression(), input in value()) {
        let compiled = compiled(&source);
        prop_assert_eq!(agree(&compiled, &input), Ok(()));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]
    #[test]
    fn a_changed_example_is_mapped_the_same_with_and_without_the_engine(
        pick in any::<prop::sample::Index>(),
        place in 1_usize..60,
        by in proptest::option::of(value()),
    ) {
        static SHIPPED: LazyLock<(Vec<Value>, Vec<[Expression; 2]>)> =
            LazyLock::new(|| (documents(), shipped().iter().map(|source| compiled(source)).collect()));
        let (documents, expressions) = &*SHIPPED;
        let document = changed(pick.get(documents), place, by.as_ref());
        for compiled in expressions {
            prop_assert_eq!(agree(compiled, &document), Ok(()));
        }
    }
}
