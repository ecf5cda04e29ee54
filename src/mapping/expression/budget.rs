//! What one evaluation may cost: steps, bytes made, stack used. A mapping is written by the user, and a slip in it
//! (endless recursion, `[range(1e12)]`) must cost one field, not the process (promise 4).
//!
//! jaq has no hook for this, so the hooks are ours: every term that is evaluated asks for its look-up table
//! ([`super::engine`]), and every value that is copied, built or compared is a [`super::value::Bounded`]. Both spend
//! from here. There is no way to return an error from those places, so a spent budget unwinds to [`within`]. The
//! unwinding is silent (no panic hook) and jaq's own `try` cannot stop it.
//!
//! Not covered exactly: what one call into a library costs beyond its price here. The price of a regular expression is
//! an estimate of its compiled size ([`super::regex_price`]); the regex crate's own limit, 10 MiB, stands behind it.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Once;

/// Terms evaluated and values touched. A step costs some 20 to 100 ns, so this is at most about 20 ms. On top come
/// steps for the size of the document, so that an honest mapping of a large one gets through.
const MAX_STEPS: usize = 200_000;
/// All evaluations of one record together: a split makes thousands of them, of which a hostile mapping may make each as
/// dear as it can be. On top come steps for the size of the record.
const MAX_STEPS_OF_RECORD: usize = 10_000_000;
const STEPS_OF_RECORD_FOR_A_BYTE: usize = 8;
/// Bytes of document for one more step.
const BYTES_FOR_A_STEP: usize = 16;
/// Bytes of text and of array and object slots made by one evaluation; on top comes a multiple of the document's size.
const MAX_BYTES: usize = 8 << 20;
const BYTES_FOR_A_BYTE: usize = 4;
/// Stack used below [`within`]; the smallest stack that we run on is a tokio worker's 2 MiB.
const MAX_STACK: usize = 384 << 10;
/// How deep arrays and objects may nest in a value that an evaluation makes.
pub(super) const MAX_DEPTH: u16 = 512;
/// How long an integer may become.
pub(super) const MAX_INTEGER_BITS: u64 = 4096;

thread_local! {
    static BUDGET: Budget = const {
        Budget { steps: Cell::new(0), bytes: Cell::new(0), floor: Cell::new(0), of_record: Cell::new(usize::MAX) }
    };
}

struct Budget {
    steps: Cell<usize>,
    bytes: Cell<usize>,
    /// The lowest address that the stack may reach; 0 outside an evaluation.
    floor: Cell<usize>,
    /// Steps left for the record; all there are where nobody counts.
    of_record: Cell<usize>,
}

/// What an evaluation ran out of.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub(super) enum Spent {
    #[error("it takes too many steps (about {MAX_STEPS} are allowed)")]
    Steps,
    #[error("the expressions of this record take too many steps together")]
    Record,
    #[error("it makes too much data (about {} MiB are allowed)", MAX_BYTES >> 20)]
    Bytes,
    #[error("it recurses too deeply")]
    Stack,
    #[error("it makes a value nested more than {MAX_DEPTH} deep")]
    Depth,
    #[error("it makes an integer of more than {MAX_INTEGER_BITS} bits")]
    Integer,
    #[error("the expression engine failed on it")]
    Engine,
}

/// A panic of a library inside an evaluation is one field's fault, told like any other. The process' panic hook would
/// write a line for each record, and what libraries put into their panics may be content (promise 7).
fn silence_panics_inside() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let outside = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            if BUDGET.try_with(|b| b.floor.get()).unwrap_or_default() == 0 {
                outside(panic);
            }
        }));
    });
}

/// Runs `work` with a fresh budget for a document of so many bytes. Not to be nested.
pub(super) fn within<T>(document_bytes: usize, work: impl FnOnce() -> T) -> Result<T, Spent> {
    silence_panics_inside();
    let steps = MAX_STEPS + document_bytes / BYTES_FOR_A_STEP;
    if BUDGET.with(|b| b.of_record.get()) == 0 {
        return Err(Spent::Record);
    }
    BUDGET.with(|b| {
        b.steps.set(steps);
        b.bytes.set(MAX_BYTES + document_bytes.saturating_mul(BYTES_FOR_A_BYTE));
        b.floor.set(stack_position().saturating_sub(MAX_STACK).max(1));
    });
    let result = catch_unwind(AssertUnwindSafe(work));
    BUDGET.with(|b| {
        b.floor.set(0);
        if b.of_record.get() != usize::MAX {
            b.of_record.set(b.of_record.get().saturating_sub(steps - b.steps.get()));
        }
    });
    result.map_err(|cause| cause.downcast_ref().copied().unwrap_or(Spent::Engine))
}

/// Runs all that one record of so many bytes asks for, within a budget of its own.
pub(crate) fn within_record<T>(record_bytes: usize, work: impl FnOnce() -> T) -> T {
    let steps = MAX_STEPS_OF_RECORD.saturating_add(record_bytes.saturating_mul(STEPS_OF_RECORD_FOR_A_BYTE));
    BUDGET.with(|b| b.of_record.set(steps));
    let result = work();
    BUDGET.with(|b| b.of_record.set(usize::MAX));
    result
}

/// As [`within`], without what it costs being counted for the record.
pub(super) fn beside_record<T>(document_bytes: usize, work: impl FnOnce() -> T) -> Result<T, Spent> {
    let left = BUDGET.with(|b| b.of_record.replace(usize::MAX));
    let result = within(document_bytes, work);
    BUDGET.with(|b| b.of_record.set(left));
    result
}

/// Spends steps; also the place where the stack is looked at.
pub(super) fn spend_steps(n: usize) {
    BUDGET.with(|b| {
        let floor = b.floor.get();
        if floor == 0 {
            return;
        }
        match b.steps.get().checked_sub(n) {
            Some(left) => b.steps.set(left),
            None => {
                b.steps.set(0);
                stop(Spent::Steps)
            }
        }
        if stack_position() < floor {
            stop(Spent::Stack);
        }
    });
}

/// Spends steps of the record's, and none of the evaluation's.
pub(super) fn spend_of_record(n: usize) {
    BUDGET.with(|b| {
        let left = b.of_record.get();
        if left == usize::MAX {
            return;
        }
        b.of_record.set(left.saturating_sub(n));
        if left <= n && b.floor.get() != 0 {
            stop(Spent::Record);
        }
    });
}

/// Spends bytes that are about to be made.
pub(in crate::mapping) fn spend_bytes(n: usize) {
    BUDGET.with(|b| {
        if b.floor.get() == 0 {
            return;
        }
        match b.bytes.get().checked_sub(n) {
            Some(left) => b.bytes.set(left),
            None => stop(Spent::Bytes),
        }
    });
}

/// Ends the evaluation.
pub(super) fn stop(why: Spent) -> ! {
    resume_unwind(Box::new(why))
}

/// Roughly where the stack pointer is. Stacks grow down on every platform that we build for.
#[inline(never)]
fn stack_position() -> usize {
    let here = 0_u8;
    std::ptr::from_ref(&here).addr()
}
