//! One call of the API: what is sent, and how its answer is read. A value, so that it can be shown before it is sent.

use std::sync::Arc;

use bytes::Bytes;
use http::Method;
use percent_encoding::utf8_percent_encode;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use super::Workspace;
use super::lenient::{Flag, Text};
use crate::secmaster::confirmation::{Confirmation, Reader};
use crate::secmaster::signing::RESERVED;

/// A call of the API, answered by a `T`.
#[derive(Debug)]
pub struct Operation<T> {
    /// The vendor's name of it, such as `ListWorkflows`.
    pub name: &'static str,
    /// The method.
    pub method: Method,
    /// The path, every id percent-encoded as the vendor's SDK does.
    pub path: String,
    /// The query's pairs by their names, not encoded.
    pub query: Vec<(&'static str, String)>,
    /// The JSON body; empty for none.
    pub body: Bytes,
    pub(in crate::secmaster) project_id: Arc<str>,
    pub(in crate::secmaster) read: Reader<T>,
}

impl<T> Clone for Operation<T> {
    fn clone(&self) -> Self {
        Self {
            name: self.name,
            method: self.method.clone(),
            path: self.path.clone(),
            query: self.query.clone(),
            body: self.body.clone(),
            project_id: Arc::clone(&self.project_id),
            read: self.read,
        }
    }
}

impl<T> Operation<T> {
    /// A call below the workspace's `soc`, each of `segments` encoded.
    pub(super) fn new(
        name: &'static str,
        method: Method,
        place: &Workspace,
        segments: &[&str],
        read: Reader<T>,
    ) -> Self {
        let encode = |text| utf8_percent_encode(text, RESERVED);
        let mut path = format!("/v1/{}/workspaces/{}/soc", encode(&place.project_id), encode(&place.workspace_id));
        for segment in segments {
            path.push('/');
            path.extend(encode(segment));
        }
        Self::at(name, method, path, &place.project_id, read)
    }

    /// A call of this path.
    pub(super) fn at(name: &'static str, method: Method, path: String, project_id: &Arc<str>, read: Reader<T>) -> Self {
        let project_id = Arc::clone(project_id);
        Self { name, method, path, query: Vec::new(), body: Bytes::new(), project_id, read }
    }

    /// With this parameter, where it has a value.
    pub(super) fn with(mut self, name: &'static str, value: Option<impl ToString>) -> Self {
        if let Some(value) = value.map(|value| value.to_string()) {
            self.set(name, value);
        }
        self
    }

    /// With this body.
    pub(super) fn json(mut self, body: &impl Serialize) -> Self {
        // These types are plain data with text for keys: writing them does not fail.
        self.body = serde_json::to_vec(body).unwrap_or_default().into();
        self
    }

    /// Sets a parameter, whether or not it had a value. They are kept in the order in which they are signed.
    pub(super) fn set(&mut self, name: &'static str, value: String) {
        match self.query.binary_search_by_key(&name, |(known, _)| known) {
            Ok(at) => self.query[at].1 = value,
            Err(at) => self.query.insert(at, (name, value)),
        }
    }

    /// The query as it stands in the request; empty for none.
    #[must_use]
    pub fn encoded_query(&self) -> String {
        let encode = |text| utf8_percent_encode(text, RESERVED);
        let pairs: Vec<String> =
            self.query.iter().map(|(name, value)| format!("{}={}", encode(name), encode(value))).collect();
        pairs.join("&")
    }
}

/// Something that the service told of: its members that are known here, and the whole of it as it came.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Item<T> {
    /// The known members.
    pub is: T,
    /// All members.
    pub document: Value,
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for Item<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let document = Value::deserialize(deserializer)?;
        // What does not fit is not named: it may be an alert's content.
        let is = T::deserialize(&document).map_err(|_| serde::de::Error::custom("not the documented members"))?;
        Ok(Self { is, document })
    }
}

/// An answer that says yes.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer<T> {
    /// What it tells.
    pub what: T,
    /// The HTTP status (2xx).
    pub http_status: u16,
    /// The answer's `X-Request-Id`.
    pub request_id: Option<String>,
    /// What the service says about the end of this call, if it does.
    pub deprecation: Option<Deprecation>,
}

/// The headers `X-API-Deprecation-Info` and `X-API-Deprecation-Date`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Deprecation {
    /// What to do about it.
    pub info: Option<String>,
    /// When the call ends.
    pub date: Option<String>,
}

/// The members that every management call's answer may have.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Envelope {
    code: Text,
    message: Text,
    success: Flag,
}

/// The answer as it is.
pub(super) fn whole<T: DeserializeOwned>(body: &[u8]) -> Confirmation<T> {
    read(body, |document| T::deserialize(document).ok())
}

/// The answer's `data`.
pub(super) fn data<T: DeserializeOwned>(body: &[u8]) -> Confirmation<T> {
    read(body, |document| T::deserialize(document.get("data")?).ok())
}

/// Reads a 2xx: an envelope that says no confirms nothing, and neither does another form than the documented one.
pub(in crate::secmaster) fn read<T>(body: &[u8], find: impl FnOnce(&Value) -> Option<T>) -> Confirmation<T> {
    let Ok(document) = serde_json::from_slice::<Value>(body) else {
        // Numbers beyond all bounds and the like are JSON, too.
        return match serde_json::from_slice::<IgnoredAny>(body) {
            Ok(_) => Confirmation::None { code: None, message: "the answer cannot be read".to_owned() },
            Err(_) => Confirmation::NotJson,
        };
    };
    let envelope = Envelope::deserialize(&document).unwrap_or_default();
    let is_bad = !envelope.code.bytes().all(|b| b == b'0');
    if is_bad || envelope.success.0 == Some(false) {
        let code = is_bad.then(|| envelope.code.to_string());
        let message = Some(envelope.message.to_string()).filter(|message| !message.is_empty());
        return Confirmation::None { code, message: message.unwrap_or_else(|| "the service says no".to_owned()) };
    }
    match find(&document) {
        Some(what) => Confirmation::Of(what),
        None => Confirmation::None { code: None, message: "the answer is not the documented one".to_owned() },
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Confirmation, data};
    use crate::secmaster::api::{Action, DataClass, Item, NewAction, Page, WorkflowFilter, Workspace, page};

    fn place() -> Workspace {
        Workspace { project_id: "p".into(), workspace_id: "w".into() }
    }

    fn actions(body: &str) -> Result<Vec<Item<Action>>, (Option<String>, String)> {
        match data::<Vec<Item<Action>>>(body.as_bytes()) {
            Confirmation::Of(actions) => Ok(actions),
            Confirmation::None { code, message } => Err((code, message)),
            Confirmation::NotJson => Err((None, "not JSON".to_owned())),
        }
    }

    #[test]
    fn a_code_may_be_a_number_or_a_text_and_what_is_not_known_is_kept() {
        for code in ["0", r#""0""#, r#""00000000""#, r#""""#, "null"] {
            let body =
                format!(r#"{{"code":{code},"message":"Error message","data":[{{"id":"a","name":null,"new":1.50}}]}}"#);
            let found = actions(&body).unwrap();
            assert_eq!((&*found[0].is.id, &*found[0].is.name), ("a", ""), "{code}");
            assert_eq!(found[0].document["new"].to_string(), "1.50", "as it came");
        }
    }

    #[test]
    fn an_envelope_that_says_no_and_another_form_confirm_nothing() {
        let no = (Some("SecMaster.20030001".to_owned()), "bad".to_owned());
        assert_eq!(actions(r#"{"code":"SecMaster.20030001","message":"bad","data":[]}"#), Err(no));
        assert_eq!(actions(r#"{"success":false,"data":[]}"#), Err((None, "the service says no".to_owned())));
        for body in ["{}", "[]", r#"{"data":"secret"}"#, r#"{"data":["secret"]}"#] {
            assert_eq!(actions(body), Err((None, "the answer is not the documented one".to_owned())), "{body}");
        }
        assert_eq!(actions("<html>"), Err((None, "not JSON".to_owned())));
    }

    #[test]
    fn a_total_may_be_a_float_and_an_empty_list_null() {
        let read = |body: &str| match page::page::<DataClass>(body.as_bytes()) {
            Confirmation::Of(page) => Some((page.items.len(), page.total)),
            _ => None,
        };
        assert_eq!(read(r#"{"dataclass_details":[{"id":"a"}],"total":41.0}"#), Some((1, Some(41))));
        assert_eq!(read(r#"{"dataclass_details":null,"total":0.0}"#), Some((0, Some(0))));
        assert_eq!(read("{}"), None);
        let _page: Page<DataClass> = Page::default();
    }

    #[test]
    fn paths_and_queries_are_encoded_and_the_query_is_in_its_order() {
        let filter =
            WorkflowFilter { name: Some("a b/流~*".to_owned()), enabled: Some(true), ..WorkflowFilter::default() };
        let listed = place().list_workflows(&filter);
        assert_eq!(listed.encoded_query(), "enabled=true&limit=100&name=a%20b%2F%E6%B5%81~%2A&offset=0");
        assert_eq!(place().show_workflow("a/b c").path, "/v1/p/workspaces/w/soc/workflows/a%2Fb%20c");
    }

    #[test]
    fn actions_are_sent_as_a_bare_array() {
        let action = NewAction {
            name: None,
            description: None,
            action_type: "T".into(),
            action_id: "i".into(),
            sort_order: None,
        };
        let body: serde_json::Value = serde_json::from_slice(&place().add_actions("v", &[action]).body).unwrap();
        assert_eq!(body, json!([{"action_type": "T", "action_id": "i"}]));
    }
}
