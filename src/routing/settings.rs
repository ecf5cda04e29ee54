//! The routing section of the configuration, as plain data.

/// All of routing.
#[derive(Clone, Debug, Default)]
pub struct RouteSettings {
    /// For alerts that no rule matches.
    pub default_workflow_id: Option<String>,
    /// Where workflows are, unless a rule says otherwise: the workspace's UUID.
    pub workspace_id: String,
    /// Likewise: the IAM project id of the region.
    pub project_id: String,
    /// In the order in which they are tried.
    pub rules: Vec<RuleSettings>,
}

/// One rule. It names one workflow, several, or the reason to skip the alert.
#[derive(Clone, Debug)]
pub struct RuleSettings {
    /// The rule's name, which is the route's name in logs and metrics.
    pub name: String,
    /// A jq predicate over the mapped alert's content; none: always.
    pub when: Option<String>,
    /// The workflow to start.
    pub workflow_id: Option<String>,
    /// The workflows to start.
    pub workflow_ids: Vec<String>,
    /// The reason to start none, in the user's words.
    pub skip: Option<String>,
    /// Another workspace than the default one.
    pub workspace_id: Option<String>,
    /// Another project than the default one.
    pub project_id: Option<String>,
    /// Whether the alert is created in the workspace before the workflows start.
    pub create_alert: bool,
    /// Whether the rules below are no longer tried after a match.
    pub stop: bool,
}

impl Default for RuleSettings {
    fn default() -> Self {
        Self {
            name: String::new(),
            when: None,
            workflow_id: None,
            workflow_ids: Vec::new(),
            skip: None,
            workspace_id: None,
            project_id: None,
            create_alert: false,
            stop: true,
        }
    }
}
