//! A fake service that remembers what it has started, in each of the ways in which it may take our ids.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::{Arc, Mutex};

use alertbridge::domain::{FailureClass, FailureReason, Found, Started};

use super::fakes::{Answer, Call, FakeApi, Listed, failed};

/// What our ids are taken for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Ids {
    Honour,
    Unique,
    Own,
}

/// What it has started.
#[derive(Debug)]
pub(super) struct Service {
    ids: Ids,
    /// How often, by the id that was asked for.
    runs: Mutex<BTreeMap<String, u32>>,
}

impl Service {
    pub(super) fn new(ids: Ids) -> Arc<Self> {
        Arc::new(Self { ids, runs: Mutex::default() })
    }

    /// Starts what is asked for, as CreateWorkflowInstance does.
    pub(super) fn start(&self, call: &Call) -> Answer {
        let requested = call.request.action_instance_id.clone().unwrap_or_default();
        let mut runs = self.runs.lock().unwrap();
        let count = runs.entry(requested.clone()).or_default();
        if self.ids == Ids::Unique && *count > 0 {
            return failed(FailureClass::Rejected, FailureReason::RequestRefused, Some(400));
        }
        *count += 1;
        let action_instance_id = if self.ids == Ids::Own { format!("own-{requested}-{count}") } else { requested };
        Ok(Started { action_instance_id, http_status: 200, request_id: None })
    }

    /// Says whether it has an instance of this id.
    pub(super) fn find(&self, id: &str) -> Listed {
        if self.ids == Ids::Own || !self.runs.lock().unwrap().contains_key(id) {
            return Ok(Found::Absent);
        }
        let started =
            Started { action_instance_id: id.to_owned(), http_status: 200, request_id: Some("look-up".to_owned()) };
        Ok(Found::Present { started, status: Some("RUNNING".to_owned()) })
    }

    /// Whether it has started what was asked for under this id.
    pub(super) fn has(&self, id: &str) -> bool {
        self.runs.lock().unwrap().contains_key(id)
    }

    /// How often each delivery was started.
    pub(super) fn runs(&self) -> Vec<u32> {
        self.runs.lock().unwrap().values().copied().collect()
    }

    /// An API in front of it: `script` decides what becomes of a create, looking up always works.
    pub(super) fn api<F, Fut>(self: &Arc<Self>, script: F) -> Arc<FakeApi>
    where
        F: Fn(Arc<Self>, Call) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Answer> + Send + 'static,
    {
        let (create, find) = (Arc::clone(self), Arc::clone(self));
        FakeApi::with_find(
            move |call| script(Arc::clone(&create), call),
            move |id| {
                let found = find.find(&id);
                async move { found }
            },
        )
    }
}

/// The request was sent and its answer never came.
pub(super) fn lost() -> Answer {
    failed(FailureClass::Ambiguous, FailureReason::ConnectionLost, None)
}
