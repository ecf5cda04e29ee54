//! Workspaces, data classes and their fields.

use axum::response::Response;
use serde_json::{Value, json};

use super::super::answer::{Refusal, json_answer};
use super::super::query::{Kind, Parameters, judged, missing, page};
use super::{Place, World, completed, fits};

/// The id of the class `Alert`.
pub(in super::super) const ALERT_CLASS: &str = "a1e57c1a-5500-4000-8000-000000000001";

/// The fields of `Alert`: key and type (the SDK's model, 3.1.219).
const ALERT_FIELDS: &[(&str, &str)] = &[
    ("version", "text"),
    ("id", "text"),
    ("domain_id", "text"),
    ("region_id", "text"),
    ("workspace_id", "text"),
    ("labels", "text"),
    ("environment", "object"),
    ("data_source", "object"),
    ("first_observed_time", "timestamp"),
    ("last_observed_time", "timestamp"),
    ("create_time", "timestamp"),
    ("arrive_time", "timestamp"),
    ("title", "text"),
    ("description", "text"),
    ("source_url", "text"),
    ("count", "number"),
    ("confidence", "number"),
    ("severity", "text"),
    ("criticality", "number"),
    ("alert_type", "object"),
    ("network_list", "array"),
    ("resource_list", "array"),
    ("remediation", "object"),
    ("verification_state", "text"),
    ("handle_status", "text"),
    ("sla", "timestamp"),
    ("update_time", "timestamp"),
    ("close_time", "timestamp"),
    ("ipdrr_phase", "text"),
    ("simulation", "text"),
    ("actor", "text"),
    ("owner", "text"),
    ("creator", "text"),
    ("close_reason", "text"),
    ("close_comment", "text"),
    ("malware", "object"),
    ("system_info", "object"),
    ("process", "array"),
    ("user_info", "array"),
    ("file_info", "array"),
    ("system_alert_table", "object"),
];

/// What the vendor's Terraform provider requires.
const REQUIRED: &[&str] = &[
    "title",
    "description",
    "alert_type",
    "data_source",
    "severity",
    "handle_status",
    "ipdrr_phase",
    "verification_state",
    "first_observed_time",
];

impl World {
    pub(super) fn list_workspaces(&self, place: &Place, query: &str) -> Result<Response, Refusal> {
        let parameters = judged(
            query,
            &[
                ("offset", Kind::Number(0, usize::MAX)),
                ("limit", Kind::Number(1, 100)),
                ("region_id", Kind::Text),
                ("name", Kind::Text),
                ("description", Kind::Text),
                ("view_bind_id", Kind::Text),
                ("view_bind_name", Kind::Text),
                ("create_time_start", Kind::Text),
                ("create_time_end", Kind::Text),
                ("is_view", Kind::Flag),
                ("ids", Kind::Text),
                ("normal_project_id", Kind::Text),
                ("enterprise_project_id", Kind::Text),
            ],
        )?;
        needs_page(&parameters)?;
        let usual = |workspace: &Value| {
            completed(
                workspace,
                json!({
                    "id": "", "name": "", "description": "", "project_id": place.project_id, "region_id": "cn-north-4",
                    "is_view": false, "create_time": "",
                }),
            )
        };
        // Whichever is asked for exists; one is shown.
        let demo = json!({"id": "909494e3-558e-46b6-a9eb-07a8e18ca62f", "name": "demo"});
        let all = if self.workspaces.is_empty() { std::slice::from_ref(&demo) } else { &self.workspaces[..] };
        let has_id = |id: &Value| parameters.get("ids").is_none_or(|ids| ids.split(',').any(|wanted| *id == wanted));
        let fitting = |w: &Value| {
            has_id(&w["id"]) && ["name", "region_id", "is_view"].iter().all(|name| fits(&parameters, name, w, name))
        };
        let found: Vec<Value> = all.iter().map(usual).filter(fitting).collect();
        Ok(list(&parameters, &found, "workspaces", "count"))
    }

    pub(super) fn list_dataclasses(&self, place: &Place, query: &str) -> Result<Response, Refusal> {
        let parameters = judged(
            query,
            &[
                ("offset", Kind::Number(0, usize::MAX)),
                ("limit", Kind::Number(1, 100)),
                ("name", Kind::Text),
                ("business_code", Kind::Text),
                ("description", Kind::Text),
                ("is_built_in", Kind::Flag),
            ],
        )?;
        let names = ["name", "business_code", "description", "is_built_in"];
        let found: Vec<Value> =
            self.classes(place).filter(|class| names.iter().all(|name| fits(&parameters, name, class, name))).collect();
        Ok(list(&parameters, &found, "dataclass_details", "total"))
    }

    pub(super) fn list_fields(&self, place: &Place, id: &str, query: &str) -> Result<Response, Refusal> {
        let parameters = judged(
            query,
            &[
                ("offset", Kind::Number(0, usize::MAX)),
                ("limit", Kind::Number(1, 100)),
                ("name", Kind::Text),
                ("is_built_in", Kind::Flag),
                ("field_category", Kind::Text),
                ("mapping", Kind::Flag),
            ],
        )?;
        if !self.classes(place).any(|class| class["id"] == id) {
            return Err(Refusal::new(400, "SecMaster.20030022", "Data class lookup failed."));
        }
        let fields: &[(&str, &str)] = if id == ALERT_CLASS { ALERT_FIELDS } else { &[] };
        let field = |(key, kind): &(&str, &str)| {
            json!({
                "id": format!("field-{key}"), "field_key": key, "name": key, "field_type": kind, "description": "",
                "dataclass_name": "Alert", "business_code": "Alert", "is_built_in": true, "read_only": false,
                "required": REQUIRED.contains(key), "creatable": true, "editable": true, "searchable": true,
                "visible": true, "mapping": true, "default_value": "", "json_schema": "",
            })
        };
        let names = ["name", "is_built_in", "mapping"];
        let found: Vec<Value> = fields
            .iter()
            .map(field)
            .filter(|field| names.iter().all(|name| fits(&parameters, name, field, name)))
            .collect();
        Ok(list(&parameters, &found, "field_details", "total"))
    }

    /// The name of the class of this id.
    pub(super) fn class_name(&self, id: &str) -> Option<String> {
        let class = self.classes(&Place::default()).find(|class| class["id"] == id)?;
        class["name"].as_str().map(str::to_owned)
    }

    fn classes<'a>(&'a self, place: &'a Place) -> impl Iterator<Item = Value> + 'a {
        let alert = json!({"id": ALERT_CLASS, "name": "Alert", "business_code": "Alert", "is_built_in": true});
        let usual = |class: &Value| {
            completed(
                class,
                json!({
                    "id": "", "name": "", "business_code": "", "description": "", "is_built_in": false, "parent_id": "",
                    "type_num": 0,
                }),
            )
        };
        let own = self.dataclasses.iter().filter(|class| place.workspace_id.is_empty() || place.holds(class));
        std::iter::once(usual(&alert)).chain(own.map(usual))
    }
}

/// Where the page says that they are mandatory.
pub(super) fn needs_page(parameters: &Parameters) -> Result<(), Refusal> {
    ["offset", "limit"].iter().find(|name| !parameters.contains_key(**name)).map_or(Ok(()), |name| Err(missing(name)))
}

/// A page of a list without an envelope.
pub(super) fn list(parameters: &Parameters, found: &[Value], items: &str, total: &str) -> Response {
    let (offset, limit) = page(parameters);
    let shown: Vec<&Value> = found.iter().skip(offset).take(limit).collect();
    json_answer(200, &json!({items: shown, total: found.len()}))
}
