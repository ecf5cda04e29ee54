//! The same done to many instances: chosen by id or by filters, shown first, at a rate, with an account at the end.

use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use anyhow::anyhow;
use clap::Args;
use futures_util::TryStreamExt as _;
use indicatif::ProgressBar;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::session::{Session, say, told};
use super::show::{self, Column};
use crate::cli::Failure;
use crate::cli::output::{Output, document};
use crate::cli::rate::Rate;
use crate::domain::FailureClass;
use crate::secmaster::api::{Item, Operation, Page, Workspace};

/// How many, and how fast.
#[derive(Debug, Args)]
struct Pace {
    /// Of those that fit the filters, change so many at most, the latest first
    #[arg(long, value_name = "COUNT", default_value_t = 100, value_parser = clap::value_parser!(u16).range(1..))]
    limit: u16,
    /// How fast to ask: 5/s, 30/m. The daemon's own calls share the tenant's quota
    #[arg(long, default_value = "2/s")]
    rate: Rate,
}

/// Which instances are changed, and how fast.
#[derive(Debug, Args)]
pub(super) struct ChangeArgs<F: Args> {
    /// The instances' ids
    #[arg(value_name = "INSTANCE")]
    ids: Vec<String>,
    #[command(flatten)]
    filter: F,
    #[command(flatten)]
    pace: Pace,
}

/// The filters of one kind of instances.
pub(super) trait Filter: Args {
    /// Such an instance.
    type Instance: 'static;
    /// How it is shown.
    const COLUMNS: &'static [Column<Self::Instance>];

    /// Whether any is given.
    fn is_given(&self) -> bool;
    /// What the service is asked for; in this state where the filters name none.
    fn listed(&self, place: &Workspace, status: Option<&str>) -> Operation<Page<Self::Instance>>;
    /// Whether one fits, in this state where the filters name none: the service's word is not taken for it.
    fn fits(&self, status: &str, instance: &Self::Instance) -> bool;
    /// The instance's id.
    fn id(instance: &Self::Instance) -> &str;
}

/// What is done to instances.
#[derive(Clone, Copy, Debug)]
pub(super) struct Verb {
    word: &'static str,
    /// Those in this state are meant where none is named.
    status: &'static str,
}

/// Run failed ones again.
pub(super) const RETRY: Verb = Verb { word: "retry", status: "FAILED" };
/// End running ones.
pub(super) const TERMINATE: Verb = Verb { word: "terminate", status: "RUNNING" };

/// How it went.
#[derive(Debug, Default)]
struct Account {
    accepted: usize,
    refused: usize,
    results: Vec<Value>,
}

/// Does it to those that are named, or to those that fit the filters. Exit code 1 unless all of it was accepted.
pub(super) async fn run<F: Filter, U>(
    session: &Session,
    verb: Verb,
    args: &ChangeArgs<F>,
    operation: impl Fn(&Workspace, &str) -> Operation<U>,
) -> Result<(), Failure> {
    let place = session.place()?;
    needs_one(&args.ids, args.filter.is_given())?;
    let ids = if args.ids.is_empty() { chosen(session, &place, verb, args).await? } else { args.ids.clone() };
    let (verb, operation) = (verb.word, |id: &str| operation(&place, id));
    if ids.is_empty() {
        say(&format!("{verb}: nothing fits"));
        if session.output != Output::Table && !session.dry_run {
            document(session.output, &Value::Array(Vec::new()))?;
        }
        return Ok(());
    }
    session.confirm(verb, ids.len())?;
    if session.dry_run {
        for id in &ids {
            let _none = session.call(&operation(id)).await?;
        }
        return Ok(());
    }
    each(session, verb, &ids, args.pace.rate, operation).await
}

/// Those that fit the filters, after they have been shown.
async fn chosen<F: Filter>(
    session: &Session,
    place: &Workspace,
    verb: Verb,
    args: &ChangeArgs<F>,
) -> Result<Vec<String>, Failure> {
    let (filter, limit) = (&args.filter, usize::from(args.pace.limit));
    let listed = filter.listed(place, Some(verb.status));
    let name = listed.name;
    let mut stream = std::pin::pin!(session.client.list(listed));
    let mut items: Vec<Item<F::Instance>> = Vec::new();
    let mut has_more = false;
    // Read in a dry run, too: what would be changed is what is asked.
    while let Some(item) = stream.try_next().await.map_err(|failure| told(name, &failure))? {
        let fits = filter.fits(verb.status, &item.is) && !F::id(&item.is).is_empty();
        if fits && items.len() == limit {
            has_more = true;
            break;
        }
        if fits {
            items.push(item);
        }
    }
    if session.output == Output::Table && !items.is_empty() {
        show::list(session.output, &items, F::COLUMNS)?;
    }
    if has_more {
        say(&format!("the latest {limit} are taken; there are more (--limit)"));
    }
    Ok(items.iter().map(|item| F::id(&item.is).to_owned()).collect())
}

async fn each<U>(
    session: &Session,
    verb: &str,
    ids: &[String],
    rate: Rate,
    operation: impl Fn(&str) -> Operation<U>,
) -> Result<(), Failure> {
    let bar = bar(ids.len(), verb);
    let begun = Instant::now();
    let mut account = Account::default();
    for (done, id) in (0..).zip(ids) {
        tokio::time::sleep_until(begun + rate.after(done).min(Duration::from_secs(24 * 3_600))).await;
        let operation = operation(id);
        let result = session.client.call(&operation).await;
        bar.inc(1);
        match result {
            Ok(_) => {
                account.accepted += 1;
                account.results.push(json!({"id": id, "result": "accepted"}));
                if session.output == Output::Table {
                    bar.suspend(|| writeln!(io::stdout(), "{id}: {verb} accepted"))?;
                }
            }
            Err(failure) => {
                account.refused += 1;
                let code = &failure.error_code;
                account.results.push(json!({
                    "id": id, "result": "refused", "http_status": failure.http_status, "code": code,
                    "message": failure.message, "request_id": failure.request_id, "class": failure.class.to_string(),
                }));
                if let Failure::RunTime(error) = told(operation.name, &failure) {
                    bar.suspend(|| say(&format!("{id}: {error:#}")));
                }
                // The next one would meet the same, and a key is locked after a few refusals.
                if matches!(failure.class, FailureClass::Credentials | FailureClass::Throttled) {
                    break;
                }
            }
        }
    }
    bar.finish_and_clear();
    end(session, verb, ids, &account)
}

/// Says how it went.
fn end(session: &Session, verb: &str, ids: &[String], account: &Account) -> Result<(), Failure> {
    let Account { accepted, refused, results } = account;
    if session.output != Output::Table {
        document(session.output, &Value::Array(results.clone()))?;
    }
    let left = &ids[results.len()..];
    if ids.len() > 1 {
        say(&format!("{verb}: {accepted} accepted, {refused} refused, {} not tried", left.len()));
    }
    if !left.is_empty() {
        say(&format!("not tried: {}", left.join(" ")));
    }
    if *refused == 0 { Ok(()) } else { Err(Failure::Reported) }
}

/// A bar on a terminal, where there are many.
fn bar(length: usize, verb: &str) -> ProgressBar {
    if length <= 1 || !io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    ProgressBar::new(u64::try_from(length).unwrap_or(u64::MAX)).with_message(verb.to_owned())
}

/// Either ids or filters: both would be a doubt about what is meant, and neither would be all there is.
fn needs_one(ids: &[String], filters: bool) -> Result<(), Failure> {
    match (ids.is_empty(), filters) {
        (true, false) => Err(Failure::Usage(anyhow!(
            "which instances? Give their ids, or filters (--status, --since …; see --help)"
        ))),
        (false, true) => Err(Failure::Usage(anyhow!("give either ids or filters, not both"))),
        _ => Ok(()),
    }
}
