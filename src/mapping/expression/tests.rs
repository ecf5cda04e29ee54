//! What expressions mean, what is refused, and what hostile ones cost.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{Env, Expression, Kind, from_json, start, to_json};
use crate::mapping::expression::budget::within;

fn eval(source: &str, input: &Value) -> Result<Option<Value>, String> {
    let env = Env { record: jaq_json::Val::Null, zone_offset: 480 };
    Expression::compile(source)
        .unwrap()
        .one(&from_json(input), &env)
        .map(|one| one.map(Value::from))
        .map_err(|f| f.to_string())
}

#[test]
fn null_and_empty_are_nothing_and_two_results_are_a_fault() {
    assert_eq!(eval("null", &json!({})), Ok(None));
    assert_eq!(eval("empty", &json!({})), Ok(None));
    assert_eq!(eval(".a.b", &json!({})), Ok(None));
    for infinite in ["infinite", "-infinite | .", ".a * 1e308 * 10", "nan", "[infinite] | .[0]", "def f: infinite; f"] {
        assert_eq!(eval(infinite, &json!({"a": 5})), Ok(None), "{infinite}: JSON has no such number");
    }
    assert_eq!(eval("1, 2", &json!({})), Err("it gives more than one result".to_owned()));
    assert_eq!(eval(".a | ascii_upcase", &json!({"a": "x"})), Ok(Some(json!("X"))));
}

#[test]
fn names_that_are_no_utf8_make_no_name_twice() {
    let source = "map({key: (.k | @base64d), value: .v}) | from_entries";
    for keys in [["/w==", "77+9"], ["77+9", "/w=="], ["/w==", "/g=="]] {
        let input = from_json(&json!([{"k": keys[0], "v": 1}, {"k": keys[1], "v": 2}]));
        let made = Expression::compile(source).unwrap().one(&input, &Env::default()).unwrap();
        assert_eq!(Value::from(made).to_string(), "{\"\u{fffd}\":2}");
    }
}

#[test]
fn numbers_of_a_record_cost_what_they_take() {
    let record = format!("{{\"n\": 1{}}}", "0".repeat(100_000));
    let (tree, shape) = crate::mapping::json::read(record.as_bytes()).unwrap();
    let document = super::Document::read(&tree, shape, record.len());
    let made = Expression::compile("[range(1500) as $i | .n]").unwrap().one(&document, &Env::default());
    assert_eq!(made, Err(super::Fault("it makes too much data (about 8 MiB are allowed)".to_owned())));
}

#[test]
fn plain_paths_need_no_engine() {
    for path in [".", ".a.b", ".\"kibana.alert.uuid\"", ".[\"x.y\"].z", ".a[0].b", ".a?.b", ".[0]"] {
        assert!(matches!(Expression::compile(path).unwrap().kind, Kind::Path(_)), "{path}");
    }
    for other in [".[]", ".a[1:]", "..", ".[.a]", ".a | .b", "1", "$record.key", ".\"a\\(1)\""] {
        assert!(!matches!(Expression::compile(other).unwrap().kind, Kind::Path(_)), "{other}");
    }
}

#[test]
fn the_engine_runs_what_is_too_large_or_too_strange_to_evaluate_directly() {
    let nested = |n: usize| format!("{}1{}", "[".repeat(n), "]".repeat(n));
    let piped = |n: usize| vec!["[.]"; n].join(" | ");
    for direct in [nested(150), piped(60), "[.[]? | select(.b) | {c}]".to_owned()] {
        let expression = Expression::compile(&direct).unwrap();
        assert!(matches!(expression.kind, Kind::Direct(_)), "{direct}");
        assert_eq!(expression.one(&from_json(&json!(1)), &Env::default()).map(|v| v.is_some()), Ok(true), "{direct}");
    }
    for other in [nested(200), piped(100), "path(..)".to_owned(), ".a |= 1".to_owned(), "try .a catch .".to_owned()] {
        assert!(matches!(Expression::compile(&other).unwrap().kind, Kind::Program(_)), "{other}");
    }
}

#[test]
fn what_has_side_effects_is_refused_by_name() {
    for (source, name) in [
        ("env.HOME", "env"),
        ("$ENV.HOME", "$ENV"),
        (".a | now", "now"),
        ("[inputs]", "inputs"),
        ("{a: input}", "input"),
        ("debug", "debug"),
        ("\"x\\(debug(\"y\"))\"", "debug"),
        ("stderr", "stderr"),
        ("halt", "halt"),
        ("if .a then halt_error else . end", "halt_error"),
        ("def f: halt_error(1); f", "halt_error"),
        ("localtime", "localtime"),
        ("strflocaltime(\"%H\")", "strflocaltime"),
        ("input_filename", "input_filename"),
        ("reduce .[] as {(now): $x} (0; 1)", "now"),
        (". as [$a] | $ENV", "$ENV"),
        ("import \"a\" as a; .", "import"),
        ("include \"a\"; .", "include"),
        ("halt(1)", "halt"),
        ("debug_empty", "debug_empty"),
    ] {
        let error = Expression::compile(source).unwrap_err().to_string();
        assert!(error.starts_with(&format!("`{name}` is not allowed")), "{source}: {error}");
    }
}

#[test]
fn what_is_not_jq_is_refused_with_the_place() {
    insta::assert_snapshot!(
        [
            ".a |",
            ".a[",
            "{a: }",
            "nope",
            "door",
            "text",
            "next",
            "unpriced_match",
            "ascii_upcas",
            "nope(1)",
            "nope(1; 2)",
            ".a as $x",
            "$y",
            "\"a"
        ]
        .map(|source| format!("{source}  ->  {}", Expression::compile(source).unwrap_err()))
        .join("\n")
    );
}

#[test]
fn a_hostile_expression_costs_a_fault() {
    let deep = format!("{}1{}", "[".repeat(3000), "]".repeat(3000));
    let listed = include_str!("../../../tests/hostile/expressions.txt").lines().filter(|line| !line.starts_with('#'));
    let input = json!({"a": ["x", "y"]});
    let mut results = Vec::new();
    for source in listed.chain([&*deep]) {
        let result = match Expression::compile(source) {
            Ok(expression) => expression.one(&from_json(&input), &Env::default()).map_err(|f| f.to_string()),
            Err(error) => Err(error.to_string()),
        };
        if result.is_ok() {
            results.push(source);
        }
    }
    assert!(results.is_empty(), "these gave a result:\n{}", results.join("\n"));
}

#[test]
fn a_fault_names_types_and_never_values() {
    for source in [
        ".secret | .x",
        ".secret + 1",
        ".secret | error",
        "error({a: .secret})",
        ".[0]",
        ".secret | tonumber",
        ".secret | secmaster_time",
        ".secret[]",
        ".secret | from_json",
        "-(.secret)",
        ".secret | test(\"(\")",
        ".secret |= keys",
        "{(.secret | length): 1} | .a.b",
        ".secret | strptime(\"%Y\")",
        ".secret | @base64d",
        ".secret | ltrimstr(1) | fromdate",
        ".secret | .[1:] | has(1)",
        "$record.secret | implode",
        ".secret | splits(1)",
    ] {
        let fault = eval(source, &json!({"secret": "s3cr3t"})).expect_err(source);
        assert!(!fault.contains("s3cr3t"), "{source}: {fault}");
    }
}

#[test]
fn own_functions_do_what_their_documentation_says() {
    for (source, expected) in [
        ("\"2026-11-20T08:14:52.318Z\" | secmaster_time", json!("2026-11-20T08:14:52.318Z+0000")),
        ("1795169045123 | secmaster_time", json!("2026-11-20T10:04:05.123Z+0000")),
        ("1795169045.9999 | secmaster_time", json!("2026-11-20T10:04:05.999Z+0000")),
        ("[\"0001-01-01T00:00:00Z\", \"\", null | secmaster_time]", json!([null, null, null])),
        ("\"2026-11-20 08:00:00\" | secmaster_time", json!("2026-11-20T08:00:00.000Z+0800")),
        ("\"2026-11-20 08:00:00\" | secmaster_time(\"UTC\")", json!("2026-11-20T08:00:00.000Z+0000")),
        ("\"2026-11-20 08:00:00+02:00\" | secmaster_time(\"UTC\")", json!("2026-11-20T08:00:00.000Z+0200")),
        ("\"a\" | uuid5", json!(uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_URL, b"a").to_string())),
        (
            "\"a\" | uuid5(\"6ba7b810-9dad-11d1-80b4-00c04fd430c8\")",
            json!(uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_DNS, b"a").to_string()),
        ),
        ("[\"Defense Evasion\", \"TA0002\", {name: \"Execution\"}] | attack_tactics", json!(["TA0005", "TA0002"])),
        ("\"attack.t1059.001,T1071\" | attack_techniques", json!(["T1059.001", "T1071"])),
        (
            "[\" 42 \", 1.50, \"x\", null, \"12345678901234567890\" | to_number]",
            serde_json::from_str("[42,1.50,null,null,12345678901234567890]").unwrap(),
        ),
        ("\"[1]\" | from_json", json!([1])),
        ("{a: 1} | from_json", json!({"a": 1})),
    ] {
        assert_eq!(eval(source, &json!({})).unwrap().unwrap().to_string(), expected.to_string(), "{source}");
    }
}

#[test]
fn the_json_functions_written_anew_follow_jq() {
    for (source, expected) in [
        ("[null, \"\u{e9}\u{1f600}\", [1, 2], {a: 1}, -3, 2.5 | length]", json!([0, 2, 2, 1, 3, 2.5])),
        ("\"foobar\" | contains(\"bar\")", json!(true)),
        ("{a: [1, {b: \"xy\"}]} | contains({a: [{b: \"x\"}]})", json!(true)),
        ("[has(\"a\"), has(\"b\")]", json!([true, false])),
        ("[1, 2] | [has(0), has(2)]", json!([true, false])),
        ("\"a,b, cd, efg\" | indices(\", \")", json!([3, 7])),
        ("[0, 1, 2, 1, 2] | [indices([1, 2]), indices(1), index(1), rindex(1)]", json!([[1, 3], [1, 3], 1, 3])),
        ("[1, 3] | [bsearch(3), bsearch(2)]", json!([1, -2])),
        ("[1, \"a\", {b: null}] | tojson | fromjson", json!([1, "a", {"b": null}])),
        (".a |= 1 | .b += 2 | .c //= 3 | map_values(. + 1)", json!({"a": 2, "b": 3, "c": 4})),
        ("[3, 1, 2] | [sort, min, max, add, (map(select(. > 1)) | first)]", json!([[1, 2, 3], 1, 3, 6, 3])),
        (
            "[\"b\", \"a\", \"b\"] | [unique, join(\"-\"), (group_by(.) | map(length))]",
            json!([["a", "b"], "b-a-b", [1, 2]]),
        ),
        ("[1, null, \"x\", true] | [join(\"-\"), join(null)]", json!(["1--x-true", "1xtrue"])),
        ("[[], [7], {a: 1, b: \"c\"}] | map(join(\",\"))", json!(["", "7", "1,c"])),
        ("[[[]], [1, 2]] | map(try join(1) catch \"no\")", json!(["no", "no"])),
        ("{a: {b: 1}} * {a: {c: 2}} | [paths | join(\".\")]", json!(["a", "a.b", "a.c"])),
        ("\"T1059.001\" | capture(\"(?<main>T[0-9]+)\") | .main", json!("T1059")),
        ("[1, [2, [3]]] | [flatten, .[1:], .[-1][0]]", json!([[1, 2, 3], [[2, [3]]], 2])),
        ("[limit(3; range(10))], first(range(5)) | select(type == \"array\")", json!([0, 1, 2])),
        ("\"x\\(1 + 1)y\"", json!("x2y")),
        ("[2 | IN(1, 2)], [IN([1, 2][]; 3)] | select(.[0])", json!([true])),
        ("[{k: 1}, {k: 2}] | INDEX(.k) | keys", json!(["1", "2"])),
        ("reduce range(1000) as $i ({}; .[\"k\\($i)\"] = $i) | length", json!(1000)),
        ("reduce range(2000) as $i ([]; . + [$i]) | length", json!(2000)),
        (
            "[1, \"a\\\"b\", null] | [@csv, (.[0] | toarray), leaf_paths == [0]]",
            json!(["1,\"a\"\"b\",", [1], true, false]),
        ),
        ("[\"a\\tb\\\\\", 1] | @tsv", json!("a\\tb\\\\\t1")),
        (
            "[\"2026-01-02\" | test(\"^\\\\d{4}-\"), (\"a1b2\" | gsub(\"[0-9]\"; \"\")), (\"a,b\" | [splits(\",\")])]",
            json!([true, "ab", ["a", "b"]]),
        ),
        ("try error(\"no\") catch .", json!("no")),
        ("{a: 1} | del(.a) | with_entries(.value += 1)", json!({})),
        ("[\"a\" * 3, (\"a,b\" / \",\"), ([1, 2] - [1])]", json!(["aaa", ["a", "b"], [2]])),
    ] {
        assert_eq!(eval(source, &json!({"a": 0})).unwrap().unwrap().to_string(), expected.to_string(), "{source}");
    }
}

#[test]
fn the_whole_standard_library_but_what_is_refused_can_be_called() {
    let library = super::engine::library();
    for definition in library.filter(|d| !super::inspect::FORBIDDEN.contains(&d.name)) {
        let arguments = vec!["."; definition.args.len()].join("; ");
        let call =
            if arguments.is_empty() { definition.name.to_owned() } else { format!("{}({arguments})", definition.name) };
        if let Err(error) = Expression::compile(&call) {
            panic!("{call}: {error}");
        }
    }
}

proptest! {
    #[test]
    fn a_plain_path_means_what_jq_means(
        input in crate::mapping::testing::json(),
        steps in proptest::collection::vec(
            prop_oneof![
                "[ab]".prop_map(|k| format!("[\"{k}\"]")),
                "[ab]".prop_map(|k| format!("[\"{k}\"]?")),
                (0_u8..3).prop_map(|i| format!("[{i}]")),
                (0_u8..3).prop_map(|i| format!("[{i}]?")),
            ],
            1..4,
        ),
    ) {
        let source = format!(".{}", steps.concat());
        let path = Expression::compile(&source).unwrap();
        prop_assert!(matches!(path.kind, Kind::Path(_)));
        let program = super::engine::compile(&source, &[]).unwrap();
        let document = from_json(&input);
        let by_engine = within(0, || {
            let results = start(&program, &document, &Env::default());
            results.map(|r| r.map(|v| to_json(&v.into())).map_err(|_| ())).collect::<Result<Vec<_>, _>>()
        }).unwrap();
        let env = Env::default();
        let directly = path.all(&document, &env).map_err(|_| ());
        prop_assert_eq!(directly.map(|all| all.iter().map(|found| to_json(found.item())).collect::<Vec<_>>()), by_engine);
    }
}
