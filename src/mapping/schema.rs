//! SecMaster's Alert data class as a table: which fields there are, of what type, within what bounds.
//!
//! Source: the SDK's `Alert` model (3.1.219) and the API's pages. The asymmetries are the API's own: `src_port` is an
//! integer and `dest_port` a text, and `process_launche_time` is spelled so.

/// What a field may hold.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    /// Text; what is longer than so many characters is cut.
    Text(usize),
    /// A time in the form that `secmaster_time` writes.
    Time,
    /// A whole number within bounds.
    Int(i64, i64),
    /// A text that is a whole number from 0 to 65535.
    PortText,
    /// Any number within bounds.
    Number(i16, i16),
    /// One of these words, exactly.
    Word(&'static [&'static str]),
    /// An object with these fields.
    Object(&'static [Field]),
    /// A list of objects with these fields.
    List(&'static [Field]),
    /// An object of at most 50 pairs of texts.
    Tags,
    /// Any JSON value.
    Any,
}

/// One field of the data class.
#[derive(Debug)]
pub(super) struct Field {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
}

/// The longest title (the API's limit for incident titles).
const TITLE: usize = 255;
/// Ids and names: UUIDs, account and project ids.
const ID: usize = 36;
/// Where the API names no limit, one that no honest value reaches: 64 Ki characters.
const FREE: usize = 64 << 10;
/// Short texts without a limit of the API: words, names, addresses.
const SHORT: usize = 1024;
const COUNT: Kind = Kind::Int(0, i32::MAX as i64);
const PERCENT: Kind = Kind::Int(0, 100);
/// Process and user ids; Windows and Linux stay within 32 bits without sign.
const PROCESS_ID: Kind = Kind::Int(-1, u32::MAX as i64);

const fn field(name: &'static str, kind: Kind) -> Field {
    Field { name, kind }
}

/// Whether the Alert has a field of this name at the top.
pub(crate) fn is_alert_field(name: &str) -> bool {
    ALERT.iter().any(|field| field.name == name)
}

/// The fields at the top that hold one of some words, with these.
pub(crate) fn alert_words() -> impl Iterator<Item = (&'static str, &'static [&'static str])> {
    ALERT.iter().filter_map(|field| match field.kind {
        Kind::Word(words) => Some((field.name, words)),
        _ => None,
    })
}

/// The beginning of a path (`.data_source.produkt_name`) up to a name that is none of the Alert's fields, but nearly one,
/// and that one.
pub(crate) fn near_alert_path(path: &str) -> Option<(String, &'static str)> {
    let mut fields = ALERT;
    let mut seen = String::new();
    for part in path.strip_prefix('.')?.split('.') {
        let name = part.split('[').next().unwrap_or_default();
        let Some(field) = fields.iter().find(|field| field.name == name) else {
            let near = |field: &&Field| name.len() > 3 && strsim::osa_distance(name, field.name) <= 2;
            return fields.iter().find(near).map(|field| (format!("{seen}.{name}"), field.name));
        };
        seen = format!("{seen}.{part}");
        match field.kind {
            Kind::Object(inner) | Kind::List(inner) => fields = inner,
            _ => return None,
        }
    }
    None
}

/// The Alert data class.
pub(super) const ALERT: &[Field] = &[
    field("version", Kind::Text(SHORT)),
    field("id", Kind::Text(ID)),
    field("domain_id", Kind::Text(SHORT)),
    field("region_id", Kind::Text(SHORT)),
    field("workspace_id", Kind::Text(SHORT)),
    field("labels", Kind::Text(FREE)),
    field("environment", Kind::Object(ENVIRONMENT)),
    field("data_source", Kind::Object(DATA_SOURCE)),
    field("first_observed_time", Kind::Time),
    field("last_observed_time", Kind::Time),
    field("create_time", Kind::Time),
    field("arrive_time", Kind::Time),
    field("title", Kind::Text(TITLE)),
    field("description", Kind::Text(FREE)),
    field("source_url", Kind::Text(SHORT * 2)),
    field("count", COUNT),
    field("confidence", PERCENT),
    field("severity", Kind::Word(&["Tips", "Low", "Medium", "High", "Fatal"])),
    field("criticality", PERCENT),
    field("alert_type", Kind::Object(ALERT_TYPE)),
    field("network_list", Kind::List(NETWORK)),
    field("resource_list", Kind::List(RESOURCE)),
    field("remediation", Kind::Object(REMEDIATION)),
    field("verification_state", Kind::Word(&["Unknown", "True_Positive", "False_Positive"])),
    field("handle_status", Kind::Word(&["Open", "Block", "Closed"])),
    field("sla", Kind::Time),
    field("update_time", Kind::Time),
    field("close_time", Kind::Time),
    field("ipdrr_phase", Kind::Word(PHASES)),
    field("simulation", Kind::Text(SHORT)),
    field("actor", Kind::Text(SHORT)),
    field("owner", Kind::Text(SHORT)),
    field("creator", Kind::Text(SHORT)),
    field("close_reason", Kind::Word(&["False detection", "Resolved", "Repeated", "Other"])),
    field("close_comment", Kind::Text(FREE)),
    field("malware", Kind::Object(MALWARE)),
    field("system_info", Kind::Any),
    field("process", Kind::List(PROCESS)),
    field("user_info", Kind::List(USER)),
    field("file_info", Kind::List(FILE)),
    field("system_alert_table", Kind::Any),
];

/// The comma of the third is a full-width one in the SDK's text.
const PHASES: &[&str] =
    &["Preparation", "Detection and Analysis", "Contain\u{ff0c}Eradication& Recovery", "Post-Incident-Activity"];

const ENVIRONMENT: &[Field] = &[
    field("vendor_type", Kind::Text(SHORT)),
    field("domain_id", Kind::Text(SHORT)),
    field("region_id", Kind::Text(SHORT)),
    field("project_id", Kind::Text(SHORT)),
    field("cross_workspace_id", Kind::Text(SHORT)),
];

const DATA_SOURCE: &[Field] = &[
    field("source_type", Kind::Int(1, 3)),
    field("domain_id", Kind::Text(SHORT)),
    field("project_id", Kind::Text(SHORT)),
    field("region_id", Kind::Text(SHORT)),
    field("company_name", Kind::Text(SHORT)),
    field("product_name", Kind::Text(SHORT)),
    field("product_feature", Kind::Text(SHORT)),
    field("product_module", Kind::Text(SHORT)),
];

const ALERT_TYPE: &[Field] = &[field("category", Kind::Text(SHORT)), field("alert_type", Kind::Text(SHORT))];

const NETWORK: &[Field] = &[
    field("direction", Kind::Word(&["IN", "OUT"])),
    field("protocol", Kind::Text(SHORT)),
    field("src_ip", Kind::Text(SHORT)),
    field("src_port", Kind::Int(0, 65_535)),
    field("src_domain", Kind::Text(SHORT)),
    field("src_geo", Kind::Object(GEO)),
    field("dest_ip", Kind::Text(SHORT)),
    field("dest_port", Kind::PortText),
    field("dest_domain", Kind::Text(SHORT)),
    field("dest_geo", Kind::Object(GEO)),
];

const GEO: &[Field] = &[
    field("latitude", Kind::Number(-90, 90)),
    field("longitude", Kind::Number(-180, 180)),
    field("city_code", Kind::Text(SHORT)),
    field("country_code", Kind::Text(SHORT)),
];

const RESOURCE: &[Field] = &[
    field("id", Kind::Text(SHORT)),
    field("name", Kind::Text(SHORT)),
    field("type", Kind::Word(RESOURCE_TYPES)),
    field("provider", Kind::Text(SHORT)),
    field("region_id", Kind::Text(SHORT)),
    field("domain_id", Kind::Text(SHORT)),
    field("project_id", Kind::Text(SHORT)),
    field("ep_id", Kind::Text(SHORT)),
    field("ep_name", Kind::Text(SHORT)),
    field("tags", Kind::Tags),
];

const RESOURCE_TYPES: &[&str] = &[
    "cloudservers",
    "servers",
    "vm",
    "pm",
    "instances",
    "publicips",
    "ip",
    "website",
    "vpcs",
    "securityGroups",
    "device",
];

const REMEDIATION: &[Field] = &[field("recommendation", Kind::Text(FREE)), field("url", Kind::Text(SHORT * 2))];

const MALWARE: &[Field] = &[field("malware_family", Kind::Text(SHORT)), field("malware_class", Kind::Text(SHORT))];

const PROCESS: &[Field] = &[
    field("process_name", Kind::Text(SHORT)),
    field("process_path", Kind::Text(FREE)),
    field("process_pid", PROCESS_ID),
    field("process_uid", PROCESS_ID),
    field("process_cmdline", Kind::Text(FREE)),
    field("process_parent_name", Kind::Text(SHORT)),
    field("process_parent_path", Kind::Text(FREE)),
    field("process_parent_pid", PROCESS_ID),
    field("process_parent_uid", PROCESS_ID),
    field("process_parent_cmdline", Kind::Text(FREE)),
    field("process_child_name", Kind::Text(SHORT)),
    field("process_child_path", Kind::Text(FREE)),
    field("process_child_pid", PROCESS_ID),
    field("process_child_uid", PROCESS_ID),
    field("process_child_cmdline", Kind::Text(FREE)),
    field("process_launche_time", Kind::Time),
    field("process_terminate_time", Kind::Time),
];

const USER: &[Field] = &[field("user_id", Kind::Text(SHORT)), field("user_name", Kind::Text(SHORT))];

const FILE: &[Field] = &[
    field("file_path", Kind::Text(FREE)),
    field("file_content", Kind::Text(FREE)),
    field("file_new_path", Kind::Text(FREE)),
    field("file_hash", Kind::Text(SHORT)),
    field("file_md5", Kind::Text(SHORT)),
    field("file_sha256", Kind::Text(SHORT)),
    field("file_attr", Kind::Text(SHORT)),
];
