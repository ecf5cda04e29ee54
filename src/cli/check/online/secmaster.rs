//! SecMaster, asked: credentials, clock, the workspaces, and every workflow that the routes name. Reads only.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures_util::TryStreamExt as _;
use jiff::SignedDuration;

use super::line::{Line, span};
use super::{alerts, class};
use crate::config::Config;
use crate::domain::{Destination, FailureClass, FailureReason};
use crate::mapping::Given;
use crate::ports::{ApiFailure, WorkflowApi as _};
use crate::secmaster::SecMasterClient;
use crate::secmaster::api::{
    DataClass, DataClassFilter, FieldFilter, Item, Workflow, Workspace, WorkspaceFilter, list_workspaces,
};

/// A clock further off than this is told; the service refuses signatures that are 15 minutes off.
const DRIFT: SignedDuration = SignedDuration::from_mins(1);
/// What the service's window is.
const WINDOW: SignedDuration = SignedDuration::from_mins(15);

/// What is asked about.
#[derive(Debug)]
pub(super) struct Subject {
    pub(super) client: SecMasterClient,
    pub(super) destinations: Vec<Destination>,
    /// What the formats in force give.
    pub(super) given: Vec<Given>,
}

/// Workflows by their ids, and the routes that name them.
type RoutesByWorkflow = BTreeMap<Arc<str>, Vec<Arc<str>>>;

/// Nothing more is asked: nobody answers, or nobody may be asked more.
pub(super) struct Stop;

pub(super) async fn ask(subject: &Subject, config: &Config) -> Vec<Line> {
    let mut lines = Vec::new();
    let home = Workspace {
        project_id: config.secmaster.project_id.as_str().into(),
        workspace_id: config.secmaster.workspace_id.as_str().into(),
    };
    let stopped = all(subject, config, home, &mut lines).await.is_err();
    lines.extend(subject.client.clock_ahead().map(clock));
    if stopped {
        let said = "not all of workspaces, workflows and data class were looked at";
        lines.push(Line::warning("secmaster", said, "mend what is said above, and check again"));
    }
    lines
}

async fn all(subject: &Subject, config: &Config, home: Workspace, lines: &mut Vec<Line>) -> Result<(), Stop> {
    let names = credentials(subject, config, &home, lines).await?;
    // By project and workspace.
    let mut places: BTreeMap<(Arc<str>, Arc<str>), RoutesByWorkflow> = BTreeMap::new();
    let _home = places.entry((home.project_id, home.workspace_id)).or_default();
    for to in &subject.destinations {
        let place = (Arc::clone(&to.project_id), Arc::clone(&to.workspace_id));
        let workflows = places.entry(place).or_default();
        workflows.entry(Arc::clone(&to.workflow_id)).or_default().push(Arc::clone(&to.route));
    }
    for ((project_id, workspace_id), workflows) in places {
        let place = Workspace { project_id, workspace_id };
        let Some(classes) = workspace(subject, &place, &names, lines).await? else { continue };
        for (id, routes) in workflows {
            workflow(subject, &place, &id, &routes, &classes, lines).await?;
        }
        let is_here =
            |to: &&Destination| (&to.project_id, &to.workspace_id) == (&place.project_id, &place.workspace_id);
        let creating: Vec<&Destination> =
            subject.destinations.iter().filter(is_here).filter(|to| to.creates_alert).collect();
        fields(subject, &place, &classes, !creating.is_empty(), lines).await?;
        if let Some(to) = creating.first() {
            // A route with several workflows has a destination for each.
            let routes: BTreeSet<Arc<str>> = creating.iter().map(|to| Arc::clone(&to.route)).collect();
            alerts::ask(&subject.client, to, &routes.into_iter().collect::<Vec<_>>(), lines).await?;
        }
    }
    Ok(())
}

/// Whether the credentials are taken; gives the names of the workspaces that may be seen.
async fn credentials(
    subject: &Subject,
    config: &Config,
    home: &Workspace,
    lines: &mut Vec<Line>,
) -> Result<BTreeMap<String, String>, Stop> {
    let kind = serde_json::to_value(config.secmaster.credentials.kind).unwrap_or_default();
    let kind = kind.as_str().unwrap_or_default();
    let listed = subject.client.list(list_workspaces(&home.project_id, &WorkspaceFilter::default()));
    let listed: Result<Vec<_>, _> = listed.try_collect().await;
    let taken = || {
        let expires =
            subject.client.credentials_expire_at().and_then(|at| at.duration_since(std::time::SystemTime::now()).ok());
        let expires = expires.map_or_else(String::new, |left| format!("; good for {} more", span(left)));
        Line::ok("credentials", format!("{kind}: the service takes them{expires}"))
    };
    match listed {
        Ok(workspaces) => {
            lines.push(taken());
            Ok(workspaces.iter().map(|w| (w.is.id.to_string(), w.is.name.to_string())).collect())
        }
        Err(failure) if failure.reason == FailureReason::CredentialsUnavailable => {
            let remedy = "check secmaster.credentials, iam_endpoint, and that IAM can be reached from here";
            lines.push(Line::failure("credentials", format!("{kind}: {}", words(&failure)), remedy));
            Err(Stop)
        }
        Err(failure) if failure.http_status == Some(401) => {
            let remedy = "check secmaster.credentials and the clock; an access key locks for five minutes after more \
                          than five refusals";
            lines.push(Line::failure("credentials", format!("{kind}: {}", words(&failure)), remedy));
            Err(Stop)
        }
        Err(failure) if failure.http_status.is_none() || failure.reason == FailureReason::NotTheApi => {
            let said = format!("{}: {}", subject.client.endpoint(), words(&failure));
            let remedy = "check secmaster.region or endpoint, ca_file, and the way there (proxy, firewall)";
            lines.push(Line::failure("secmaster", said, remedy));
            Err(Stop)
        }
        Err(failure) if matches!(failure.class, FailureClass::Rejected | FailureClass::Target) => {
            // The service knows who asks.
            lines.push(taken());
            let said = format!("ListWorkspaces is refused: {}", words(&failure));
            let remedy = "check secmaster.project_id; the daemon itself does not need this call";
            lines.push(Line::warning("project", said, remedy));
            Ok(BTreeMap::new())
        }
        // A 403 may be for this call alone; what passes by itself says nothing of the credentials.
        Err(failure) => {
            lines.push(refused("credentials", &format!("{kind}: whether the service takes them"), &failure));
            going_on(&failure)?;
            Ok(BTreeMap::new())
        }
    }
}

/// Whether the workspace is there; gives its data classes.
async fn workspace(
    subject: &Subject,
    place: &Workspace,
    names: &BTreeMap<String, String>,
    lines: &mut Vec<Line>,
) -> Result<Option<Vec<Item<DataClass>>>, Stop> {
    let about = format!("workspace {}", place.workspace_id);
    let listed = subject.client.list(place.list_dataclasses(&DataClassFilter::default()));
    let listed: Result<Vec<_>, _> = listed.try_collect().await;
    match listed {
        Ok(classes) => {
            let name = names.get(&*place.workspace_id).map_or_else(String::new, |name| format!(" ({name})"));
            lines.push(Line::ok(&about, format!("is there{name}")));
            Ok(Some(classes))
        }
        Err(failure) if failure.error_code.as_deref() == Some("SecMaster.20010001") => {
            let remedy = "check workspace_id; `alertbridge secmaster workspace list` shows them";
            lines.push(Line::failure(&about, words(&failure), remedy));
            Ok(None)
        }
        Err(failure) => {
            lines.push(refused(&about, "its data classes", &failure));
            going_on(&failure)?;
            Ok(Some(Vec::new()))
        }
    }
}

async fn workflow(
    subject: &Subject,
    place: &Workspace,
    id: &str,
    routes: &[Arc<str>],
    classes: &[Item<DataClass>],
    lines: &mut Vec<Line>,
) -> Result<(), Stop> {
    let about = format!("workflow {id} (route {})", routes.join(", "));
    match subject.client.call(&place.show_workflow(id)).await {
        Ok(answer) => {
            let given = subject.given.iter().map(|given| &*given.data_class).collect();
            lines.push(judge_workflow(&about, &answer.what.is, classes, &given));
        }
        Err(failure) if failure.class == FailureClass::Target => {
            let remedy = "check the id; `alertbridge secmaster workflow list` shows them";
            lines.push(Line::failure(&about, words(&failure), remedy));
        }
        Err(failure) => {
            lines.push(refused(&about, "whether it may run", &failure));
            going_on(&failure)?;
        }
    }
    Ok(())
}

/// Whether a workflow can run on what the formats give.
pub(super) fn judge_workflow(
    about: &str,
    workflow: &Workflow,
    classes: &[Item<DataClass>],
    given: &BTreeSet<&str>,
) -> Line {
    let name = format!("`{}`", &*workflow.name);
    if workflow.enabled.0 == Some(false) {
        let remedy = "enable it in the console, with an activated version; until then its route pauses";
        return Line::failure(about, format!("{name} is disabled"), remedy);
    }
    let by_id = classes.iter().find(|class| class.is.id == workflow.dataclass_id).map(|class| &*class.is.name);
    let class = Some(&*workflow.dataclass_name).filter(|name| !name.is_empty()).or(by_id).unwrap_or_default();
    if !class.is_empty() && !given.iter().any(|given| given.eq_ignore_ascii_case(class)) {
        let given: Vec<&str> = given.iter().copied().collect();
        let said = format!("{name} works on the data class {class}, and the formats give {}", given.join(", "));
        return Line::failure(about, said, "name a workflow of that class, or give the format's data_class");
    }
    if workflow.enabled.0.is_none() {
        let remedy = "look in the console";
        return Line::warning(about, format!("{name}: the service does not say whether it is enabled"), remedy);
    }
    let class = if class.is_empty() { String::new() } else { format!(", works on {class}") };
    Line::ok(about, format!("{name} is enabled{class}"))
}

/// Holds the formats against the data classes' fields.
async fn fields(
    subject: &Subject,
    place: &Workspace,
    classes: &[Item<DataClass>],
    creates: bool,
    lines: &mut Vec<Line>,
) -> Result<(), Stop> {
    if classes.is_empty() {
        return Ok(());
    }
    let names: BTreeSet<&str> = subject.given.iter().map(|given| &*given.data_class).collect();
    for name in names {
        let about = format!("data class {name} of {}", place.workspace_id);
        let is_it =
            |class: &&Item<DataClass>| [&class.is.name, &class.is.business_code].iter().any(|text| ***text == *name);
        let Some(found) = classes.iter().find(is_it) else {
            let formats: Vec<&str> =
                subject.given.iter().filter(|g| *g.data_class == *name).map(|g| &*g.format).collect();
            let said = format!("is not there; {} give it", formats.join(", "));
            lines.push(Line::warning(&about, said, "check the formats' data_class"));
            continue;
        };
        let listed = subject.client.list(place.list_dataclass_fields(&found.is.id, &FieldFilter::default()));
        let listed: Result<Vec<_>, _> = listed.try_collect().await;
        match listed {
            Ok(fields) => lines.extend(class::judge(&about, name, &fields, &subject.given, creates)),
            Err(failure) => {
                lines.push(refused(&about, "its fields", &failure));
                going_on(&failure)?;
            }
        }
    }
    Ok(())
}

/// The clocks.
pub(super) fn clock(ahead: SignedDuration) -> Line {
    let off = span(ahead.unsigned_abs());
    let which = if ahead.is_negative() { "ahead of" } else { "behind" };
    let said = format!("ours is {off} {which} the service's");
    let remedy = "let NTP keep this machine's clock; the service refuses signatures that are 15 min off";
    match ahead.abs() {
        off if off >= WINDOW => Line::failure("clock", said, remedy),
        off if off > DRIFT => Line::warning("clock", said, remedy),
        _ => Line::ok("clock", "agrees with the service's within a minute"),
    }
}

/// A call that is not answered as it should be, where that need not keep the daemon from its work.
pub(super) fn refused(about: &str, what: &str, failure: &ApiFailure) -> Line {
    let said = format!("{what} could not be learnt: {}", words(failure));
    let remedy = match failure.class {
        FailureClass::Transient | FailureClass::Throttled | FailureClass::Ambiguous => "check again in a while",
        _ => "allow the user the read calls of SecMaster, or look in the console",
    };
    Line::warning(about, said, remedy)
}

/// Whether it is worth asking more.
pub(super) fn going_on(failure: &ApiFailure) -> Result<(), Stop> {
    let is_over = failure.http_status.is_none() || failure.class == FailureClass::Throttled;
    if is_over { Err(Stop) } else { Ok(()) }
}

/// A refusal in a line.
fn words(failure: &ApiFailure) -> String {
    let status = failure.http_status.map_or_else(String::new, |status| format!("{status} "));
    let code = failure.error_code.as_deref().map_or_else(String::new, |code| format!("{code} "));
    let id = failure.request_id.as_deref().map_or_else(String::new, |id| format!(" (request id {id})"));
    format!("{status}{code}{}{id}", failure.message)
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::clock;

    #[test]
    fn a_clock_is_told_by_how_far_it_is_off() {
        let said = [30, -59, 61, -899, 900].map(|seconds| clock(SignedDuration::from_secs(seconds)).to_string());
        insta::assert_snapshot!(said.join("\n"));
    }
}
