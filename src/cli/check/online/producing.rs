//! What the rights to write mean: may dead letters be written once each, and may this user redrive them.

use super::line::Line;
use crate::kafka::letters::REDRIVE_IDS;
use crate::kafka::survey::{Probe, Redrive, Survey, Usage};

pub(super) fn judge(survey: &Survey, dead_letter_topic: &str, redrive_topic: &str) -> Vec<Line> {
    let mut lines: Vec<Line> = idempotence(survey).into_iter().collect();
    if let Some(redrive) = &survey.redrive {
        lines.push(redriving(redrive, dead_letter_topic, redrive_topic));
    }
    lines
}

/// Whether the dead-letter producer gets its id.
fn idempotence(survey: &Survey) -> Option<Line> {
    let about = "idempotent writes";
    match &survey.idempotent {
        Probe::Allowed | Probe::Done => None,
        // Since Kafka 3.0 they go with the right to write, whose lack is told already.
        Probe::Denied if survey.topics.iter().any(|t| t.usage == Usage::DeadLetter && t.right != Probe::Allowed) => {
            None
        }
        Probe::Denied => {
            let remedy = "allow IdempotentWrite on the cluster to the user, as a Kafka older than 3.0 wants it";
            let said = "may not be made; dead letters are written so, and nothing commits past them";
            Some(Line::failure(about, said, remedy))
        }
        Probe::Unclear(reason) => {
            let said = format!("whether they may be made is not known: {reason}");
            let remedy =
                "see the brokers' log, and whether a Kafka older than 3.0 allows IdempotentWrite on the cluster";
            Some(Line::warning(about, said, remedy))
        }
    }
}

/// Whether this user may run `dead-letters redrive`, and what finding that out has left behind.
fn redriving(redrive: &Redrive, dead_letter_topic: &str, redrive_topic: &str) -> Line {
    let mut line = right_to_redrive(redrive, dead_letter_topic, redrive_topic);
    if redrive.transactional_id == Probe::Done {
        line.said += "; these brokers let a transaction last for 24 days, so that the transactional id of this check, ";
        line.said += &format!("{REDRIVE_IDS}GROUP.check, is registered until it ages out");
    }
    line
}

/// Whether this user may run `dead-letters redrive`, which is better another one than the daemon's.
fn right_to_redrive(redrive: &Redrive, dead_letter_topic: &str, redrive_topic: &str) -> Line {
    let about = "dead-letters redrive";
    if redrive.written == Probe::Denied {
        let said = format!("is not for this user, who may not write to {redrive_topic}; the daemon need not");
        return Line::ok(about, said);
    }
    let ids = format!("{REDRIVE_IDS}…");
    let rights = [
        (&redrive.written, format!("Write of topic {redrive_topic}")),
        (&redrive.read, format!("Read of topic {dead_letter_topic}")),
        (&redrive.group, format!("Read of groups {ids}")),
        (&redrive.transactional_id, format!("Write of transactional ids {ids}")),
    ];
    let lacking: Vec<&str> =
        rights.iter().filter(|(probe, _)| **probe == Probe::Denied).map(|(_, right)| &**right).collect();
    if !lacking.is_empty() {
        let said = format!("would fail: this user may write to {redrive_topic}, and lacks {}", lacking.join(", "));
        let remedy = "allow it, prefixed for groups and transactional ids, or redrive as another user";
        return Line::warning(about, said, remedy);
    }
    let unclear = rights.iter().find_map(|(probe, right)| match probe {
        Probe::Unclear(reason) => Some(format!("whether this user may is not known: {right}: {reason}")),
        _ => None,
    });
    match unclear {
        Some(said) => Line::warning(about, said, "see the brokers' log, or try `dead-letters redrive` without --yes"),
        None => Line::ok(about, "may be run by this user"),
    }
}

#[cfg(test)]
mod tests {
    use super::{judge, redriving};
    use crate::cli::check::online::survey_of;
    use crate::kafka::survey::{Presence, Probe, Redrive, Survey, Topic, Usage};

    fn redrive(rights: [Probe; 4]) -> String {
        let [written, read, group, transactional_id] = rights;
        redriving(&Redrive { written, read, group, transactional_id }, "letters", "again").to_string()
    }

    #[test]
    fn who_may_redrive_is_told_and_the_daemons_user_need_not() {
        use Probe::{Allowed, Denied, Done};
        let unclear = || Probe::Unclear("no answer".to_owned());
        let told = [
            redrive([Allowed, Allowed, Allowed, Allowed]),
            redrive([Allowed, Allowed, Allowed, Done]),
            redrive([Denied, unclear(), unclear(), unclear()]),
            redrive([Allowed, Denied, unclear(), Denied]),
            redrive([Allowed, Allowed, Denied, Done]),
            redrive([Allowed, Allowed, unclear(), Allowed]),
        ];
        insta::assert_snapshot!(told.join("\n"));
    }

    #[test]
    fn idempotent_writes_that_are_refused_are_told_once() {
        let lines = |right: Probe, idempotent: Probe| {
            let presence = Presence::There { partitions: 1, replicas: 3, in_sync: 3, leaderless: 0 };
            let letters = Topic { name: "letters".to_owned(), usage: Usage::DeadLetter, presence, limits: None, right };
            let survey = Survey { idempotent, ..survey_of(vec![letters]) };
            judge(&survey, "letters", "again").iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        assert!(lines(Probe::Allowed, Probe::Allowed).is_empty());
        assert!(lines(Probe::Denied, Probe::Denied).is_empty(), "the topic's line says it");
        let told = lines(Probe::Allowed, Probe::Denied);
        assert!(told[0].starts_with("fail  idempotent writes: ") && told[0].contains("IdempotentWrite"), "{told:?}");
        let told = lines(Probe::Allowed, Probe::Unclear("no answer".to_owned()));
        assert!(told[0].starts_with("warn  idempotent writes: ") && told[0].contains("no answer"), "{told:?}");
    }
}
