//! `alertbridge dead-letters redrive`: what is to be written is found out first, and shown.

use std::collections::{BTreeMap, HashMap};
use std::io::{self, Write};

use anyhow::anyhow;
use clap::Args;
use jiff::Timestamp;
use uuid::Uuid;

use super::filters::FilterArgs;
use super::list::groups_table;
use super::{reading, writing};
use crate::cli::Failure;
use crate::cli::config::ConfigFiles;
use crate::cli::rate::Rate;
use crate::domain::RedriveMark;
use crate::kafka::KafkaSettings;
use crate::kafka::letters::{self, Progress, REDRIVE_IDS, Redriver, Span, TopicReader};
use crate::letters::{Filter, Letter, Planner, Policy, Tally, Verdict};

/// Give dead letters back to the daemon, through the redrive topic
///
/// Without --yes nothing is written: it says what would be. With it, each dead letter that fits is written once to
/// kafka.redrive_topic, with its first place, so that it asks for the same workflow instance as before. The daemon reads
/// that topic beside its own, under the same quota; of the record only the part and workflow that failed runs, and only
/// in the consumer group that gave it up.
///
/// What is written and how far this has come go into one Kafka transaction. The same command again goes on where it was
/// interrupted, by whatever; once it is through, it begins with what was dead-lettered since. Other filters, or another
/// --name, begin anew, and what stands on the redrive topic is not written again.
///
/// What fails again is dead-lettered again, with its header alertbridge-redrive-count one higher. What has been
/// redriven --max-redrives times is held.
#[derive(Debug, Args)]
pub(super) struct RedriveArgs {
    #[command(flatten)]
    config: ConfigFiles,
    /// Write; without it, only say what would be written
    #[arg(long)]
    yes: bool,
    /// How fast to write: 200/s, 30/m. Redriven alerts share the daemon's quota with new ones; the default is half of
    /// the default quota
    #[arg(long, default_value = "5/s")]
    rate: Rate,
    /// Write so many at most; the same command again goes on with the next ones
    #[arg(long, value_name = "N")]
    limit: Option<u64>,
    /// Hold what has been redriven so often
    #[arg(long, value_name = "N", default_value_t = 3)]
    max_redrives: u32,
    /// Redrive however often that was done before
    #[arg(long)]
    force: bool,
    /// Run what the routes choose now, instead of the workflow that failed
    #[arg(long)]
    any_workflow: bool,
    /// The account of this redrive [default: made of the filters, --any-workflow, --max-redrives and --force]
    #[arg(long)]
    name: Option<String>,
    #[command(flatten)]
    filters: FilterArgs,
}

/// What a redrive is to write.
#[derive(Debug, Default)]
pub(super) struct Plan {
    /// The marks of the chosen letters, by partition and offset.
    pub(super) chosen: HashMap<(i32, i64), RedriveMark>,
    /// What is read again to write them.
    pub(super) spans: BTreeMap<i32, Span>,
    /// How far each partition had come, and where it is to end.
    pub(super) begun: BTreeMap<i32, Progress>,
    passed: u64,
    repeated: u64,
    too_often: u64,
    without_value: u64,
    left_over: u64,
}

pub(super) fn execute(args: &RedriveArgs) -> Result<(), Failure> {
    let (_, settings) = reading::settings(&args.config)?;
    let filter = args.filters.filter_of_group(Timestamp::now(), &settings.group_id)?;
    let id = format!("{REDRIVE_IDS}{}.{}", settings.group_id, name(args));
    let policy = Policy {
        max_redrives: if args.force { u32::MAX } else { args.max_redrives },
        any_workflow: args.any_workflow,
        limit: args.limit,
    };
    let fields = ["class", "reason", "code", "workflow"].map(str::to_owned);
    let mut tally = Tally::new(fields.iter().map(String::as_str));
    // Taken over before anything is read: a transaction that a killed run has left open would hide for a minute how far
    // it has come.
    let redriver =
        args.yes.then(|| Redriver::open(&settings, &id)).transpose().map_err(|error| reading::refused(&error))?;
    let plan = plan(&settings, &id, &filter, policy, &mut tally)?;
    let mut out = io::stdout().lock();
    if !plan.chosen.is_empty() {
        writeln!(out, "{}", groups_table(&fields, &tally))?;
    }
    say(&mut out, args, &settings, &plan)?;
    let Some(redriver) = redriver else {
        if !plan.chosen.is_empty() {
            writeln!(out, "nothing was written; --yes writes them")?;
        }
        return Ok(());
    };
    drop(out);
    writing::run(&settings, redriver, &plan, args.rate)
}

/// The account's name: the same for the same choice. What one choice has held is passed in its account, so another
/// bound, or none, has an account of its own.
fn name(args: &RedriveArgs) -> String {
    let choice = || {
        let choice = format!("{:?} {} {} {}", args.filters, args.any_workflow, args.max_redrives, args.force);
        let mut id = Uuid::new_v5(&Uuid::NAMESPACE_OID, choice.as_bytes()).simple().to_string();
        id.truncate(12);
        id
    };
    args.name.clone().unwrap_or_else(choice)
}

/// Reads both topics to their ends and decides on each letter.
fn plan(
    settings: &KafkaSettings,
    id: &str,
    filter: &Filter,
    policy: Policy,
    tally: &mut Tally,
) -> Result<Plan, Failure> {
    let mut planner = Planner::new(policy);
    let mut redriven = TopicReader::open(settings, &settings.redrive_topic)
        .map_err(|error| anyhow!("kafka.redrive_topic has to exist before anything is redriven: {error}"))?;
    let whole = redriven.spans().clone();
    redriven.read_from(whole).map_err(|error| anyhow!(error))?;
    while let Some(record) = redriven.read().map_err(|error| anyhow!(error))? {
        planner.stands(&record);
    }
    let mut reader =
        TopicReader::open(settings, &settings.dead_letter_topic).map_err(|error| reading::refused(&error))?;
    let mut spans = reader.spans().clone();
    let come = letters::progress(settings, id, spans.keys().copied()).map_err(|error| anyhow!(error))?;
    let mut plan = Plan::default();
    for (partition, span) in &mut spans {
        let begun = begin(*span, come.get(partition).copied());
        span.to = begun.end;
        let _none = plan.begun.insert(*partition, begun);
        let _none = plan.spans.insert(*partition, Span { from: begun.next, to: begun.end });
    }
    reader.read_from(spans).map_err(|error| anyhow!(error))?;
    let bar = reading::bar(reader.progress().0, "offsets read");
    while let Some(record) = reader.read().map_err(|error| anyhow!(error))? {
        bar.set_position(reader.progress().1);
        if let Some(letter) = Letter::read(record).filter(|letter| filter.admits(letter)) {
            plan.take(&mut planner, &letter, tally);
        }
    }
    bar.finish_and_clear();
    Ok(plan)
}

/// Where a run begins and ends in what a partition holds now. One that was interrupted ends where it was to end, so that
/// what has failed again meanwhile is not redriven along with it.
fn begin(held: Span, come: Option<Progress>) -> Progress {
    // Beyond the end: the topic was made anew since, and what it holds has not been looked at.
    let come = come.filter(|come| come.next <= held.to);
    let end = match come {
        Some(come) if come.next < come.end => come.end.clamp(held.from, held.to),
        _ => held.to,
    };
    let next = come.map_or(held.from, |come| come.next.clamp(held.from, end));
    Progress { next, end }
}

impl Plan {
    fn take(&mut self, planner: &mut Planner, letter: &Letter, tally: &mut Tally) {
        let (partition, offset) = (letter.record.partition.partition, letter.record.offset.0);
        let passed = self.begun.get(&partition).is_some_and(|begun| offset < begun.next);
        match planner.decide(letter, passed) {
            Verdict::Redrive(mark) => {
                tally.add(letter);
                drop(self.chosen.insert((partition, offset), mark));
            }
            Verdict::Passed => self.passed += 1,
            Verdict::Repeated => self.repeated += 1,
            Verdict::TooOften => self.too_often += 1,
            Verdict::WithoutValue => self.without_value += 1,
            Verdict::LeftOver => {
                self.left_over += 1;
                // Not passed: the next run begins here.
                if let Some(span) = self.spans.get_mut(&partition) {
                    span.to = span.to.min(offset);
                }
            }
        }
    }
}

fn say(out: &mut impl Write, args: &RedriveArgs, settings: &KafkaSettings, plan: &Plan) -> io::Result<()> {
    let count = plan.chosen.len() as u64;
    let seconds = args.rate.after(count).as_secs();
    writeln!(
        out,
        "{count} dead letters of {} to {}, in about {seconds} s at this rate",
        settings.dead_letter_topic, settings.redrive_topic
    )?;
    let remarks = [
        (plan.passed, "an earlier run of this command has dealt with".to_owned()),
        (plan.repeated, "repeat others, or stand on the redrive topic already".to_owned()),
        (plan.too_often, format!("have been redriven {} times or more (--force redrives them)", args.max_redrives)),
        (plan.without_value, "were written without their value: take it from where the record first stood".to_owned()),
        (plan.left_over, "are left for the next run (--limit)".to_owned()),
    ];
    for (count, what) in remarks.iter().filter(|(count, _)| *count > 0) {
        writeln!(out, "not among them: {count} that {what}")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{Progress, Span, begin};

    #[test]
    fn an_interrupted_run_ends_where_it_was_to_end_and_the_next_one_takes_what_came_meanwhile() {
        let at = |next, end| Progress { next, end };
        let held = Span { from: 10, to: 100 };
        assert_eq!(begin(held, None), at(10, 100), "the first run");
        assert_eq!(begin(held, Some(at(30, 80))), at(30, 80), "it was interrupted");
        assert_eq!(begin(held, Some(at(80, 80))), at(80, 100), "it was through");
        assert_eq!(begin(held, Some(at(3, 80))), at(10, 80), "what had aged out is passed");
        assert_eq!(begin(held, Some(at(300, 400))), at(10, 100), "the topic was made anew");
    }
}
