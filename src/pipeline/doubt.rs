//! What is not known of a delivery: whether a workflow runs for it already. Serves promise 3.

use std::time::Instant;

use crate::domain::FailureClass;
use crate::ports::ApiFailure;

/// Whether what failed so may have been begun all the same.
///
/// Beside answers that are ambiguous by their class these are the gateway's 502 and 504: it had passed the request on,
/// and the service behind it gave no proper answer, or none in time.
pub(super) fn leaves_doubt(failure: &ApiFailure) -> bool {
    match failure.class {
        FailureClass::Ambiguous => true,
        FailureClass::Transient => matches!(failure.http_status, Some(502 | 504)),
        _ => false,
    }
}

/// A delivery's doubt. The default: none, nothing was sent.
#[derive(Debug, Default)]
pub(super) struct Doubt {
    /// An attempt may have started the workflow, or created the alert; the partition's marks count it.
    pub(super) is_open: bool,
    /// Of an earlier attempt it was not learnt, and never will be.
    pub(super) is_unclear: bool,
    /// There was a doubt once: a refusal may say that the instance exists.
    pub(super) was_there: bool,
    /// The alert was created first. Whoever comes next has to know, whatever becomes of the workflow: the marks go on to
    /// count it.
    pub(super) is_alert_there: bool,
    /// The look-up that comes before anything else.
    pub(super) next: Option<LookUp>,
    /// How many look-ups were refused while everything may have been.
    pub(super) refused: u32,
    /// How many look-ups have failed.
    pub(super) failed: u32,
    /// How many of them, one after another, while other deliveries got through.
    pub(super) failed_alone: u32,
    /// When the latest look-up left.
    pub(super) last: Option<Instant>,
}

impl Doubt {
    /// Whether a look-up is to say first whether a workflow runs. Of what never will be learnt, none is.
    pub(super) const fn awaits_look_up(&self) -> bool {
        self.next.is_some() || self.is_open && !self.is_unclear && !self.is_alert_there
    }
}

/// A look-up that is to be made.
#[derive(Clone, Debug)]
pub(super) struct LookUp {
    /// No sooner: until then the request can be under way.
    pub(super) not_before: Instant,
    pub(super) because: Because,
    pub(super) of: Subject,
}

/// What is looked up.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Subject {
    Instance,
    /// The alert that comes before it.
    Alert,
}

/// Why something is looked up, and so what its absence leads to.
#[derive(Clone, Debug)]
pub(super) enum Because {
    /// An earlier owner may have sent it: sent now.
    Suspected,
    /// The answer did not come, or confirmed nothing, or was a gateway's: sent again, as after any failure on the way.
    Ambiguous { failure: ApiFailure, was_charged: bool },
    /// It was refused, perhaps because it is there already: dead-lettered for what the refusal said.
    Refused(ApiFailure),
}
