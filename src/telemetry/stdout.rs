//! Standard output for log lines: whole lines, and none lost.
//!
//! A line is written before the call returns, so an outcome's line is out before its offset can be committed. A reader
//! that stands still therefore holds the bridge; it does not cost a line.

use std::io::{self, ErrorKind, Write};
use std::thread;
use std::time::Duration;

use tracing_subscriber::fmt::MakeWriter;

use super::json::LineSink;

/// How long to wait for a full pipe that was made non-blocking by whoever shares it with us.
const FULL_PIPE_WAIT: Duration = Duration::from_millis(5);

/// Writes whole lines to standard output.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stdout;

impl LineSink for Stdout {
    fn write_line(&self, line: &[u8]) {
        // The lock keeps lines apart. A standard output that is closed has no reader to tell of it.
        drop(write_whole(&mut io::stdout().lock(), line, || thread::park_timeout(FULL_PIPE_WAIT)));
    }
}

impl<'a> MakeWriter<'a> for Stdout {
    type Writer = LineWriter;

    fn make_writer(&'a self) -> Self::Writer {
        LineWriter
    }
}

/// Takes what the text format writes: one line in one call.
#[derive(Debug)]
pub(super) struct LineWriter;

impl Write for LineWriter {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        write_whole(&mut io::stdout().lock(), line, || thread::park_timeout(FULL_PIPE_WAIT))?;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
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

    use super::write_whole;

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
