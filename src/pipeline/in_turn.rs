//! Waits for the first of several things, and asks another one first each time: answers must not hold back a
//! revocation, nor a full topic the answers. By turns and not by chance, so that a run can be repeated exactly.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::Poll;

use tokio::task::JoinError;

use super::letters::WriteDone;
use super::verify::CallDone;
use crate::ports::{GuardRequest, SourceEvent};

/// What the loop woke for.
#[derive(Debug)]
pub(super) enum Woken {
    Shutdown,
    Answered(Result<CallDone, JoinError>),
    Written(Result<WriteDone, JoinError>),
    Time,
    Tick,
    Asked(GuardRequest),
    Told(SourceEvent),
}

/// One thing that is waited for.
pub(super) type Arm<'a> = Pin<&'a mut (dyn Future<Output = Woken> + Send + 'a)>;

/// What the first arm to be ready says; of several the first in turn, beginning with number `turn`. Cancel safe if all
/// arms are.
pub(super) async fn first_ready(arms: &mut [Arm<'_>], turn: usize) -> Woken {
    let count = arms.len();
    poll_fn(|context| {
        for step in 0..count {
            if let Poll::Ready(woken) = arms[(turn + step) % count].as_mut().poll(context) {
                return Poll::Ready(woken);
            }
        }
        Poll::Pending
    })
    .await
}
