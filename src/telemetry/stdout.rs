//! Standard output for log lines: whole lines, and none lost.
//!
//! A line is written before the call returns, or before [`LinesTogether`] ends, so an outcome's line is out before its
//! offset can be committed. A reader that stands still therefore holds the bridge; it does not cost a line.

use std::borrow::Cow;
use std::cell::RefCell;
use std::io::{self, ErrorKind, Write};
use std::marker::PhantomData;
use std::thread;
use std::time::Duration;

use super::json::LineSink;

/// How long to wait for a full pipe that was made non-blocking by whoever shares it with us.
const FULL_PIPE_WAIT: Duration = Duration::from_millis(5);

/// As much as waits to be written together.
const TOGETHER: usize = 64 << 10;

thread_local! {
    /// The lines of this thread that are to be written together, while they are.
    static WAITING: RefCell<Option<Vec<u8>>> = const { RefCell::new(None) };
}

/// While it lives, the lines of this thread wait to be written in one call: at its end, or sooner where they are many.
/// A panic ends it like any return. It stays on its thread, so it cannot live through an `await` of a task that moves.
#[derive(Debug)]
pub(crate) struct LinesTogether {
    is_outermost: bool,
    _stays_on_its_thread: PhantomData<*const ()>,
}

impl LinesTogether {
    /// Begins to collect.
    pub(crate) fn begin() -> Self {
        let is_outermost = WAITING.with_borrow_mut(|waiting| {
            let is_outermost = waiting.is_none();
            let _lines = waiting.get_or_insert_default();
            is_outermost
        });
        Self { is_outermost, _stays_on_its_thread: PhantomData }
    }
}

impl Drop for LinesTogether {
    fn drop(&mut self) {
        if self.is_outermost
            && let Some(lines) = WAITING.take()
        {
            write_out(&lines);
        }
    }
}

/// Writes whole lines to standard output.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stdout;

impl LineSink for Stdout {
    fn write_line(&self, line: &[u8]) {
        let due = WAITING.with_borrow_mut(|waiting| match waiting {
            None => Cow::Borrowed(line),
            Some(lines) => {
                lines.extend_from_slice(line);
                let due = if lines.len() < TOGETHER { Vec::new() } else { std::mem::take(lines) };
                Cow::Owned(due)
            }
        });
        write_out(&due);
    }
}

fn write_out(lines: &[u8]) {
    // The lock keeps lines apart. A standard output that is closed has no reader to tell of it.
    drop(write_whole(&mut io::stdout().lock(), lines, || thread::park_timeout(FULL_PIPE_WAIT)));
}

/// Writes all of it, through interruptions and full non-blocking pipes.
fn write_whole(writer: &mut impl Write, mut rest: &[u8], wait: impl Fn()) -> io::Result<()> {
    while !rest.is_empty() {
        match writer.write(rest) {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(written) => rest = rest.get(written..).unwrap_or_default(),
            Err(error) => retry(error, &wait)?,
        }
    }
    while let Err(error) = writer.flush() {
        retry(error, &wait)?;
    }
    Ok(())
}

/// Waits where waiting helps; gives back any other error.
fn retry(error: io::Error, wait: &impl Fn()) -> io::Result<()> {
    match error.kind() {
        ErrorKind::Interrupted => Ok(()),
        ErrorKind::WouldBlock => {
            wait();
            Ok(())
        }
        _ => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use std::io::{self, ErrorKind, Write};

    use super::{LinesTogether, WAITING, write_whole};

    #[test]
    fn lines_wait_for_the_outermost_end_also_when_that_is_a_panic() {
        let is_waiting = || WAITING.with_borrow(Option::is_some);
        let panicked = std::panic::catch_unwind(|| {
            let _outer = LinesTogether::begin();
            drop(LinesTogether::begin());
            assert!(WAITING.with_borrow(Option::is_some), "the inner one ends nothing");
            std::panic::panic_any("a bug");
        });
        assert!(panicked.is_err() && !is_waiting());
    }

    /// A pipe that takes three bytes at a time and is full every other time.
    #[derive(Default)]
    struct Slow {
        taken: Vec<u8>,
        full: bool,
    }

    impl Write for Slow {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.full = !self.full;
            if self.full {
                return Err(ErrorKind::WouldBlock.into());
            }
            let taken = bytes.len().min(3);
            self.taken.extend_from_slice(&bytes[..taken]);
            Ok(taken)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_full_pipe_delays_a_line_and_loses_none_of_it() {
        let mut pipe = Slow::default();
        write_whole(&mut pipe, b"{\"event\":\"alert.delivered\"}\n", || {}).unwrap();
        assert_eq!(pipe.taken, b"{\"event\":\"alert.delivered\"}\n");
    }

    #[test]
    fn a_closed_standard_output_is_given_up() {
        struct Closed;
        impl Write for Closed {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(ErrorKind::BrokenPipe.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        assert_eq!(write_whole(&mut Closed, b"x", || {}).unwrap_err().kind(), ErrorKind::BrokenPipe);
    }
}
