//! Which of the files for Kafka have changed, and when to try what stands in them: pure but for the reading itself.
//!
//! What is tried has been seen twice in a row: files that belong together are seldom written at once. What brokers do
//! not accept is tried again now and then, since the other half of a rotation may be done later, on their side.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

use sha2::{Digest, Sha256};
use tokio::time::Instant;

use crate::config::KafkaSecurity;

/// Between two tries of the same files.
const TRIES: Duration = Duration::from_secs(15);

/// The keys of the files, with the hashes of what they hold.
pub(super) type Snapshot = BTreeMap<&'static str, [u8; 32]>;

/// What is done about a change.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Means {
    /// Another token is asked for.
    pub(super) token: bool,
    /// The clients are given another password.
    pub(super) password: bool,
    /// Other clients take the place of these.
    pub(super) clients: bool,
}

/// The files that the settings name.
fn files(security: &KafkaSecurity) -> impl Iterator<Item = (&'static str, &Path)> {
    let all = [
        (CA, &security.ca_file),
        ("kafka.security.certificate_file", &security.certificate_file),
        ("kafka.security.key_file", &security.key_file),
        ("kafka.security.key_password_file", &security.key_password_file),
        (PASSWORD, &security.password_file),
        (CLIENT_SECRET, &security.oauth.client_secret_file),
    ];
    all.into_iter().filter_map(|(key, file)| Some((key, file.as_deref()?)))
}

const CA: &str = "kafka.security.ca_file";
const PASSWORD: &str = "kafka.security.password_file";
const CLIENT_SECRET: &str = "kafka.security.oauth.client_secret_file";

/// What the files hold now; `None` while one of them cannot be read.
pub(super) fn read(security: &KafkaSecurity) -> Option<Snapshot> {
    let hash = |(key, file)| Some((key, Sha256::digest(fs::read(file).ok()?).into()));
    files(security).map(hash).collect()
}

/// The keys of the files that differ.
pub(super) fn changed(from: &Snapshot, to: &Snapshot) -> Vec<&'static str> {
    to.iter().filter(|(key, hash)| from.get(*key) != Some(*hash)).map(|(key, _)| *key).collect()
}

/// What a change of these files asks for.
pub(super) fn means(files: &[&str], security: &KafkaSecurity) -> Means {
    let mut means = Means::default();
    for file in files {
        match *file {
            PASSWORD => means.password = true,
            CLIENT_SECRET => means.token = true,
            // Then it serves the token endpoint alone.
            CA if !security.protocol.is_tls() => means.token = true,
            _ => means.clients = true,
        }
    }
    means
}

/// Remembers what is in use and what was tried.
#[derive(Debug)]
pub(super) struct Watch {
    used: Snapshot,
    seen: Snapshot,
    tried: Option<(Snapshot, Instant)>,
}

impl Watch {
    pub(super) fn new(used: Snapshot) -> Self {
        Self { seen: used.clone(), used, tried: None }
    }

    /// Takes in a look. Gives the files that have changed if what they hold is to be tried now.
    pub(super) fn look(&mut self, now: Instant, snapshot: &Snapshot) -> Option<Vec<&'static str>> {
        let is_settled = self.seen == *snapshot;
        self.seen.clone_from(snapshot);
        let changed = changed(&self.used, snapshot);
        if changed.is_empty() || !is_settled {
            return None;
        }
        let is_due =
            |(tried, at): &(Snapshot, Instant)| tried != snapshot || now.saturating_duration_since(*at) >= TRIES;
        self.tried.as_ref().is_none_or(is_due).then(|| {
            self.tried = Some((snapshot.clone(), now));
            changed
        })
    }

    /// What was tried has been accepted and is in use now.
    pub(super) fn accepted(&mut self, snapshot: Snapshot) {
        self.used = snapshot;
        self.tried = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::SecurityProtocol;

    fn holds(password: u8, key: u8) -> Snapshot {
        [(PASSWORD, [password; 32]), ("kafka.security.key_file", [key; 32])].into()
    }

    #[test]
    fn a_change_is_tried_once_it_has_settled_and_again_while_it_is_refused() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut watch = Watch::new(holds(1, 1));
        assert_eq!(watch.look(at(0), &holds(1, 1)), None);
        assert_eq!(watch.look(at(3), &holds(2, 1)), None, "it may not be all yet");
        assert_eq!(watch.look(at(6), &holds(2, 2)), None);
        assert_eq!(watch.look(at(9), &holds(2, 2)), Some(vec!["kafka.security.key_file", PASSWORD]));
        assert_eq!(watch.look(at(12), &holds(2, 2)), None, "it was refused just now");
        assert_eq!(watch.look(at(24), &holds(2, 2)).map(|files| files.len()), Some(2));
        assert_eq!(watch.look(at(27), &holds(3, 1)), None);
        assert_eq!(watch.look(at(30), &holds(3, 1)), Some(vec![PASSWORD]), "another change waits for nothing");
        watch.accepted(holds(3, 1));
        assert_eq!(watch.look(at(99), &holds(3, 1)), None);
    }

    #[test]
    fn a_change_that_is_taken_back_is_not_tried() {
        let now = Instant::now();
        let mut watch = Watch::new(holds(1, 1));
        assert_eq!(watch.look(now, &holds(2, 1)), None);
        assert_eq!(watch.look(now, &holds(1, 1)), None);
        assert_eq!(watch.look(now, &holds(1, 1)), None);
    }

    #[test]
    fn each_file_has_its_means() {
        let mut security = KafkaSecurity { protocol: SecurityProtocol::SaslSsl, ..KafkaSecurity::default() };
        let certificates = Means { clients: true, ..Means::default() };
        assert_eq!(means(&[PASSWORD], &security), Means { password: true, ..Means::default() });
        assert_eq!(means(&[CLIENT_SECRET], &security), Means { token: true, ..Means::default() });
        assert_eq!(means(&[CA], &security), certificates);
        assert_eq!(means(&["kafka.security.key_file"], &security), certificates);
        security.protocol = SecurityProtocol::SaslPlaintext;
        assert_eq!(means(&[CA], &security), Means { token: true, ..Means::default() });
    }

    #[test]
    fn a_file_that_is_just_being_replaced_is_no_change() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("password");
        let security = KafkaSecurity { password_file: Some(file.clone()), ..KafkaSecurity::default() };
        assert_eq!(read(&security), None);
        fs::write(&file, "a").unwrap();
        let before = read(&security).unwrap();
        fs::write(&file, "b").unwrap();
        assert_eq!(changed(&before, &read(&security).unwrap()), [PASSWORD]);
    }
}
