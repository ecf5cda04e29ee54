//! Against what expressions give.

use proptest::prelude::*;
use serde_json::{Value, json};

use crate::mapping::expression::{Env, Expression, certain, from_json};

#[test]
fn comparisons_that_exclude_one_another_are_told() {
    for (source, expected) in [
        (".severity == \"High\" and .severity == \"Low\"", "`.severity == \"High\"` and `.severity == \"Low\"`"),
        (".x > 5 and .y and .x < 3", "`.x > 5` and `.x < 3`"),
        (".x > 5 and 5 >= .x", "`.x > 5` and `.x <= 5`"),
        (".x == 3 and (.a.b or .x > 3)  and .x != 3", "`.x == 3` and `.x != 3`"),
        (".x == -3 and .x > 0", "`.x == -3` and `.x > 0`"),
        ("(.x >= 5 | not) and .x == \"a\"", "`.x < 5` and `.x == \"a\"`"),
        (".severity | . == \"High\" and . == \"Low\"", "`.severity == \"High\"` and `.severity == \"Low\"`"),
        (
            "(.a | ascii_downcase == \"x\") and (.a | ascii_downcase) == \"y\"",
            "`(.a | ascii_downcase) == \"x\"` and `(.a | ascii_downcase) == \"y\"`",
        ),
        ("IN(.s; \"a\", \"b\") and (.s | IN(\"c\"))", "`IN(.s; \"a\", \"b\")` and `.s == \"c\"`"),
        (
            "(.s | IN(\"a\", \"b\")) and .s != \"a\" and .s != \"b\"",
            "`IN(.s; \"a\", \"b\")` and `.s != \"a\"` and `.s != \"b\"`",
        ),
        ("select(.a.b[0] == 1 and .a.b[0] == null)", "`.a.b[0] == 1` and `.a.b[0] == null`"),
        (".s == \"a\" and (.s == \"b\" or .s == \"c\")", "`.s == \"a\"` and `.s == \"b\"`"),
        ("(.s != \"a\" or .t) and .s == \"a\" and (.t | not)", ""),
        ("((.s == \"a\" or .t) | not) and .s == \"a\"", "`.s != \"a\"` and `.s == \"a\"`"),
        ("$record.key == \"a\" and ($record | .key) == \"b\"", "`$record.key == \"a\"` and `$record.key == \"b\"`"),
    ] {
        let certain = certain(source);
        if expected.is_empty() {
            assert_eq!((certain.holds, certain.excluded), (None, None), "{source}");
        } else {
            assert_eq!(certain.holds, Some(false), "{source}");
            assert_eq!(certain.excluded.as_deref(), Some(&*format!("{expected} exclude one another")), "{source}");
        }
    }
}

#[test]
fn what_may_hold_after_all_is_not_told() {
    for source in [
        ".severity == \"High\" or .severity == \"Low\"",
        ".x >= 5 and .x <= 5",
        ".x > 3 and .x < 5",
        ".x == \"High\" and .x > 5",
        ".x < 3 and .x != null",
        ".a == 1 and .b == 2",
        ".a[] == 1 and .a[] == 2",
        "(.a, .b) == 1 and .a == 2 or .c",
        ".a == (1, 2) and .a == 3",
        "any(.l[]; . == \"a\") and any(.l[]; . == \"b\")",
        ".n == 9007199254740993 and .n == 9007199254740994",
        ".a == \"\\(.b)\" and .a == \"x\"",
        "(.a | tojson) == \"1\" and (.a | tojson) == \"2\"",
        "(.l | first) == 1 and (.l | last) == 2",
        ". as $x | $x.a == 1 and $x.a == 2",
        "try (.a == 1) and .b",
    ] {
        assert_eq!(certain(source).holds, None, "{source}");
    }
}

#[test]
fn a_condition_with_very_many_ways_is_left_alone() {
    let either = ["(.a == 1 or .a == 2)"; 12].join(" and ");
    assert_eq!(certain(&format!("{either} and .a == 3")).holds, None);
    let long = [".a != 1"; 1_000].join(" and ");
    assert_eq!(certain(&long).holds, None);
}

/// Conditions over two fields, and values that they compare with.
fn condition() -> impl Strategy<Value = String> {
    let operator = proptest::sample::select(vec!["==", "!=", "<", "<=", ">", ">="]);
    let constant = proptest::sample::select(vec!["null", "true", "1", "-1", "2", "\"a\"", "\"b\""]);
    let field = proptest::sample::select(vec![".a", ".b"]);
    let leaf = (field, operator, constant, any::<bool>()).prop_map(|(field, operator, constant, turned)| {
        if turned { format!("{constant} {operator} {field}") } else { format!("{field} {operator} {constant}") }
    });
    leaf.prop_recursive(3, 12, 2, |inner| {
        prop_oneof![
            (inner.clone(), inner.clone()).prop_map(|(l, r)| format!("({l}) and ({r})")),
            (inner.clone(), inner.clone()).prop_map(|(l, r)| format!("({l}) or ({r})")),
            inner.prop_map(|inner| format!("(({inner}) | not)")),
        ]
    })
}

proptest! {
    #[test]
    fn what_is_told_never_holds_whatever_the_values(source in condition()) {
        if certain(&source).excluded.is_some() {
            let values: [Value; 10] =
                [json!(null), json!(false), json!(true), json!(-1), json!(1), json!(1.5), json!(2), json!("a"), json!("b"), json!([])];
            let expression = Expression::compile(&source).unwrap();
            for a in &values {
                for b in &values {
                    let document = from_json(&json!({"a": a, "b": b}));
                    prop_assert!(!expression.holds(&document, &Env::default()), "{source} {a} {b}");
                }
            }
        }
    }
}
