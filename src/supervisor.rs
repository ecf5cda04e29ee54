//! Named tasks, signals, drain: what runs, what ends it, and how the end is told.
//!
//! Every long-lived task is spawned here. One that ends unasked takes the others with it in good order: a process that
//! runs half is worse than one that Kubernetes restarts.

use std::future::Future;
use std::io;
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

/// Signals that come together are one request: some senders signal a process and its group.
const ONE_REQUEST: Duration = Duration::from_millis(500);

/// Any task's error.
type TaskError = Box<dyn std::error::Error + Send + Sync>;

/// Why the process stopped.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Stop {
    /// It was asked to and everything has ended in good order.
    Clean,
    /// It was asked a second time and did not wait.
    Forced,
}

/// Why the process stopped unasked.
#[derive(Debug, thiserror::Error)]
pub enum SupervisorError {
    /// Signals cannot be received.
    #[error("signals cannot be received: {0}")]
    Signals(#[from] io::Error),
    /// A task failed.
    #[error("{task} failed")]
    Failed {
        /// The task's name.
        task: &'static str,
        /// Its error.
        source: TaskError,
    },
    /// A task ended although nobody asked it to.
    #[error("{task} ended unasked")]
    Ended {
        /// The task's name.
        task: &'static str,
    },
    /// A task panicked.
    #[error("a task panicked: {0}")]
    Panicked(tokio::task::JoinError),
    /// Tasks did not end within the grace period.
    #[error("tasks were still running {0:?} after the shutdown began")]
    Overdue(Duration),
}

type TaskEnd = (&'static str, Result<(), TaskError>);

/// Owns the process's tasks.
#[derive(Debug, Default)]
pub struct Supervisor {
    tasks: JoinSet<TaskEnd>,
    shutdown: CancellationToken,
    /// What outlives the tasks.
    companions: JoinSet<TaskEnd>,
    all_done: CancellationToken,
}

impl Supervisor {
    /// Cancelled when the shutdown begins; every task but the companions listens to it.
    #[must_use]
    pub fn shutdown(&self) -> CancellationToken {
        self.shutdown.clone()
    }

    /// Cancelled when all tasks have ended; companions listen to it.
    #[must_use]
    pub fn all_done(&self) -> CancellationToken {
        self.all_done.clone()
    }

    /// Starts a task that ends only when the shutdown begins.
    pub fn spawn<E>(&mut self, name: &'static str, task: impl Future<Output = Result<(), E>> + Send + 'static)
    where
        E: Into<TaskError>,
    {
        let task = async move { (name, task.await.map_err(Into::into)) };
        let _handle = self.tasks.spawn(task);
    }

    /// Starts a task that goes on through the drain and ends only when all others have.
    pub fn spawn_companion<E>(&mut self, name: &'static str, task: impl Future<Output = Result<(), E>> + Send + 'static)
    where
        E: Into<TaskError>,
    {
        let task = async move { (name, task.await.map_err(Into::into)) };
        let _handle = self.companions.spawn(task);
    }

    /// Runs until SIGTERM or SIGINT, or until a task ends; then waits for the others, `grace` at most. A second signal
    /// ends it at once.
    ///
    /// # Errors
    /// What ended unasked, or did not end.
    pub async fn run(mut self, grace: Duration) -> Result<Stop, SupervisorError> {
        // Every arm is cancel safe; a task that ended while a signal came is seen by the drain below.
        let unasked = tokio::select! {
            asked = next_signal() => asked.map(|()| None)?,
            Some(end) = self.tasks.join_next() => Some(failure_of(end, false)),
            Some(end) = self.companions.join_next() => Some(failure_of(end, false)),
        };
        self.shutdown.cancel();
        let insisted = async {
            sleep(ONE_REQUEST).await;
            next_signal().await
        };
        tokio::select! {
            insisted = insisted => insisted.map(|()| Stop::Forced).map_err(SupervisorError::Signals),
            drained = timeout(grace, self.drain()) => {
                let drained = drained.unwrap_or(Err(SupervisorError::Overdue(grace)));
                match unasked.flatten() {
                    Some(first) => Err(first),
                    None => drained.map(|()| Stop::Clean),
                }
            }
        }
    }

    async fn drain(&mut self) -> Result<(), SupervisorError> {
        let mut first = None;
        while let Some(end) = self.tasks.join_next().await {
            first = first.or_else(|| failure_of(end, true));
        }
        self.all_done.cancel();
        while let Some(end) = self.companions.join_next().await {
            first = first.or_else(|| failure_of(end, true));
        }
        first.map_or(Ok(()), Err)
    }
}

/// Waits for SIGTERM or SIGINT.
async fn next_signal() -> io::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::select! {
        _ = terminate.recv() => Ok(()),
        _ = interrupt.recv() => Ok(()),
    }
}

fn failure_of(end: Result<TaskEnd, tokio::task::JoinError>, asked: bool) -> Option<SupervisorError> {
    match end {
        Err(panic) => Some(SupervisorError::Panicked(panic)),
        Ok((task, Err(source))) => Some(SupervisorError::Failed { task, source }),
        Ok((task, Ok(()))) => (!asked).then_some(SupervisorError::Ended { task }),
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::time::Duration;

    use super::{Supervisor, SupervisorError};

    const GRACE: Duration = Duration::from_secs(30);

    #[tokio::test(start_paused = true)]
    async fn a_task_that_fails_ends_the_others_and_is_named() {
        let mut supervisor = Supervisor::default();
        let shutdown = supervisor.shutdown();
        supervisor.spawn("server", async move {
            shutdown.cancelled().await;
            Ok::<(), io::Error>(())
        });
        supervisor.spawn("pipeline", async { Err(io::Error::other("no broker")) });
        let error = supervisor.run(GRACE).await.unwrap_err();
        assert!(matches!(error, SupervisorError::Failed { task: "pipeline", .. }), "{error}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_companion_goes_on_until_the_last_task_has_drained() {
        let mut supervisor = Supervisor::default();
        let (shutdown, all_done, seen) = (supervisor.shutdown(), supervisor.all_done(), supervisor.all_done());
        supervisor.spawn_companion("server", async move {
            all_done.cancelled().await;
            Ok::<(), io::Error>(())
        });
        let (told, let_go_early) = tokio::sync::oneshot::channel();
        supervisor.spawn("pipeline", async move {
            shutdown.cancelled().await;
            tokio::time::sleep(Duration::from_secs(5)).await;
            told.send(seen.is_cancelled()).map_err(|_| io::Error::other("nobody listens"))
        });
        supervisor.spawn("broken", async { Ok::<(), io::Error>(()) });
        assert!(matches!(supervisor.run(GRACE).await, Err(SupervisorError::Ended { task: "broken" })));
        assert!(!let_go_early.await.unwrap());
    }

    #[tokio::test(start_paused = true)]
    async fn a_task_that_ends_or_panics_unasked_is_a_failure() {
        let mut supervisor = Supervisor::default();
        supervisor.spawn("pipeline", async { Ok::<(), io::Error>(()) });
        assert!(matches!(supervisor.run(GRACE).await, Err(SupervisorError::Ended { task: "pipeline" })));

        let mut supervisor = Supervisor::default();
        supervisor.spawn::<io::Error>("pipeline", async { panic!("a bug") });
        assert!(matches!(supervisor.run(GRACE).await, Err(SupervisorError::Panicked(_))));
    }

    #[tokio::test(start_paused = true)]
    async fn a_task_that_does_not_end_is_not_waited_for_longer_than_the_grace_period() {
        let mut supervisor = Supervisor::default();
        supervisor.spawn("stuck", std::future::pending::<Result<(), io::Error>>());
        supervisor.shutdown().cancel();
        supervisor.spawn("done", async { Ok::<(), io::Error>(()) });
        assert!(supervisor.run(GRACE).await.is_err());
    }
}
