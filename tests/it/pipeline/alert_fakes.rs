//! Alerts at the faked API: what is created, what is looked up, and a service that remembers both.

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};

use alertbridge::domain::{AlertRequest, Created, FailureClass, FailureReason, FoundAlert};
use alertbridge::ports::ApiFailure;
use tokio::time::Instant;

use super::fakes::failed;
use super::service::Ids;

pub(super) type Creation = Result<Created, ApiFailure>;
pub(super) type Shown = Result<FoundAlert, ApiFailure>;
type Boxed<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// A CreateAlert that arrived at the API.
#[derive(Clone, Debug)]
pub(super) struct AlertCall {
    pub(super) request: AlertRequest,
    pub(super) at: Instant,
}

/// The part of the faked API that is about alerts. Without a script it has a service of its own that honours ids.
pub(super) struct AlertDesk {
    create: Box<dyn Fn(AlertRequest) -> Boxed<Creation> + Send + Sync>,
    find: Box<dyn Fn(String) -> Boxed<Shown> + Send + Sync>,
    calls: Mutex<Vec<AlertCall>>,
    looked_up: Mutex<Vec<String>>,
}

impl Default for AlertDesk {
    fn default() -> Self {
        AlertService::new(Ids::Honour).desk(|service, request| async move { service.create(&request) })
    }
}

impl fmt::Debug for AlertDesk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AlertDesk").field("calls", &self.calls).finish_non_exhaustive()
    }
}

impl AlertDesk {
    pub(super) fn new<F, Fut, G, Gut>(create: F, find: G) -> Self
    where
        F: Fn(AlertRequest) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Creation> + Send + 'static,
        G: Fn(String) -> Gut + Send + Sync + 'static,
        Gut: Future<Output = Shown> + Send + 'static,
    {
        Self {
            create: Box::new(move |request| Box::pin(create(request))),
            find: Box::new(move |id| Box::pin(find(id))),
            calls: Mutex::default(),
            looked_up: Mutex::default(),
        }
    }

    pub(super) async fn create(&self, request: &AlertRequest) -> Creation {
        self.calls.lock().unwrap().push(AlertCall { request: request.clone(), at: Instant::now() });
        (self.create)(request.clone()).await
    }

    pub(super) async fn find(&self, alert_id: &str) -> Shown {
        self.looked_up.lock().unwrap().push(alert_id.to_owned());
        (self.find)(alert_id.to_owned()).await
    }

    /// The creations that were asked for.
    pub(super) fn calls(&self) -> Vec<AlertCall> {
        self.calls.lock().unwrap().clone()
    }

    /// The alerts that were looked up.
    pub(super) fn looked_up(&self) -> Vec<String> {
        self.looked_up.lock().unwrap().clone()
    }
}

/// A service that remembers what it has created, in each of the ways in which it may take our ids.
#[derive(Debug)]
pub(super) struct AlertService {
    ids: Ids,
    /// How often, by the id that was asked for.
    alerts: Mutex<BTreeMap<String, u32>>,
}

impl AlertService {
    pub(super) fn new(ids: Ids) -> Arc<Self> {
        Arc::new(Self { ids, alerts: Mutex::default() })
    }

    /// Creates what is asked for, as CreateAlert does.
    pub(super) fn create(&self, request: &AlertRequest) -> Creation {
        let mut alerts = self.alerts.lock().unwrap();
        let count = alerts.entry(request.alert_id.clone()).or_default();
        if self.ids == Ids::Unique && *count > 0 {
            return refused();
        }
        *count += 1;
        let alert_id = match self.ids {
            Ids::Own => format!("own-{}-{count}", request.alert_id),
            Ids::Honour | Ids::Unique => request.alert_id.clone(),
        };
        Ok(Created { alert_id, http_status: 200, request_id: None })
    }

    /// Says whether it has an alert of this id.
    pub(super) fn find(&self, id: &str) -> Shown {
        if self.ids == Ids::Own || !self.alerts.lock().unwrap().contains_key(id) {
            return Ok(FoundAlert::Absent);
        }
        Ok(FoundAlert::Present(Created { alert_id: id.to_owned(), http_status: 200, request_id: None }))
    }

    /// Whether it has an alert of this id, or of its own for it.
    pub(super) fn has(&self, id: &str) -> bool {
        self.alerts.lock().unwrap().contains_key(id)
    }

    /// How often each alert was created.
    pub(super) fn counts(&self) -> Vec<u32> {
        self.alerts.lock().unwrap().values().copied().collect()
    }

    /// A desk in front of it: `script` decides what becomes of a creation, looking up always works.
    pub(super) fn desk<F, Fut>(self: &Arc<Self>, script: F) -> AlertDesk
    where
        F: Fn(Arc<Self>, AlertRequest) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Creation> + Send + 'static,
    {
        let (create, find) = (Arc::clone(self), Arc::clone(self));
        AlertDesk::new(
            move |request| script(Arc::clone(&create), request),
            move |id| {
                let shown = find.find(&id);
                async move { shown }
            },
        )
    }
}

/// A failure of this kind.
pub(super) fn not_created(class: FailureClass, reason: FailureReason, http_status: Option<u16>) -> Creation {
    Err(failed(class, reason, http_status).unwrap_err())
}

/// The service will not have it.
pub(super) fn refused() -> Creation {
    not_created(FailureClass::Rejected, FailureReason::RequestRefused, Some(400))
}

/// The request was sent and its answer never came.
pub(super) fn lost() -> Creation {
    not_created(FailureClass::Ambiguous, FailureReason::ConnectionLost, None)
}
