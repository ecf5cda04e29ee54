//! The files for Kafka read again: when one has changed, what it holds is tried with a client of its own, and only what
//! brokers accept is given to the clients that run. A wrong file disturbs nobody (promise 4).
//!
//! | changed | what happens |
//! |---|---|
//! | the password | the clients are told: their connections and their place in the group stay (`in_place`) |
//! | the OAuth client's secret | another token is asked for |
//! | certificates, their key, its password | other clients take the place of these: librdkafka reads them when a client is made |

mod in_place;
mod watch;

use std::collections::BTreeSet;
use std::sync::{Arc, Weak};
use std::thread;
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::consumer::Consumer as _;
use rdkafka::producer::Producer as _;
use tokio::time::Instant;

pub(super) use self::in_place::show_token;
use self::watch::{Means, Watch};
use super::connection::{Current, Wanted};
use super::wake::Wake;
use super::{ClientError, KafkaSettings, KafkaSink, KafkaSource, by_hand, client};
use crate::config;

/// Between two looks, each of which reads some small files.
const LOOKS: Duration = Duration::from_secs(3);

/// The longest that brokers may take to let a client in.
const TRIAL: Duration = Duration::from_secs(10);

/// The longest that one question of these takes.
const QUESTION: Duration = Duration::from_secs(1);

/// As many of the lines and troubles of a client that is not let in are looked at after each.
const POLLS: usize = 100;

/// Looks after the files from now on, on a thread of its own, until source and sink are gone.
///
/// # Errors
///
/// The thread cannot be started.
pub fn keep_credentials(
    settings: &KafkaSettings,
    source: &KafkaSource,
    sink: &Arc<KafkaSink>,
) -> Result<(), ClientError> {
    let Some(used) = watch::read(&settings.security).filter(|files| !files.is_empty()) else { return Ok(()) };
    let (current, wanted, wake) = source.renewal();
    let keeper = Keeper {
        settings: settings.clone(),
        watch: Watch::new(used),
        current,
        wanted,
        wake,
        sink: Arc::downgrade(sink),
        untold: BTreeSet::new(),
    };
    let _detached = thread::Builder::new()
        .name("kafka-credentials".to_owned())
        .spawn(move || keeper.run())
        .map_err(|error| ClientError(format!("the thread that looks after credentials cannot be started: {error}")))?;
    Ok(())
}

struct Keeper {
    /// What the clients were made of.
    settings: KafkaSettings,
    watch: Watch,
    current: Current,
    wanted: Wanted,
    wake: Wake,
    sink: Weak<KafkaSink>,
    /// Files that brokers have accepted and of which nobody has been told that they are in use.
    untold: BTreeSet<&'static str>,
}

impl Keeper {
    fn run(mut self) {
        let clock = Wake::default();
        while self.sink.strong_count() > 0 {
            self.look();
            self.tell();
            clock.wait(LOOKS);
        }
    }

    fn look(&mut self) {
        let Some(snapshot) = watch::read(&self.settings.security) else { return };
        let Some(files) = self.watch.look(Instant::now(), &snapshot) else { return };
        let (means, names) = (watch::means(&files, &self.settings.security), files.join(" "));
        match self.tried(means).and_then(|fresh| self.give(means, fresh)) {
            Ok(fresh) => {
                self.settings = fresh;
                self.watch.accepted(snapshot);
                self.untold.extend(files);
            }
            Err(error) => tracing::warn!(
                event = "kafka.credentials_refused",
                files = names,
                error = %error,
                "changed files for Kafka do not work; what was read before stays in use, and they are tried again"
            ),
        }
    }

    /// Says what is in use, as soon as that is so: another consumer may have to take over first.
    fn tell(&mut self) {
        if self.untold.is_empty() || self.wanted.is_pending() {
            return;
        }
        let files = Vec::from_iter(std::mem::take(&mut self.untold)).join(" ");
        tracing::info!(event = "kafka.credentials_renewed", files, "changed files for Kafka were read and are in use");
    }

    /// The settings as the files are now, if brokers accept them.
    fn tried(&self, means: Means) -> Result<KafkaSettings, ClientError> {
        let security = config::read_kafka_secrets_again(&self.settings.security).map_err(ClientError)?;
        let fresh = KafkaSettings { security, ..self.settings.clone() };
        if means.token
            && let Some(tokens) = &fresh.tokens
        {
            tokens.renew()?;
        }
        if means.password || means.clients {
            try_out(&fresh)?;
        }
        Ok(fresh)
    }

    /// Gives the clients what they need.
    fn give(&self, means: Means, fresh: KafkaSettings) -> Result<KafkaSettings, ClientError> {
        let Some(sink) = self.sink.upgrade() else { return Ok(fresh) };
        let security = &fresh.security;
        if means.clients {
            sink.renew(&fresh)?;
        }
        if means.password
            && let (Some(user), Some(password)) = (&security.username, &security.password)
        {
            sink.set_password(client::producer(&fresh)?, |producer| in_place::set(producer.client(), user, password));
            if let Some(consumer) = self.current.get() {
                in_place::set(consumer.client(), user, password);
            }
        }
        // A consumer that is only about to take over has the password that was there when it was asked for.
        if means.clients || (means.password && self.wanted.is_pending()) {
            self.wanted.ask(fresh.clone());
            self.wake.ring();
        }
        Ok(fresh)
    }
}

/// Whether brokers let a client in: it asks for the metadata of one topic, whether that exists or not.
fn try_out(settings: &KafkaSettings) -> Result<(), ClientError> {
    let mut config = ClientConfig::new();
    client::common(&mut config, settings)?;
    let consumer = by_hand::consumer(&config, settings)?;
    let deadline = Instant::now() + TRIAL;
    loop {
        let Err(error) = consumer.fetch_metadata(Some(&settings.dead_letter_topic), QUESTION) else { return Ok(()) };
        // What the client's own threads have seen meanwhile is taken in by polls.
        for _ in 0..POLLS {
            drop(consumer.poll(Duration::ZERO));
        }
        let context = consumer.context();
        if context.is_refused() || Instant::now() >= deadline {
            return Err(ClientError(context.take_trouble().unwrap_or_else(|| error.to_string())));
        }
    }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;
    use crate::kafka::connection::Connection;
    use crate::kafka::settings::offline;

    fn with_password(password: &str) -> KafkaSettings {
        let mut settings = offline();
        (settings.security.username, settings.security.password) = (Some("soc".to_owned()), Some(password.into()));
        settings
    }

    fn wants(wanted: &Wanted) -> Option<String> {
        let settings = wanted.take(Instant::now())?;
        settings.security.password.map(|password| password.expose_secret().to_owned())
    }

    fn keeper(settings: &KafkaSettings, wanted: &Wanted, connection: &Connection, sink: &Arc<KafkaSink>) -> Keeper {
        Keeper {
            settings: settings.clone(),
            watch: Watch::new(watch::Snapshot::new()),
            current: Current::new(&connection.consumer),
            wanted: wanted.clone(),
            wake: Wake::default(),
            sink: Arc::downgrade(sink),
            untold: BTreeSet::new(),
        }
    }

    #[test]
    fn files_are_said_to_be_in_use_once_the_consumer_that_was_made_of_them_has_taken_over() {
        let (settings, wanted) = (offline(), Wanted::default());
        let connection = Connection::open(&settings, &Wake::default()).unwrap();
        let sink = Arc::new(KafkaSink::new(&settings).unwrap());
        let mut keeper = keeper(&settings, &wanted, &connection, &sink);
        let mut is_untold = |file| {
            keeper.untold.extend(file);
            keeper.tell();
            !keeper.untold.is_empty()
        };
        assert!(!is_untold(Some("kafka.security.password_file")), "in place");
        wanted.ask(settings);
        assert!(is_untold(Some("kafka.security.key_file")));
        let _made_of = wanted.take(Instant::now());
        assert!(is_untold(None), "it has not taken over");
        wanted.done();
        assert!(!is_untold(None));
    }

    #[test]
    fn a_password_that_changes_while_another_consumer_is_about_to_take_over_reaches_that_too() {
        let (settings, wanted) = (with_password("first"), Wanted::default());
        let connection = Connection::open(&settings, &Wake::default()).unwrap();
        let sink = Arc::new(KafkaSink::new(&settings).unwrap());
        let keeper = keeper(&settings, &wanted, &connection, &sink);
        let password = Means { password: true, ..Means::default() };
        let give = |means, password| drop(keeper.give(means, with_password(password)).unwrap());

        give(password, "second");
        assert_eq!(wants(&wanted), None, "in place");
        give(Means { clients: true, ..Means::default() }, "second");
        assert_eq!(wants(&wanted).as_deref(), Some("second"));
        give(password, "third");
        assert_eq!(wants(&wanted).as_deref(), Some("third"), "it was being made of the second");
        wanted.done();
        give(password, "fourth");
        assert_eq!(wants(&wanted), None);
    }
}
