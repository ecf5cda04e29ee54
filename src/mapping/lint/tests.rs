//! Findings of whole files.

use crate::mapping::testing::folder_of;
use crate::mapping::{Finding, Level, Mapper, MappingSettings};

fn lint(files: &[(&str, &str)], change: impl FnOnce(&mut MappingSettings)) -> Vec<String> {
    let (directory, mut settings) = folder_of(files);
    change(&mut settings);
    let findings = Mapper::load(&settings).unwrap().lint(&settings);
    let folder = format!("{}/", directory.path().display());
    // Most files here are too small for tests, and of what theirs say there is a test of its own.
    let about_tests = |finding: &&Finding| finding.field != "tests" && !finding.problem.starts_with("the test `");
    findings
        .iter()
        .filter(about_tests)
        .map(|finding| format!("{:?} {finding}", finding.level).replace(&folder, ""))
        .collect()
}

#[test]
fn a_file_as_it_is_meant_has_no_findings() {
    let good = r#"
name: good
match: .vendor == "acme"
required: [title, severity]
severity: {words: {low: Low, loud: Fatal}, bands: [[0, Low], [5, High]]}
alert:
  title: .t
  severity: .s
  data_source: {source_type: 2, product_name: '"Acme"'}
  network_list: [{src_ip: .a, dest_port: '"22"'}]
  system_info: {anything: .x}
"#;
    assert_eq!(lint(&[("good.yaml", good)], |_| ()), Vec::<String>::new());
    let all: Vec<(&str, &str)> = crate::mapping::shipped::SHIPPED.to_vec();
    let replaces = |finding: &String| finding.contains("replaces the shipped format");
    let found: Vec<String> = lint(&all, |_| ()).into_iter().filter(|finding| !replaces(finding)).collect();
    assert_eq!(found, Vec::<String>::new(), "the shipped ones, as if they were the user's");
}

#[test]
fn what_is_hardly_meant_is_told_with_its_place_and_what_to_do() {
    let odd = r#"
name: odd
match: '(.events | type) == "list" and .vendor == "acme"'
required: [title, id]
severity:
  words: {LOW: Low, low: Tips, " high": High}
  bands: [[5, High], [0, Low], [5, Fatal]]
alert:
  title: .t
  severty: .s
  count: true
  handle_status: '"open"'
  data_source: {source_type: 7, produkt_name: .p}
  network_list: {src_ip: .a}
  user_info: [{user_name: .u, mail: .m}]
  description: [.a]
"#;
    insta::assert_snapshot!(lint(&[("odd.yaml", odd)], |_| ()).join("\n"));
}

#[test]
fn a_field_that_the_data_class_does_not_know_is_an_error_where_the_settings_are_strict() {
    let yaml = "name: x\nmatch: .x\nalert:\n  title: .t\n  shift: .s\n";
    let findings = lint(&[("x.yaml", yaml)], |settings| settings.strict = true);
    assert!(findings.len() == 1 && findings[0].starts_with("Error x.yaml:5:3: alert.shift: "), "{findings:?}");
}

#[test]
fn a_path_that_is_nearly_one_of_the_tests_records_is_told() {
    let yaml = r#"
name: x
match: has("items")
split: .items[]
alert:
  title: .tilte
  count: .n
  network_list: [{src_ip: .scr.ip // .other, src_port: .src.prot}]
tests: [{name: one, input: {items: [{title: t, n: 1, src: {ip: 192.0.2.1, port: 7}}]}, expect: {}}]
"#;
    insta::assert_snapshot!(lint(&[("x.yaml", yaml)], |_| ()).join("\n"));
}

#[test]
fn a_condition_that_takes_every_batch_of_records_is_told() {
    let file = |matches: &str| format!("name: x\nmatch: '{matches}'\nsplit: .records[]\nalert: {{title: .t}}\n");
    let told = lint(&[("x.yaml", &file("has(\"records\")"))], |_| ());
    assert!(told.len() == 1 && told[0].starts_with("Warning x.yaml:2:1: match: holds for every batch"), "{told:?}");
    assert_eq!(lint(&[("x.yaml", &file(".records[0].category == \"mine\""))], |_| ()), Vec::<String>::new());
}

#[test]
fn a_format_that_no_record_reaches_is_told() {
    let test = |name: &str, matches: &str| {
        format!(
            "name: {name}\nmatch: '{matches}'\nalert: {{title: .t}}\ntests:\n  - {{name: one, input: {{a: 1, b: 2}}, expect: {{}}}}\n"
        )
    };
    let (a, b, c) = (test("a", ".a == 1"), test("b", ".b  ==  2"), test("c", ".b == 2"));
    insta::assert_snapshot!(
        lint(&[("1.yaml", &a), ("2.yaml", &b), ("3.yaml", &c), ("4.yaml", &test("d", "false"))], |_| ()).join("\n")
    );
    insta::assert_snapshot!(
        lint(&[("1.yaml", &test("all", ".a = 1")), ("2.yaml", &a)], |s| s.formats =
            vec!["all".to_owned(), "a".to_owned()])
        .join("\n")
    );
    let takes = test("greedy", "has(\"severity\")");
    insta::assert_snapshot!(lint(&[("greedy.yaml", &takes)], |_| ()).join("\n"));
    let one = |s: &mut MappingSettings| s.formats = vec!["secmaster_alert".to_owned()];
    insta::assert_snapshot!(lint(&[("greedy.yaml", &takes)], one).join("\n"));
}

#[test]
fn what_the_tests_inside_a_file_show_is_told() {
    let yaml = r#"
name: wazuh_alert
match: .vendor == "acme"
severity: {words: {loud: High}}
alert:
  title: .t
  severity: '"Critical"'
  count: .n
  owner: .nobody
  actor: $record.key
  user_info: [{user_name: .u.x}]
  system_info: {b: .b, c: .c}
tests:
  - {name: one, input: {vendor: acme, t: x, n: many, u: text, b: 1}, expect: {}}
  - {name: two, input: {vendor: acme, t: x, n: 1, b: 1}, expect: {}}
"#;
    let nests = "name: w\nmatch: has(\"h.n\")\nnest_dotted_keys: true\nalert: {title: .h.n}\n\
                 tests: [{name: one, input: {h.n: x}, expect: {}}]\n";
    let other = "name: y\nmatch: .y\nalert: {title: .y}\n";
    let (directory, mut settings) = folder_of(&[("x.yaml", yaml), ("y.yaml", other), ("w.yaml", nests)]);
    let empty = directory.path().join("z");
    std::fs::create_dir(&empty).unwrap();
    std::fs::write(empty.join("x.json"), "{}").unwrap();
    settings.directories.push(empty);
    let findings = Mapper::load(&settings).unwrap().lint(&settings);
    let text: Vec<String> = findings.iter().map(|finding| format!("{:?} {finding}", finding.level)).collect();
    let folder = format!("{}/", directory.path().display());
    let text = text.join("\n").replace(&folder, "");
    insta::assert_snapshot!(text);
    assert!(findings.iter().any(|finding| finding.level == Level::Note));
}

#[test]
fn what_a_record_never_has_is_told() {
    let yaml = r#"
name: x
match: $record.topci == "soc.acme" and .a
split: '.events[] | . + {key: $record.ky}'
alert:
  title: .t // $record.headers.title // $record.timestamp
  user_info: [{user_name: '$record.headers["user"]'}, {user_name: $record.user}]
"#;
    insta::assert_snapshot!(lint(&[("x.yaml", yaml)], |_| ()).join("\n"));
}
