//! What the commands share: the client, where calls go, dry runs, questions, and how a refusal is told.

use std::io::{self, BufRead, IsTerminal, Write};
use std::sync::Arc;

use anyhow::anyhow;
use futures_util::{StreamExt as _, TryStreamExt as _};
use serde_json::{Value, json};

use super::show::{self, Column};
use super::{Common, Many};
use crate::app;
use crate::cli::Failure;
use crate::cli::config::ConfigFiles;
use crate::cli::output::{Output, document};
use crate::config::{Config, Purpose};
use crate::domain::FailureClass;
use crate::ports::ApiFailure;
use crate::secmaster::SecMasterClient;
use crate::secmaster::api::{Answer, Item, MAX_PAGE, MAX_REACH, Operation, Page, PageAt, Workspace};

/// One run of a command.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) config: Config,
    pub(super) client: SecMasterClient,
    workspace: Option<String>,
    pub(super) output: Output,
    pub(super) dry_run: bool,
    yes: bool,
}

impl Session {
    pub(super) fn open(common: &Common) -> Result<Self, Failure> {
        let loaded = ConfigFiles::of(common.config.clone()).load(Purpose::Call)?;
        for hint in &loaded.hints {
            say(&format!("hint: {hint}"));
        }
        let config = loaded.config;
        let configured = Some(config.secmaster.workspace_id.clone()).filter(|id| !id.is_empty());
        Ok(Self {
            client: app::secmaster(&config)?,
            workspace: common.workspace.clone().or(configured),
            output: common.output,
            dry_run: common.dry_run,
            yes: common.yes,
            config,
        })
    }

    pub(super) fn project_id(&self) -> Arc<str> {
        self.config.secmaster.project_id.as_str().into()
    }

    /// The workspace that calls go to.
    pub(super) fn place(&self) -> Result<Workspace, Failure> {
        let missing = || {
            Failure::Usage(anyhow!(
                "which workspace? Give --workspace ID, or set secmaster.workspace_id; `alertbridge secmaster workspace \
                 list` shows them"
            ))
        };
        let workspace_id = self.workspace.as_deref().ok_or_else(missing)?.into();
        Ok(Workspace { project_id: self.project_id(), workspace_id })
    }

    /// Sends a call; nothing in a dry run, which shows it.
    pub(super) async fn call<T>(&self, operation: &Operation<T>) -> Result<Option<T>, Failure> {
        if self.dry_run {
            self.show_request(operation)?;
            return Ok(None);
        }
        let answer = self.client.call(operation).await.map_err(|failure| told(operation.name, &failure))?;
        Ok(Some(noted(answer)))
    }

    /// Reads a list as far as it is wanted.
    pub(super) async fn read<T>(
        &self,
        operation: Operation<Page<T>>,
        many: &Many,
    ) -> Result<Option<Vec<Item<T>>>, Failure> {
        let wanted = if many.all { MAX_REACH } else { usize::from(many.limit).min(MAX_REACH) };
        let name = operation.name;
        let operation = operation.page(PageAt { offset: 0, limit: wanted.min(MAX_PAGE) });
        if self.dry_run {
            self.show_request(&operation)?;
            return Ok(None);
        }
        let mut stream = std::pin::pin!(self.client.list(operation));
        let items: Result<Vec<_>, _> = stream.by_ref().take(wanted).try_collect().await;
        let items = items.map_err(|failure| told(name, &failure))?;
        if items.len() == wanted && !many.all {
            say(&format!("the first {wanted} are shown; --limit or --all shows more"));
        }
        Ok(Some(items))
    }

    /// Reads a list and prints it.
    pub(super) async fn list<T>(
        &self,
        operation: Operation<Page<T>>,
        many: &Many,
        columns: &[Column<T>],
    ) -> Result<(), Failure> {
        if let Some(items) = self.read(operation, many).await? {
            show::list(self.output, &items, columns)?;
        }
        Ok(())
    }

    /// Sends a call and prints what it tells of.
    pub(super) async fn show<T>(&self, operation: Operation<Item<T>>, columns: &[Column<T>]) -> Result<(), Failure> {
        if let Some(item) = self.call(&operation).await? {
            show::one(self.output, &item, columns)?;
        }
        Ok(())
    }

    /// Asks before more than one thing is changed.
    pub(super) fn confirm(&self, verb: &str, count: usize) -> Result<(), Failure> {
        if count <= 1 || self.yes || self.dry_run {
            return Ok(());
        }
        if !io::stdin().is_terminal() {
            return Err(Failure::Usage(anyhow!("{verb} of {count}: give --yes where nobody can be asked")));
        }
        write!(io::stderr(), "{verb} {count} of them? [y/N] ")?;
        let mut answer = String::new();
        let _length = io::stdin().lock().read_line(&mut answer)?;
        if matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes") {
            return Ok(());
        }
        Err(anyhow!("nothing was changed").into())
    }

    fn show_request<T>(&self, operation: &Operation<T>) -> anyhow::Result<()> {
        let url = self.client.url(operation);
        let body: Value = serde_json::from_slice(&operation.body).unwrap_or_default();
        if self.output != Output::Table {
            let (name, method) = (operation.name, operation.method.as_str());
            let request = json!({"operation": name, "method": method, "url": url, "body": body});
            return document(self.output, &request);
        }
        let mut out = io::stdout().lock();
        writeln!(out, "{} {url}", operation.method)?;
        writeln!(out, "Content-Type: application/json;charset=UTF-8")?;
        writeln!(out, "X-Language: en-us")?;
        writeln!(out, "X-Project-Id: {}", self.config.secmaster.project_id)?;
        if !operation.body.is_empty() {
            writeln!(out, "\n{body:#}")?;
        }
        drop(out);
        say("nothing was sent; what proves who sends it is left out");
        Ok(())
    }
}

/// Says something to people, beside the output.
pub(super) fn say(text: &str) {
    // Nothing can be done about a standard error that does not take the text.
    drop(writeln!(io::stderr(), "alertbridge: {text}"));
}

/// Says what the answer says about the end of its call.
fn noted<T>(answer: Answer<T>) -> T {
    if let Some(deprecation) = &answer.deprecation {
        let text = |text: &Option<String>| text.as_deref().unwrap_or("not said").to_owned();
        say(&format!(
            "the service is withdrawing this call: {} (date: {})",
            text(&deprecation.info),
            text(&deprecation.date)
        ));
    }
    answer.what
}

/// A refusal, with what to do about it.
pub(super) fn told(name: &str, failure: &ApiFailure) -> Failure {
    let status = failure.http_status.map_or_else(String::new, |status| format!(" {status}"));
    let code = failure.error_code.as_deref().map_or_else(String::new, |code| format!(" {code}"));
    let id = failure.request_id.as_deref().map_or_else(String::new, |id| format!(", request id {id}"));
    let remedy = match failure.class {
        FailureClass::Transient => "passes by itself: try again in a moment",
        FailureClass::Throttled => "the quota is spent: wait, and ask less often",
        FailureClass::Rejected => "the service will not take this request: see its message",
        FailureClass::Credentials => "check secmaster.credentials, the clock, and the user's permissions",
        FailureClass::Target => {
            "check region or endpoint, project, workspace and the ids, and that the workflow is enabled"
        }
        FailureClass::Ambiguous => "it may have taken effect: look before it is repeated",
    };
    let (class, reason, message) = (failure.class, failure.reason, &failure.message);
    anyhow!("{name}:{status}{code} {message} ({class}: {reason}{id})\n  {remedy}").into()
}
