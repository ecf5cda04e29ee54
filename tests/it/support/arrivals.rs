//! What the service has seen, request for request, and what the shows read from it.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use alertbridge::simulator::Arrival;
use serde::Deserialize;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::time::Instant;

use super::world::Written;

/// A request that came.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) at: Instant,
    /// The instance id that it asks for.
    pub(crate) instance: String,
    /// The alert's id.
    pub(crate) alert: String,
}

/// All requests that came, oldest first.
#[derive(Clone, Debug, Default)]
pub(crate) struct Arrivals(Arc<Mutex<Vec<Seen>>>);

impl Arrivals {
    /// An observer for a simulator, and what it gathers.
    pub(crate) fn observe() -> (UnboundedSender<Arrival>, Self) {
        let (observer, mut told) = unbounded_channel::<Arrival>();
        let arrivals = Self::default();
        let gathered = arrivals.clone();
        #[expect(clippy::disallowed_methods, reason = "it ends with the simulator, which holds the sender")]
        let _task = tokio::spawn(async move {
            while let Some(arrival) = told.recv().await {
                gathered.0.lock().unwrap().extend(read(&arrival));
            }
        });
        (observer, arrivals)
    }

    /// All of them.
    pub(crate) fn all(&self) -> Vec<Seen> {
        self.0.lock().unwrap().clone()
    }

    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.0.lock().unwrap().len()
    }

    /// Those since a time.
    pub(crate) fn since(&self, time: Instant) -> Vec<Seen> {
        self.0.lock().unwrap().iter().filter(|seen| seen.at >= time).cloned().collect()
    }

    /// The first request for each alert.
    pub(crate) fn first_of_each(&self) -> HashMap<String, Instant> {
        let mut first = HashMap::new();
        for seen in &*self.0.lock().unwrap() {
            first.entry(seen.alert.clone()).or_insert(seen.at);
        }
        first
    }

    /// Asserts that the first requests for the alerts of each key came in the order of their offsets, and says for how
    /// many keys that was seen. Repeats may come at any time: they follow their first.
    pub(crate) fn assert_keys_in_order(&self, written: &[Written]) -> usize {
        let places: HashMap<&str, (&str, i32, i64)> = written
            .iter()
            .filter_map(|record| {
                let place = (record.key.as_deref()?, record.partition.partition, record.offset.0);
                Some((record.alert()?, place))
            })
            .collect();
        let mut newest: HashMap<(&str, i32), i64> = HashMap::new();
        let mut met = HashSet::new();
        for seen in self.all() {
            let Some(&(key, partition, offset)) = places.get(seen.alert.as_str()) else { continue };
            if met.insert((partition, offset)) {
                let before = newest.insert((key, partition), offset);
                assert!(before < Some(offset), "{key}: offset {offset} came after {before:?}");
            }
        }
        newest.len()
    }
}

/// The most requests in any window of this length.
pub(crate) fn fullest(seen: &[Seen], window: Duration) -> usize {
    let mut times: Vec<Instant> = seen.iter().map(|seen| seen.at).collect();
    times.sort();
    let mut first = 0;
    let mut most = 0;
    for (last, at) in times.iter().enumerate() {
        while *at - times[first] >= window {
            first += 1;
        }
        most = most.max(last + 1 - first);
    }
    most
}

/// The longest time without a request, between the first and the last.
pub(crate) fn longest_silence(seen: &[Seen]) -> Duration {
    seen.windows(2).map(|pair| pair[1].at.saturating_duration_since(pair[0].at)).max().unwrap_or_default()
}

/// A request's ids; nothing where it is not one of the bridge's.
fn read(arrival: &Arrival) -> Option<Seen> {
    #[derive(Deserialize)]
    struct Body {
        action_instance_id: Option<String>,
        playbook_context: Context,
    }
    #[derive(Deserialize)]
    struct Context {
        data_object: DataObject,
    }
    #[derive(Deserialize)]
    struct DataObject {
        content: Content,
    }
    #[derive(Deserialize)]
    struct Content {
        id: String,
    }
    let body: Body = serde_json::from_slice(&arrival.body).ok()?;
    Some(Seen {
        at: arrival.at,
        instance: body.action_instance_id.unwrap_or_default(),
        alert: body.playbook_context.data_object.content.id,
    })
}
