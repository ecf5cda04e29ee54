//! While credentials are refused: when to look whether they have been changed, and when to probe out of turn.
//!
//! An access key locks for some minutes after a few bad signatures in a row, so only a change (of a secret's file, or
//! of a token that had worked) earns a probe before its turn, and not more than one in [`PROBES`].

use std::time::{Duration, Instant};

use super::flow::Flow;
use crate::ports::WorkflowApi;

/// How often it is looked: a look reads a small file.
const LOOKS: Duration = Duration::from_secs(3);

/// Between two probes out of turn.
const PROBES: Duration = Duration::from_secs(15);

/// Remembers when it looked and probed.
#[derive(Debug, Default)]
pub(super) struct CredentialWatch {
    looked: Option<Instant>,
    probed: Option<Instant>,
    /// Changed credentials have been taken and not probed with.
    are_new: bool,
}

impl CredentialWatch {
    /// Whether it is time to look.
    fn looks(&mut self, now: Instant) -> bool {
        let looks = self.looked.is_none_or(|at| now.saturating_duration_since(at) >= LOOKS);
        if looks {
            self.looked = Some(now);
        }
        looks
    }

    /// Whether to probe out of turn, now that credentials have been changed or not.
    fn probes(&mut self, are_changed: bool, now: Instant) -> bool {
        self.are_new |= are_changed;
        let probes = self.are_new && self.probed.is_none_or(|at| now.saturating_duration_since(at) >= PROBES);
        if probes {
            self.are_new = false;
            self.probed = Some(now);
        }
        probes
    }
}

impl<A: WorkflowApi, D> Flow<A, D> {
    /// Lets a probe through at once when refused credentials have been changed.
    pub(super) fn look_for_credentials(&mut self, now: Instant) {
        if self.gates.credentials_are_refused() {
            let are_changed = self.credential_watch.looks(now) && self.api.renew_credentials();
            if self.credential_watch.probes(are_changed, now) {
                self.gates.probe_credentials(now);
            }
        } else {
            self.credential_watch.are_new = false;
        }
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "an arbitrary point in time; nothing waits for it")]
mod tests {
    use std::time::{Duration, Instant};

    use super::CredentialWatch;

    #[test]
    fn it_looks_each_three_seconds() {
        let (mut watch, start) = (CredentialWatch::default(), Instant::now());
        let looks = (0..10).filter(|second| watch.looks(start + Duration::from_secs(*second)));
        assert_eq!(looks.collect::<Vec<_>>(), [0, 3, 6, 9]);
    }

    #[test]
    fn a_change_earns_one_probe_and_many_changes_earn_one_each_fifteen_seconds() {
        let (mut watch, start) = (CredentialWatch::default(), Instant::now());
        let at = |second| start + Duration::from_secs(second);
        assert!(!watch.probes(false, at(0)));
        assert!(watch.probes(true, at(1)));
        assert!(!watch.probes(false, at(2)), "once");
        assert!(!watch.probes(true, at(5)), "too soon");
        assert!(!watch.probes(false, at(15)));
        assert!(watch.probes(false, at(16)), "and not forgotten");
        assert!(!watch.probes(false, at(60)));
    }
}
