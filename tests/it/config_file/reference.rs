//! Makes `docs/configuration.md` of the JSON Schema.

use serde_json::{Map, Value};

const HEAD: &str = "\
# Configuration

<!-- Made of the schema by tests/it/config_file; `make docs` writes it anew. -->

`config/alertbridge.yaml` is the whole configuration at its defaults. Keep what you change and leave out the rest.

**Layers.** Defaults, then files in order (`--config` may be repeated, later files win key by key; lists are replaced
as a whole), then the environment. Without `--config`: `./alertbridge.yaml`, else
`/etc/alertbridge/alertbridge.yaml`, else no file.

**Environment.** `ALERTBRIDGE__SECTION__KEY`, deeper keys likewise; values are YAML:
`ALERTBRIDGE__KAFKA__TOPICS='[a, b]'`, `ALERTBRIDGE__DELIVERY__BUFFER__BYTES=128MiB`. The names of the vendor's SDK
(`HUAWEICLOUD_SDK_AK`, `HUAWEICLOUD_SDK_SK`, `HUAWEICLOUD_SDK_SECURITY_TOKEN`, `HUAWEICLOUD_SDK_PROJECT_ID`) fill what is
left unset.

**Values.** Durations and sizes are a whole number and a unit: `250ms`, `30s`, `5m`, `1h`, `7d`; `512B`, `64KiB`,
`64MiB`, `1GiB`. What a key takes as text stays the text that it is: `project_id: 0123` needs no quotes.

**Secrets.** Each can be given as text or as a file that holds it (`NAME_file`), never as both. A newline at the end of
the file does not count. No log, error or dump shows a secret.

**Faults.** `alertbridge check` names all of them at once, each with its key, the line where it is set, and what to do;
where the configuration has none, it names those of mappings, routes and clients together. The exit code is 2.
`alertbridge config show` prints what is in effect, `alertbridge config schema` the JSON Schema
(editors with YAML support can use it).
";

/// The whole page.
pub(super) fn generate(schema: &Value) -> String {
    let mut out = HEAD.to_owned();
    for (name, section) in properties(schema) {
        table(&mut out, name, section, 2);
    }
    out
}

fn properties(schema: &Value) -> &Map<String, Value> {
    schema["properties"].as_object().unwrap()
}

/// One table of keys, then the tables within it.
fn table(out: &mut String, path: &str, schema: &Value, level: usize) {
    out.push_str(&format!("\n{} `{path}`\n\n{}\n\n", "#".repeat(level), paragraph(schema)));
    out.push_str("| key | value | default | meaning |\n|---|---|---|---|\n");
    let mut inner = Vec::new();
    for (name, property) in properties(schema) {
        let required = schema["required"].as_array().is_some_and(|keys| keys.iter().any(|key| key == name));
        let full = format!("{path}.{name}");
        if property.get("properties").is_some() {
            inner.push((full, property));
            continue;
        }
        if property["items"].get("properties").is_some() {
            inner.push((format!("{full}[]"), &property["items"]));
        }
        let default = if required { "required".to_owned() } else { default(property) };
        out.push_str(&format!("| `{name}` | {} | {default} | {} |\n", value(property), cell(property)));
    }
    for (path, schema) in inner {
        table(out, &path, schema, 3);
    }
}

/// What a key takes, in a few words.
fn value(schema: &Value) -> String {
    let schema = not_null(schema);
    if let Some(words) = schema["enum"].as_array() {
        return words.iter().map(|word| format!("`{}`", word.as_str().unwrap())).collect::<Vec<_>>().join(", ");
    }
    if let Some(words) = schema["oneOf"].as_array() {
        return words
            .iter()
            .map(|word| format!("`{}`", word["const"].as_str().unwrap()))
            .collect::<Vec<_>>()
            .join(", ");
    }
    let form = schema["x-form"].as_str().unwrap_or_default();
    let named = match form {
        "duration" => "duration",
        "size" => "size",
        "socket_address" => "address and port",
        "time_zone" => "offset from UTC",
        _ if schema["writeOnly"] == true => "secret",
        _ => "",
    };
    if !named.is_empty() {
        return named.to_owned();
    }
    let kind = schema["type"].as_str().or_else(|| schema["type"][0].as_str()).unwrap();
    match kind {
        "array" if schema["items"].get("properties").is_some() => "list of tables, see below".to_owned(),
        "array" => "list of texts".to_owned(),
        "object" => "table of properties".to_owned(),
        "integer" => "whole number".to_owned(),
        "boolean" => "`true`, `false`".to_owned(),
        "string" => "text".to_owned(),
        other => other.to_owned(),
    }
}

fn not_null(schema: &Value) -> &Value {
    let variants = schema["anyOf"].as_array().into_iter().flatten();
    variants.into_iter().find(|variant| variant["type"] != "null").unwrap_or(schema)
}

fn default(schema: &Value) -> String {
    match schema.get("default") {
        None | Some(Value::Null) => "unset".to_owned(),
        Some(Value::String(text)) if text.is_empty() => "unset".to_owned(),
        Some(Value::String(text)) => format!("`{text}`"),
        Some(value) => format!("`{value}`"),
    }
}

fn paragraph(schema: &Value) -> String {
    schema["description"].as_str().unwrap_or_default().to_owned()
}

/// The meaning in one cell: the description, then each word's own.
fn cell(schema: &Value) -> String {
    let words = not_null(schema)["oneOf"].as_array().into_iter().flatten();
    let words = words.map(|word| format!("`{}`: {}", word["const"].as_str().unwrap(), paragraph(word)));
    let lines: Vec<String> = std::iter::once(paragraph(schema)).chain(words).collect();
    let joined = lines.join("<br>").replace("\n\n", "<br>").replace('\n', " ");
    joined.replace('|', "\\|")
}
