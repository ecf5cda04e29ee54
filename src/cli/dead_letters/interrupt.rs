//! SIGINT and SIGTERM, heard between two transactions.

use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use anyhow::Context as _;
use tokio::signal::unix::{SignalKind, signal};

/// Hears signals from its making on; they do not end the process any more.
#[derive(Debug)]
pub(super) struct Interrupt {
    heard: Receiver<()>,
}

impl Interrupt {
    /// Listens on a thread of its own.
    ///
    /// # Errors
    ///
    /// The system gives no thread or no handler.
    pub(super) fn listen() -> anyhow::Result<Self> {
        let (hear, heard) = channel();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().context("no runtime")?;
        let guard = runtime.enter();
        let mut interrupt = signal(SignalKind::interrupt()).context("no handler for SIGINT")?;
        let mut terminate = signal(SignalKind::terminate()).context("no handler for SIGTERM")?;
        drop(guard);
        let listen = move || {
            runtime.block_on(async {
                let _signal = tokio::select! { s = interrupt.recv() => s, s = terminate.recv() => s };
            });
            // Nobody waits any more once the work is done.
            let _done = hear.send(());
        };
        let _detached = thread::Builder::new().name("signals".to_owned()).spawn(listen).context("no thread")?;
        Ok(Self { heard })
    }

    /// Waits; true if a signal came before or meanwhile.
    pub(super) fn within(&self, wait: Duration) -> bool {
        !matches!(self.heard.recv_timeout(wait), Err(RecvTimeoutError::Timeout))
    }
}
