//! `routing`: which workflow an alert starts.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::delivery::RateLimit;

/// Rules in order, and what is left for the rest.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Routing {
    /// The workflow for alerts that no rule matches. Unset: such an alert is dead-lettered as `unroutable`.
    pub default_workflow_id: Option<String>,
    /// Tried in order; the first that matches decides.
    pub rules: Vec<Rule>,
}

/// One rule: a condition and what follows. Exactly one of `workflow_id`, `workflow_ids` and `skip`.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// The route's name in logs, metrics and dead letters; no two rules share one.
    pub name: String,
    /// A jq predicate over the mapped alert. Unset: every alert.
    #[serde(default)]
    pub when: Option<String>,
    /// The workflow to start.
    #[serde(default)]
    pub workflow_id: Option<String>,
    /// Several workflows to start, each a delivery of its own.
    #[serde(default)]
    pub workflow_ids: Vec<String>,
    /// Skip the alert on purpose, for this reason.
    #[serde(default)]
    pub skip: Option<String>,
    /// The workspace instead of `secmaster.workspace_id`.
    #[serde(default)]
    pub workspace_id: Option<String>,
    /// The project instead of `secmaster.project_id`.
    #[serde(default)]
    pub project_id: Option<String>,
    /// Whether SecMaster gets the alert first (CreateAlert, in the workspace of the workflows): its id there is the
    /// `id` of what the workflows get, so that they can update it. Each call takes from the quota.
    #[serde(default)]
    pub create_alert: bool,
    /// Limits of this route, kept besides `delivery.rate_limits` and divided like them; its workflows share them.
    #[serde(default)]
    pub rate_limits: Vec<RateLimit>,
    /// Whether later rules are not tried once this one has matched.
    #[serde(default = "yes")]
    pub stop: bool,
}

const fn yes() -> bool {
    true
}
