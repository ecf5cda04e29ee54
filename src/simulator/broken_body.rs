//! A body that ends in the middle: its length is announced, its first half sent, then the connection closes.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Body, Frame};

/// Half an answer.
#[derive(Debug)]
pub(super) struct BrokenBody {
    half: Option<Bytes>,
    flushed: bool,
}

impl BrokenBody {
    pub(super) const fn new(half: Bytes) -> Self {
        Self { half: Some(half), flushed: false }
    }
}

impl Body for BrokenBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        if let Some(half) = self.half.take() {
            return Poll::Ready(Some(Ok(Frame::data(half))));
        }
        if !self.flushed {
            // hyper flushes what it has when the body is not ready; without this the error would come before.
            self.flushed = true;
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(Some(Err(io::Error::other("simulated: half an answer"))))
    }
}
