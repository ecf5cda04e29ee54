//! `alertbridge check` as users meet it: findings, exit codes, and watching files.

use std::fs;
use std::io::{BufRead, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use tempfile::TempDir;

/// Longer than anything here takes on a busy machine; a test that waits for it has failed.
const BOUND: Duration = Duration::from_secs(60);

fn alertbridge(folder: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_alertbridge"));
    command.args(args).env_clear().current_dir(folder);
    command
}

fn run(folder: &Path, args: &[&str]) -> (Option<i32>, String, String) {
    let Output { status, stdout, stderr } = alertbridge(folder, args).output().unwrap();
    (status.code(), String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap())
}

const GOOD: &str = "name: acme\nmatch: .vendor == \"acme\"\nalert: {title: .t}\ntests:\n  - {name: one, input: {vendor: acme, t: x}, expect: {id: a3e9a04e-e3a7-5fb4-a9a9-8ba6a4be3e63, title: x, severity: Medium}}\n";

/// A folder with one mapping file.
fn folder(mapping: &str) -> TempDir {
    let folder = TempDir::new().unwrap();
    fs::create_dir(folder.path().join("mappings")).unwrap();
    fs::write(folder.path().join("mappings/acme.yaml"), mapping).unwrap();
    folder
}

/// The good mapping, with the id that its test is to expect.
fn good() -> String {
    let id = uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_URL, b"alertbridge:alert:acme/test/0/0");
    GOOD.replace("a3e9a04e-e3a7-5fb4-a9a9-8ba6a4be3e63", &id.to_string())
}

#[test]
fn mapping_files_are_checked_without_a_configuration_that_could_run() {
    let folder = folder(&good());
    let (code, out, err) = run(folder.path(), &["check", "--mappings", "mappings"]);
    assert_eq!((code, err.as_str()), (Some(0), ""), "{out}");
    assert!(out.starts_with("ok    mappings acme, ") && out.contains(" tests hold; version "), "{out}");
    let (code, _, err) = run(folder.path(), &["check"]);
    assert_eq!(code, Some(2), "a whole configuration lacks much: {err}");
}

#[test]
fn routes_are_checked_with_the_mappings_while_the_rest_of_the_configuration_is_missing() {
    let folder = folder(&good());
    let rules = "routing:\n  rules:\n    - {name: a, when: '.vendor == \"acme\" or (.severity | IN(\"high\"))', workflow_id: 446255ce-1111-4222-8333-0b4931000000}\n";
    fs::write(folder.path().join("alertbridge.yaml"), rules).unwrap();
    let (code, out, err) = run(folder.path(), &["check", "--mappings", "mappings"]);
    assert!(code == Some(0) && out.contains("\nok    routes (1 rules, then dead letter `unroutable`)\n"), "{out}{err}");
    assert!(out.contains("note  alertbridge.yaml:3: routing.rules[0].when: `a` looks at `.vendor`"), "{out}");
    assert!(out.contains("compares `.severity` with `high`, which no mapped alert has; did you mean `High`?"), "{out}");
}

#[test]
fn a_test_that_expects_nothing_is_told_how_to_get_what_it_is_to_expect() {
    let good = good();
    let folder = folder(&format!("{}expect: {{}}}}\n", good.split_once("expect: ").unwrap().0));
    let (code, _, err) = run(folder.path(), &["check", "--mappings", "mappings"]);
    assert!(
        code == Some(2) && err.ends_with("expects nothing; `alertbridge map --expect` prints what to write here\n"),
        "{err}"
    );
}

#[test]
fn warnings_are_told_with_their_place_and_fail_only_where_they_are_denied() {
    let folder = folder(&good().replace("alert: {title: .t}", "alert: {title: .t, shift: .nothing}"));
    let (code, out, err) = run(folder.path(), &["check", "--mappings", "mappings"]);
    let warning = "warn  mappings/acme.yaml:3:20: alert.shift: the data class has no field `shift`";
    assert!(code == Some(0) && out.contains(warning), "{out}{err}");
    let (code, _, err) = run(folder.path(), &["check", "--mappings", "mappings", "--deny-warnings"]);
    assert_eq!((code, err.as_str()), (Some(2), "alertbridge: 1 warning, and --deny-warnings is given\n"));
}

#[test]
fn what_would_lose_every_record_and_a_test_that_does_not_hold_are_errors() {
    let folder = folder(&good().replace("alert: {title: .t}", "required: [severity]\nalert: {title: .vendor}"));
    let (code, _, err) = run(folder.path(), &["check", "--mappings", "mappings"]);
    assert_eq!(code, Some(2));
    assert!(err.contains("mappings/acme.yaml:3:1: required: `severity` is required, and nothing gives it"), "{err}");
    assert!(err.contains("mappings/acme.yaml:6:5: test `one`: "), "{err}");
}

#[test]
fn an_unknown_function_is_told_with_its_place_and_what_may_be_meant() {
    let folder = folder(&good().replace(".t}", ".t | ascii_upcas}"));
    let (code, _, err) = run(folder.path(), &["check", "--mappings", "mappings"]);
    assert_eq!(code, Some(2));
    let expected = "mappings/acme.yaml:3:9: alert.title: there is no function `ascii_upcas` with 0 arguments; did you \
                    mean `ascii_upcase`? (in `.t | ascii_upcas`)";
    assert!(err.contains(expected), "{err}");
}

#[test]
fn a_route_that_no_alert_reaches_is_told_with_its_line() {
    let folder = TempDir::new().unwrap();
    let configuration = "routing:\n  rules:\n    - {name: a, skip: all}\n    - {name: b, when: .x, skip: x}\n";
    fs::write(folder.path().join("alertbridge.yaml"), configuration).unwrap();
    let output = alertbridge(folder.path(), &["check"])
        .env("HUAWEICLOUD_SDK_AK", "AK")
        .env("HUAWEICLOUD_SDK_SK", "SK")
        .env("HUAWEICLOUD_SDK_PROJECT_ID", "0123456789abcdef0123456789abcdef")
        .env("ALERTBRIDGE__SECMASTER__WORKSPACE_ID", "f44065f5-557b-4376-ae02-8c65ef1960f4")
        .output()
        .unwrap();
    let out = String::from_utf8(output.stdout).unwrap();
    let warning = "warn  alertbridge.yaml:4: routing.rules[1]: `b` is never reached: `a` takes every alert before it";
    assert!(out.contains(warning), "{out}{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn a_workflow_id_that_is_no_uuid_is_told_with_its_line_and_rule() {
    let folder = folder(&good());
    let configuration = "routing:\n  rules:\n    - name: urgent\n      workflow_id: contain-host\n";
    fs::write(folder.path().join("alertbridge.yaml"), configuration).unwrap();
    let (code, out, err) = run(folder.path(), &["check", "--mappings", "mappings", "--deny-warnings"]);
    let warning = "warn  alertbridge.yaml:4: routing.rules[0].workflow_id: `urgent` has `contain-host`";
    assert!(code == Some(2) && out.contains(warning) && !out.contains("hint"), "{out}{err}");
}

#[test]
fn everything_in_which_a_test_differs_is_told_with_the_part_and_the_fields_fault() {
    let batch = "name: b\nmatch: has(\"items\")\nsplit: .items[]\nalert: {id: .id, title: .t, count: .n, owner: .o}\ntests:\n  - name: two\n    input: {items: [{id: a, t: x, n: 1}, {id: b, t: yy, n: many, o: me}]}\n    expect:\n      - {id: 1f9a8b6e-59a6-5f0e-a3c5-5d0f5f5c5a5a, severity: Medium, title: x, count: 1}\n      - {title: z, count: 2}\n";
    let folder = folder(batch);
    let (code, out, err) = run(folder.path(), &["check", "--mappings", "mappings"]);
    assert_eq!(code, Some(2));
    for part in ["part 0: id is ", "part 1: title is \"yy\", expected \"z\"", "part 1: owner is not expected"] {
        assert!(err.contains(part), "{err}");
    }
    assert!(err.contains("part 1: count is missing (count: expected integer, found string (in `.n`))"), "{err}");
    let warning = "alert.count: the test `two` is without it: expected integer, found string";
    assert!(out.contains(warning), "what is warned of is told although the test fails: {out}");
}

#[test]
fn a_file_that_is_no_yaml_is_named_with_its_place_and_what_to_do() {
    let folder =
        folder("name: acme\nmatch: .x\nalert:\n  title: if .a then \"b: c\" else .d end\n  labels: {a: b: c}\n");
    let (code, _, err) = run(folder.path(), &["check", "--mappings", "mappings"]);
    assert_eq!(code, Some(2));
    assert!(err.contains("mappings/acme.yaml") && !err.contains("<input>"), "{err}");
    assert!(err.contains("needs single quotes"), "{err}");
}

#[test]
fn a_file_in_place_of_a_folder_is_told() {
    let folder = folder(&good());
    let (code, _, err) = run(folder.path(), &["check", "--mappings", "mappings/acme.yaml"]);
    assert!(code == Some(2) && err.contains("give the folder that it is in"), "{err}");
}

#[test]
fn what_a_test_is_to_expect_is_printed_as_yaml_that_holds() {
    let start = "name: b\nmatch: has(\"items\")\nsplit: .items[]\nalert: {id: .id, title: .t, count: .n}\ntests:\n  - name: two\n    file: ../in.json\n";
    let folder = folder(&format!("{start}    expect: []\n"));
    fs::write(folder.path().join("in.json"), r#"{"items": [{"id": "a", "t": "x: y", "n": 1}, {"id": "b", "t": "'"}]}"#)
        .unwrap();
    let (code, expect, err) = run(folder.path(), &["map", "--expect", "--mappings", "mappings", "in.json"]);
    assert_eq!((code, err.as_str()), (Some(0), ""));
    fs::write(folder.path().join("mappings/acme.yaml"), format!("{start}{expect}")).unwrap();
    let (code, out, err) = run(folder.path(), &["check", "--mappings", "mappings", "--deny-warnings"]);
    assert_eq!((code, err.as_str()), (Some(0), ""), "{out}");
}

#[test]
fn what_a_test_cannot_say_of_a_record_is_refused_with_expect() {
    let folder = folder("name: k\nmatch: has(\"t\")\nalert: {title: .t, description: $record.key}\n");
    fs::write(folder.path().join("in.json"), r#"{"t": "x"}"#).unwrap();
    let of =
        |more: &[&str]| run(folder.path(), &[&["map", "--expect", "--mappings", "mappings", "in.json"], more].concat());
    for (more, named) in [
        (&["--key", "k"][..], "--key"),
        (&["--header", "a=b"], "--header"),
        (&["--key", "k", "--timestamp", "7"], "--key and no --timestamp"),
        (&["--topic", "t", "--partition", "1", "--offset", "2"], "--topic and no --partition and no --offset"),
        (&["--cluster", "c"], "--cluster"),
    ] {
        let (code, out, err) = of(more);
        assert!(
            code == Some(2) && out.is_empty() && err.contains(&format!("--expect takes no {named}: a test")),
            "{err}"
        );
    }
    let (code, out, err) = of(&[]);
    assert!(code == Some(0) && !out.contains("description"), "{out}{err}");
}

#[test]
fn a_compressed_sample_is_unpacked_and_compressed_lines_are_told_how() {
    let folder = TempDir::new().unwrap();
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    packed.write_all(br#"{"id": "a-1", "summary": "a door", "severity": "High"}"#).unwrap();
    fs::write(folder.path().join("one.json.gz"), packed.finish().unwrap()).unwrap();
    let (code, draft, err) = run(folder.path(), &["map", "--infer", "--name", "door", "one.json.gz"]);
    assert!(code == Some(0) && draft.contains(".summary"), "{draft}{err}");
    let (code, _, err) = run(folder.path(), &["map", "--lines", "one.json.gz"]);
    assert!(code == Some(1) && err.contains("one.json.gz is gzip: unpack it (`zcat FILE"), "{err}");
}

#[test]
fn a_file_without_a_record_is_told() {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("empty"), "").unwrap();
    fs::write(folder.path().join("blank"), " \n\n").unwrap();
    let (code, out, err) = run(folder.path(), &["map", "empty"]);
    let warning = "alertbridge: warning: empty is empty: taken for a record without a value\n";
    assert!(code == Some(0) && out.contains("tombstone") && err == warning, "{out}{err}");
    let (code, out, err) = run(folder.path(), &["map", "--lines", "blank"]);
    assert_eq!((code, out.as_str(), err.as_str()), (Some(0), "", "alertbridge: warning: no line in blank\n"));
}

#[test]
fn no_mapping_is_drafted_of_what_an_export_wraps_records_in() {
    let folder = TempDir::new().unwrap();
    let line =
        r#"{"topic":"d","partition":0,"offset":1,"timestamp_ms":1,"key":null,"value":{"text":"{}"},"headers":[]}"#;
    fs::write(folder.path().join("letters.jsonl"), line).unwrap();
    let (code, out, err) = run(folder.path(), &["map", "--infer", "--lines", "letters.jsonl"]);
    assert!(code == Some(1) && out.is_empty() && err.contains("what `dead-letters export` writes"), "{out}{err}");
}

#[test]
fn the_fields_of_an_alert_are_listed() {
    let (code, out, _) = run(Path::new("."), &["map", "--fields"]);
    assert_eq!(code, Some(0));
    let port = out.lines().find(|line| line.starts_with("network_list[].src_port ")).unwrap();
    assert!(port.contains("integer") && port.ends_with("0 to 65535"), "{port}");
}

#[test]
fn an_unknown_format_is_told_with_the_nearest_and_where_ones_own_are() {
    let (code, _, err) = run(Path::new("/"), &["map", "--format", "wazuh_alrt", "/dev/null"]);
    assert_eq!(code, Some(2));
    assert!(err.contains("did you mean `wazuh_alert`?") && err.contains("--mappings"), "{err}");
}

/// A running `check --watch`, read line by line.
struct Watching {
    process: Child,
    lines: mpsc::Receiver<String>,
}

impl Watching {
    fn start(folder: &Path) -> Self {
        let mut process = alertbridge(folder, &["check", "--mappings", "mappings", "--watch"])
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .unwrap();
        let (sender, lines) = mpsc::channel();
        let out = BufReader::new(process.stdout.take().unwrap());
        let _reader = std::thread::spawn(move || {
            for line in out.lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        Self { process, lines }
    }

    /// What is said up to the line that ends a round.
    fn round(&self) -> String {
        let mut said = String::new();
        loop {
            let line = self.lines.recv_timeout(BOUND).unwrap_or_else(|_| panic!("no more comes after:\n{said}"));
            let ends = line.starts_with("watch ");
            said.push_str(&line);
            said.push('\n');
            if ends {
                return said;
            }
        }
    }
}

#[test]
fn watching_checks_again_at_each_change_and_ends_cleanly() {
    let folder = folder(&good());
    let file = folder.path().join("mappings/acme.yaml");
    let mut watching = Watching::start(folder.path());
    let first = watching.round();
    assert!(first.contains("\npass\n") && !first.contains('\u{1b}'), "{first}");
    fs::write(&file, good().replace("title: x", "title: z")).unwrap();
    let second = watching.round();
    assert!(
        second.contains("error mappings/acme.yaml:5:5: test `one`: title is \"x\", expected \"z\"\nfail\n"),
        "{second}"
    );
    fs::write(&file, "name: [").unwrap();
    let third = watching.round();
    assert!(third.contains("fail\n"), "{third}");
    // Away, and back in one step, as editors and ConfigMaps do it.
    let new = folder.path().join("mappings/new");
    fs::remove_file(&file).unwrap();
    fs::write(&new, good()).unwrap();
    fs::rename(&new, &file).unwrap();
    let last = watching.round();
    assert!(last.contains("\npass\n"), "{last}");
    let kill = Command::new("kill").arg("-TERM").arg(watching.process.id().to_string()).status().unwrap();
    assert!(kill.success());
    assert_eq!(watching.process.wait().unwrap().code(), Some(0));
}
