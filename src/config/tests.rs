//! What users see: layers, faults, the effective configuration.

use std::fs;
use std::path::PathBuf;

use proptest::prelude::*;
use secrecy::ExposeSecret;
use tempfile::TempDir;

use super::layers::Layer;
use super::{Config, Environment, Purpose, SaslMechanism, StartFrom, TimeSpan, load, schema, show, yaml};

const PROJECT: &str = "0123456789012345678901234567890e";
const WORKSPACE: &str = "909494e3-558e-46b6-a9eb-07a8e18ca62f";

/// Files in a directory of their own.
struct Case {
    directory: TempDir,
    files: Vec<PathBuf>,
    environment: Environment,
}

impl Case {
    fn new() -> Self {
        Self { directory: TempDir::new().unwrap(), files: Vec::new(), environment: Environment::new() }
    }

    /// With everything that `run` needs.
    fn complete() -> Self {
        Self::new()
            .variable("HUAWEICLOUD_SDK_PROJECT_ID", PROJECT)
            .variable("ALERTBRIDGE__SECMASTER__WORKSPACE_ID", WORKSPACE)
            .variable("HUAWEICLOUD_SDK_AK", "an-access-key")
            .variable("HUAWEICLOUD_SDK_SK", "a-secret-key")
    }

    fn file(mut self, name: &str, text: &str) -> Self {
        let path = self.write(name, text);
        self.files.push(path);
        self
    }

    fn variable(mut self, name: &str, value: &str) -> Self {
        let _previous = self.environment.insert(name.to_owned(), value.to_owned());
        self
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.directory.path().join(name);
        fs::write(&path, text).unwrap();
        path
    }

    fn load(&self) -> Config {
        load(&self.files, &self.environment, Purpose::Run).unwrap().config
    }

    /// All faults, without the directory's name.
    fn faults(&self) -> String {
        let error = load(&self.files, &self.environment, Purpose::Run).unwrap_err().to_string();
        error.replace(&format!("{}/", self.directory.path().display()), "")
    }
}

#[test]
fn later_files_win_key_by_key_and_the_environment_over_all() {
    let config = Case::complete()
        .file("base.yaml", "kafka: {group_id: base, topics: [a, b], start_from: 1h}\ndelivery: {max_in_flight: 8}\n")
        .file("site.yaml", "kafka: {group_id: site, topics: [c]}\n")
        .file("empty.yaml", "kafka:\ndelivery:\n  buffer:\n")
        .variable("ALERTBRIDGE__KAFKA__GROUP_ID", "environment")
        .load();
    assert_eq!(config.kafka.group_id, "environment");
    assert_eq!(config.kafka.topics, ["c"]);
    assert_eq!(config.kafka.start_from, Some(StartFrom::Age(TimeSpan::from_secs(3_600))));
    assert_eq!(config.delivery.max_in_flight, 8);
}

#[test]
fn a_list_replaces_the_list_of_an_earlier_file_and_takes_its_places_with_it() {
    let case = Case::complete()
        .file("base.yaml", "routing:\n  rules:\n    - {name: a, skip: x}\n    - {name: b, workflow_id: mine}\n")
        .file("site.yaml", "routing:\n  rules:\n    - {name: c, skip: x}\n    - {name: d, skip: ''}\n    - name: e\n");
    insta::assert_snapshot!(case.faults());
}

#[test]
fn values_of_variables_are_yaml() {
    let config = Case::complete()
        .variable("ALERTBRIDGE__KAFKA__TOPICS", "[a, b]")
        .variable("ALERTBRIDGE__DELIVERY__RATE_LIMITS", "[{requests: 600, per: 1m}]")
        .variable("ALERTBRIDGE__DELIVERY__BUFFER__RECORDS", "30000")
        .variable("ALERTBRIDGE__KAFKA__CLIENT", "{fetch.min.bytes: 1, client.id: 0x1f}")
        .load();
    assert_eq!(config.kafka.topics, ["a", "b"]);
    assert_eq!(config.delivery.rate_limits[0].burst, 1);
    assert_eq!(config.delivery.buffer.records, 30_000);
    assert_eq!(config.kafka.client["client.id"], "0x1f");
}

#[test]
fn a_text_made_of_digits_stays_the_text_that_it_is() {
    for id in ["01234567890123456789012345678901", "1234567890123456789012345678901e5", PROJECT] {
        let from_environment = Case::complete().variable("ALERTBRIDGE__SECMASTER__PROJECT_ID", id).load();
        assert_eq!(from_environment.secmaster.project_id, id);
        let from_file = Case::complete().file("a.yaml", &format!("secmaster: {{project_id: {id}}}")).load();
        assert_eq!(from_file.secmaster.project_id, id);
    }
    let config = Case::complete().variable("ALERTBRIDGE__KAFKA__GROUP_ID", "1e5").load();
    assert_eq!(config.kafka.group_id, "1e5");
    let config = Case::complete().variable("ALERTBRIDGE__KAFKA__GROUP_ID", "0123").load();
    assert_eq!(config.kafka.group_id, "0123");
}

#[test]
fn a_secret_in_a_variable_is_never_cut_or_taken_apart() {
    for (written, meant) in [
        ("a #b", "a #b"),
        ("a: b", "a: b"),
        ("[x", "[x"),
        ("*x", "*x"),
        ("'quoted: yes'", "quoted: yes"),
        ("\"0123\"", "0123"),
        ("line\n  line", "line\n  line"),
        ("'", "'"),
    ] {
        let config = Case::complete().variable("ALERTBRIDGE__SECMASTER__CREDENTIALS__TOKEN", written).load();
        assert_eq!(config.secmaster.credentials.token.unwrap().expose_secret(), meant);
    }
}

#[test]
fn the_vendors_names_fill_only_what_is_left_unset() {
    let config = Case::complete().file("a.yaml", "secmaster: {credentials: {access_key_id: mine}}").load();
    let credentials = &config.secmaster.credentials;
    assert_eq!(config.secmaster.project_id, PROJECT);
    assert_eq!(credentials.access_key_id.as_ref().unwrap().expose_secret(), "mine");
    assert_eq!(credentials.secret_access_key.as_ref().unwrap().expose_secret(), "a-secret-key");
    assert!(credentials.security_token.is_none());
}

#[test]
fn the_names_of_the_api_pages_samples_are_a_hint_only() {
    let case = Case::complete().variable("CLOUD_SDK_AK", "x");
    let loaded = load(&case.files, &case.environment, Purpose::Run).unwrap();
    assert!(loaded.hints.contains(&"CLOUD_SDK_AK is set but not read: the name is HUAWEICLOUD_SDK_AK".to_owned()));
}

#[test]
fn a_secret_in_a_file_is_its_text_without_the_newline() {
    let case = Case::complete();
    let secret = case.write("password", "p4ss word\n");
    let yaml = format!(
        "kafka: {{security: {{protocol: sasl_ssl, sasl_mechanism: SCRAM-SHA-512, username: u, password_file: {}}}}}",
        secret.display()
    );
    let security = case.file("a.yaml", &yaml).load().kafka.security;
    assert_eq!(security.sasl_mechanism, Some(SaslMechanism::ScramSha512));
    assert_eq!(security.password.unwrap().expose_secret(), "p4ss word");
}

#[test]
fn a_secret_is_neither_in_debug_nor_in_the_effective_configuration() {
    let config = Case::complete()
        .file("a.yaml", "kafka: {client: {ssl.keystore.password: hush}}\nsecmaster: {credentials: {token: hush}}")
        .load();
    let texts = [format!("{config:?}"), show(&config)];
    assert!(texts[1].contains("secret_access_key: \"<hidden>\""), "{}", texts[1]);
    assert!(!texts[0].contains("a-secret-key") && !texts[1].contains("a-secret-key"));
    assert!(!texts[1].contains("hush"), "{}", texts[1]);
}

#[test]
fn every_fault_is_named_with_its_place_and_remedy() {
    let case = Case::new().variable("ALERTBRIDGE__LOG__LEVEL", "verbose").variable("CLOUD_SDK_SK", "x").file(
        "alertbridge.yaml",
        "\
kafka:
  topic: [a]
  bootstrapServers: x
  client: {acks: 0, group.id: x, fetch.min.bytes: 1}
  topics: [soc.alerts, '^soc\\..*', '^so\\d', 'no spaces', '^(']
  dead_letter_topic: soc.alerts.redrive
  start_from: yesterday
secmaster:
  project_id: 0123
  workspace_id: mine
  endpoint: secmaster.example.com
  connect_timeout: 30s
  request_timeout: 30
  credentials: {token: [hush], secret_access_key_file: /none, secret_access_key: hush}
delivery:
  max_in_flight: many
  ordering: keys
  buffer: {records: 4, bytes: 64MB}
  retry: {max_attempts: 0, initial_backoff: 31s}
  rate_limits: [{requests: 5, per: 1s, burst: 5}, {requests: 5}]
  circuit_breaker: {failure_ratio: 1.5, open_for: 1m}
  paused_route: {policy: dead_letter}
  dead_letter_guard: {consecutive: 0, ratio: 1.01, window: 0s, minimum_records: 0, reopen_after: 0}
  failure_classes: [{class: transient}, {status: 42, class: whatever}]
mapping: {default_time_zone: Nowhere, default_severity: medium, strict: perhaps}
routing:
  default_workflow_id: my workflow
  rules:
    - {name: a, when: '.x | env'}
    - {name: a, skip: noise}
    - {skip: noise}
server: {listen: localhost:9464}
logs: {level: info}
",
    );
    insta::assert_snapshot!(case.faults());
}

#[test]
fn a_key_is_a_name_and_not_a_path() {
    let faults = Case::complete().file("a.yaml", "kafka.topics: [a]\nlog[9]: x\n").faults();
    assert!(faults.contains("unknown key `kafka.topics`") && faults.contains("unknown key `log[9]`"), "{faults}");
}

#[test]
fn security_asks_for_what_its_protocol_needs_and_refuses_what_has_no_effect() {
    insta::assert_snapshot!(
        Case::complete()
            .file(
                "a.yaml",
                "kafka: {security: {protocol: sasl_ssl, ca_file: /none/ca.pem, key_password_file: /none/p}}"
            )
            .file("b.yaml", "kafka: {security: {certificate_file: /none/c.pem}}")
            .faults()
    );
    insta::assert_snapshot!(
        Case::complete().file("a.yaml", "kafka: {security: {username: u, ca_file: /none/ca.pem}}").faults()
    );
}

#[test]
fn oauth_asks_for_its_own_keys_and_refuses_a_user() {
    let security = |text: &str| {
        let text = format!("kafka: {{security: {{protocol: sasl_ssl, sasl_mechanism: OAUTHBEARER, {text}}}}}");
        Case::complete().file("a.yaml", &text)
    };
    insta::assert_snapshot!(security("username: u, oauth: {scope: x, token_url: 'https://u@id/token'}").faults());
    let case = security("oauth: {token_url: 'https://id/token', client_id: c, client_secret: hush}");
    let config = case.load();
    assert!(!format!("{config:?}{}", show(&config)).contains("hush"));
    let other =
        "kafka: {security: {protocol: sasl_ssl, sasl_mechanism: PLAIN, username: u, password: p, oauth: {scope: x}}}";
    let faults = Case::complete().file("a.yaml", other).faults();
    assert!(faults.contains("`kafka.security.oauth.scope` has no effect with sasl_mechanism PLAIN"), "{faults}");
}

#[test]
fn what_run_cannot_do_without_is_asked_for_by_kind_of_credentials() {
    insta::assert_snapshot!(Case::new().faults());
    let kind = |kind: &str| Case::complete().variable("ALERTBRIDGE__SECMASTER__CREDENTIALS__KIND", kind).faults();
    insta::assert_snapshot!(format!("{}\n{}", kind("password"), kind("token")));
    insta::assert_snapshot!(format!("{}\n{}", kind("oidc"), kind("pod_identity")));
}

#[test]
fn other_purposes_need_nothing_and_open_no_secret() {
    let case = Case::new().file("a.yaml", "secmaster: {credentials: {token_file: /none}}");
    assert!(load(&case.files, &case.environment, Purpose::Offline).is_ok());
}

#[test]
fn a_file_for_another_kind_of_credential_need_not_be_there() {
    let of_kind = |kind: &str| format!("secmaster: {{credentials: {{kind: {kind}, token: t, password_file: /none}}}}");
    assert!(Case::complete().file("a.yaml", &of_kind("token")).load().secmaster.credentials.password.is_none());
    let faults = Case::complete().file("a.yaml", &of_kind("password")).faults();
    assert!(faults.contains("`secmaster.credentials.password_file`: cannot take the secret"), "{faults}");
}

#[test]
fn a_rule_that_skips_has_nothing_to_limit_and_nothing_to_create() {
    let rule = "routing: {rules: [{name: a, skip: x, create_alert: true, rate_limits: [{requests: 1, per: 1s}]}]}";
    let faults = Case::complete().file("a.yaml", rule).faults();
    assert!(faults.contains("`routing.rules[0].rate_limits` limits nothing"), "{faults}");
    assert!(faults.contains("`routing.rules[0].create_alert` creates nothing"), "{faults}");
}

#[test]
fn a_limit_over_a_long_time_is_hinted_at_where_the_group_shares_it() {
    let hinted = |text: &str| {
        let case = Case::complete().file("a.yaml", &format!("routing: {{rules: [{{name: a, skip: x}}]}}\n{text}"));
        let hints = load(&case.files, &case.environment, Purpose::Run).unwrap().hints;
        hints.iter().any(|hint| hint.starts_with("delivery: with rate_scope group"))
    };
    assert!(!hinted("delivery: {rate_limits: [{requests: 600, per: 60s}]}"));
    assert!(hinted("delivery: {rate_limits: [{requests: 6000, per: 10m}]}"));
    assert!(!hinted("delivery: {rate_scope: process, rate_limits: [{requests: 6000, per: 10m}]}"));
}

#[test]
fn a_file_that_cannot_be_read_is_the_only_thing_said() {
    let case = Case::new().file("broken.yaml", "kafka:\n  topics: [a\nlog: {}\n").file("list.yaml", "- a\n");
    let missing = case.directory.path().join("missing.yaml");
    let mut case = case.variable("ALERTBRIDGE__KAFKA__TOPICS", "[hush").variable("ALERTBRIDGE____X", "1");
    case.files.push(missing);
    insta::assert_snapshot!(case.faults());
}

#[test]
fn the_effective_configuration_reads_back_as_itself() {
    let case = Case::new().file(
        "a.yaml",
        "\
kafka: {client: {fetch.min.bytes: 1, client.id: 'yes: no'}, start_from: '2026-11-01T00:00:00Z', group_id: '0123'}
delivery: {rate_limits: [{requests: 600, per: 60s}], failure_classes: [{status: 409, class: transient}]}
routing:
  rules: [{name: '#1', when: '.title == \"x\"', workflow_ids: [909494e3-558e-46b6-a9eb-07a8e18ca62f]}, {name: b, skip: n}]
",
    );
    let shown = show(&load(&case.files, &case.environment, Purpose::Offline).unwrap().config);
    insta::assert_snapshot!(shown);
    let again = Case::new().file("b.yaml", &shown);
    assert_eq!(show(&load(&again.files, &again.environment, Purpose::Offline).unwrap().config), shown);
}

#[test]
fn an_empty_file_changes_nothing() {
    let case = Case::new().file("a.yaml", "# nothing\n");
    let loaded = load(&case.files, &case.environment, Purpose::Offline).unwrap();
    assert_eq!(show(&loaded.config), show(&Config::default()));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn no_text_brings_the_loader_down(
        words in prop::collection::vec(prop::sample::select(WORDS), 0..30),
        value in any::<String>(),
    ) {
        let schema = schema();
        let text = words.concat();
        if let Ok(tree) = yaml::parse(&text) {
            let _layer = Layer::new(&tree, &schema);
        }
        let environment: Environment = [
            ("ALERTBRIDGE__KAFKA__GROUP_ID".to_owned(), value.clone()),
            ("ALERTBRIDGE__ROUTING__RULES".to_owned(), text),
            (format!("ALERTBRIDGE__{value}"), value),
        ].into();
        drop(load(&["/dev/null".into()], &environment, Purpose::Offline));
    }
}

/// What a configuration is made of, in any order.
const WORDS: &[&str] = &[
    "kafka", "rules", "name", ":", ": ", "\n", "\n  ", "\n    ", "- ", "[", "]", "{", "}", ", ", "&a ", "*a", "'",
    "\"", "#", " # ", "|", ">", "!!str ", "~", "null", "1e9", "-1", "?", "---\n", "\u{0}", "\u{feff}", "<<: ",
];
