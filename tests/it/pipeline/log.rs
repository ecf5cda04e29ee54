//! The log lines that a test's own thread writes, at every level.

use std::cell::RefCell;
use std::fmt::Debug;
use std::sync::Once;

use serde_json::{Map, Value};
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::{Context, SubscriberExt};

thread_local! {
    static LINES: RefCell<Option<Vec<Value>>> = const { RefCell::new(None) };
}

/// Collects from now on; the tasks of a paused runtime are on the test's thread.
pub(super) fn collect() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        tracing::subscriber::set_global_default(tracing_subscriber::registry().with(OfThisThread)).unwrap();
    });
    LINES.set(Some(Vec::new()));
}

/// The lines so far, each as one flat object.
pub(super) fn lines() -> Vec<Value> {
    LINES.with_borrow(|lines| lines.clone().unwrap())
}

struct OfThisThread;

impl<S: Subscriber> Layer<S> for OfThisThread {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        LINES.with_borrow_mut(|lines| {
            let Some(lines) = lines else { return };
            let mut fields = Fields(Map::new());
            event.record(&mut fields);
            fields.0.insert("level".to_owned(), event.metadata().level().as_str().into());
            lines.push(fields.0.into());
        });
    }
}

struct Fields(Map<String, Value>);

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0.insert(field.name().to_owned(), format!("{value:?}").into());
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name().to_owned(), value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.0.insert(field.name().to_owned(), value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.0.insert(field.name().to_owned(), value.into());
    }
}
