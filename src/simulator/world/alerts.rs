//! Alerts, and the playbooks that they set off.

use axum::response::Response;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::super::answer::{Refusal, json_answer};
use super::super::faults::AlertIds;
use super::super::query::{judged, malformed, missing, object, object_body};
use super::super::store::Store;
use super::{ALERT_CLASS, Asked, NO_OBJECT, Place, World, new_id, now_text};

impl Store {
    /// CreateAlert. An alert sets off the enabled playbooks of its class.
    pub(super) fn create_alert(&mut self, place: &Place, asked: &Asked<'_>) -> Result<Response, Refusal> {
        let body = object_body(asked.body)?;
        let content = object(&body, "data_object")?.ok_or_else(|| missing("data_object"))?;
        if content.get("title").and_then(Value::as_str).is_none_or(str::is_empty) {
            return Err(Refusal::new(400, "SecMaster.20030025", "Data object validation failed: title is missing."));
        }
        let mut content = Value::Object(content.clone());
        asked.faults.judge(&content)?;
        let gives_own = asked.faults.alert_ids == Some(AlertIds::Own);
        let id = content.get("id").and_then(Value::as_str).filter(|id| !id.is_empty() && !gives_own);
        let id = id.map_or_else(new_id, str::to_owned);
        if self.world.alerts.iter().any(|alert| place.holds(alert) && alert["id"] == id.as_str()) {
            return Err(Refusal::new(400, "SecMaster.20041805", "Alert creation failed: the id is taken."));
        }
        content["id"] = id.as_str().into();
        let now = now_text();
        let alert = json!({
            "id": id, "create_time": now, "update_time": now, "data_object": content,
            "dataclass_ref": {"id": ALERT_CLASS, "name": "Alert"}, "format_version": 0, "version": 0, "type": "alert",
            "project_id": place.project_id, "workspace_id": place.workspace_id,
        });
        self.world.alerts.push(alert.clone());
        self.set_off(place, &content, asked.courses, Timestamp::now());
        Ok(json_answer(200, &json!({"code": "00000000", "message": "", "data": alert})))
    }
}

impl World {
    pub(super) fn show_alert(&self, place: &Place, id: &str, query: &str) -> Result<Response, Refusal> {
        let _none = judged(query, &[])?;
        let alert = self.alerts.iter().find(|alert| place.holds(alert) && alert["id"] == id);
        let alert = alert.ok_or_else(|| Refusal::new(400, NO_OBJECT, "Failed to get the data object."))?;
        Ok(json_answer(200, &json!({"code": "00000000", "message": "", "data": alert})))
    }

    /// ListAlerts. Of conditions only equality (`[member, "=", value]`) is applied, all of them together.
    pub(super) fn search_alerts(&self, place: &Place, body: &[u8]) -> Result<Response, Refusal> {
        let body = object_body(body)?;
        for name in body.keys() {
            if !["limit", "offset", "sort_by", "order", "from_date", "to_date", "condition"].contains(&name.as_str()) {
                return Err(Refusal::invalid(format!("Unknown parameter: {name}.")));
            }
        }
        let number = |name: &str, usual: usize| match body.get(name) {
            None | Some(Value::Null) => Ok(usual),
            Some(value) => {
                value.as_u64().and_then(|number| usize::try_from(number).ok()).ok_or_else(|| malformed(name))
            }
        };
        let (offset, limit) = (number("offset", 0)?, number("limit", 10)?);
        if !(1..=100).contains(&limit) {
            return Err(malformed("limit"));
        }
        let none = Vec::new();
        let condition = object(&body, "condition")?;
        let conditions = condition.and_then(|c| c.get("conditions")).and_then(Value::as_array).unwrap_or(&none);
        let holds = |alert: &Value, condition: &Value| match condition["data"].as_array().map(Vec::as_slice) {
            Some([Value::String(member), Value::String(sign), value]) if sign == "=" => {
                alert["data_object"][member] == *value
            }
            _ => true,
        };
        let here = self.alerts.iter().filter(|alert| place.holds(alert));
        let found: Vec<&Value> = here.filter(|alert| conditions.iter().all(|c| holds(alert, c))).collect();
        let shown: Vec<&&Value> = found.iter().skip(offset).take(limit).collect();
        Ok(json_answer(
            200,
            &json!({
                "code": "00000000", "message": "", "success": true, "total": found.len(), "size": limit,
                "page": offset / limit + 1, "data": shown,
            }),
        ))
    }
}
