//! Which failure class an answer has: the service's code first, then the status; the configuration over both.
//!
//! docs/failure-classes.md shows the tables. Every status has a row. Sources: SecMaster's and the gateway's
//! error-code pages, and the statuses that the vendor's Terraform provider expects.

use crate::domain::{FailureClass, FailureReason};

/// A row of `delivery.failure_classes`: answers that fit every given part have this class.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct FailureOverride {
    /// The HTTP status; none fits all.
    pub status: Option<u16>,
    /// The service's code; none fits all.
    pub code: Option<String>,
    /// The class.
    pub class: FailureClass,
}

/// Classifies answers.
#[derive(Clone, Debug, Default)]
pub struct Classifier {
    overrides: Vec<FailureOverride>,
}

impl Classifier {
    /// With these rows before the built-in ones; the first that fits wins.
    #[must_use]
    pub const fn new(overrides: Vec<FailureOverride>) -> Self {
        Self { overrides }
    }

    /// The class of an answer that is no success.
    #[must_use]
    pub fn refusal(&self, status: u16, code: Option<&str>) -> (FailureClass, FailureReason) {
        let built_in = code.and_then(by_code).unwrap_or_else(|| by_status(status, code));
        self.overridden(status, code, built_in)
    }

    /// The class of a 2xx that is JSON but does not confirm a start: something may have begun, unless its code says
    /// what is wrong.
    #[must_use]
    pub fn unconfirmed(&self, status: u16, code: Option<&str>) -> (FailureClass, FailureReason) {
        let built_in = code.and_then(by_code).unwrap_or((FailureClass::Ambiguous, FailureReason::NoInstanceId));
        self.overridden(status, code, built_in)
    }

    /// The class of a 2xx that is not JSON: what answered is not the API.
    #[must_use]
    pub fn not_the_api(&self, status: u16) -> (FailureClass, FailureReason) {
        self.overridden(status, None, (FailureClass::Target, FailureReason::NotTheApi))
    }

    fn overridden(
        &self,
        status: u16,
        code: Option<&str>,
        (class, reason): (FailureClass, FailureReason),
    ) -> (FailureClass, FailureReason) {
        let fits = |row: &&FailureOverride| {
            row.status.is_none_or(|s| s == status) && row.code.as_deref().is_none_or(|c| Some(c) == code)
        };
        (self.overrides.iter().find(fits).map_or(class, |row| row.class), reason)
    }
}

/// Codes that say more than the status they come with.
fn by_code(code: &str) -> Option<(FailureClass, FailureReason)> {
    // The gateway's numbers come under three prefixes, by its kind and age.
    if let Some((prefix, number)) = code.split_once('.')
        && matches!(prefix, "APIGW" | "APIG" | "APIC")
    {
        return (number == "0308").then_some((FailureClass::Throttled, FailureReason::QuotaExceeded));
    }
    match code {
        "SecMaster.11181002" => Some((FailureClass::Transient, FailureReason::UpgradeInProgress)),
        // Workspace unknown (twice), workflow version unknown, workflow unknown, workflow disabled.
        "SecMaster.20010001" | "SecMaster.20041001" | "SecMaster.20040605" | "SecMaster.20040611"
        | "SecMaster.20048028" => Some((FailureClass::Target, FailureReason::TargetNotFound)),
        _ => None,
    }
}

fn by_status(status: u16, code: Option<&str>) -> (FailureClass, FailureReason) {
    match status {
        401 => (FailureClass::Credentials, FailureReason::CredentialsRefused),
        // With a code of its own the service has judged the request; without one the gateway has judged the caller.
        403 if !code.is_some_and(|c| c.starts_with("SecMaster.")) => {
            (FailureClass::Credentials, FailureReason::CredentialsRefused)
        }
        404 => (FailureClass::Target, FailureReason::TargetNotFound),
        408 => (FailureClass::Transient, FailureReason::ServerTimeout),
        413 => (FailureClass::Rejected, FailureReason::RequestTooLarge),
        429 => (FailureClass::Throttled, FailureReason::QuotaExceeded),
        400..=499 => (FailureClass::Rejected, FailureReason::RequestRefused),
        500..=599 => (FailureClass::Transient, FailureReason::ServerError),
        // 3xx (redirects are not followed), and what HTTP does not know.
        _ => (FailureClass::Target, FailureReason::NotTheApi),
    }
}

#[cfg(test)]
mod tests {
    use super::{Classifier, FailureOverride};
    use crate::domain::FailureClass::{Ambiguous, Credentials, Rejected, Target, Throttled, Transient};
    use crate::domain::FailureReason as Why;

    #[test]
    fn each_row_of_the_table_holds() {
        let rows = [
            (301, None, Target, Why::NotTheApi),
            (302, None, Target, Why::NotTheApi),
            (304, None, Target, Why::NotTheApi),
            (400, None, Rejected, Why::RequestRefused),
            (400, Some("SecMaster.20030001"), Rejected, Why::RequestRefused),
            (400, Some("APIGW.0106"), Rejected, Why::RequestRefused),
            (400, Some("SecMaster.20040605"), Target, Why::TargetNotFound),
            (400, Some("SecMaster.20040611"), Target, Why::TargetNotFound),
            (400, Some("SecMaster.20041001"), Target, Why::TargetNotFound),
            (400, Some("SecMaster.20048028"), Target, Why::TargetNotFound),
            (400, Some("SecMaster.11181002"), Transient, Why::UpgradeInProgress),
            (401, None, Credentials, Why::CredentialsRefused),
            (401, Some("APIGW.0301"), Credentials, Why::CredentialsRefused),
            (401, Some("APIGW.0307"), Credentials, Why::CredentialsRefused),
            (403, None, Credentials, Why::CredentialsRefused),
            (403, Some("APIGW.0302"), Credentials, Why::CredentialsRefused),
            (403, Some("SecMaster.20010001"), Target, Why::TargetNotFound),
            (403, Some("SecMaster.20030001"), Rejected, Why::RequestRefused),
            (404, None, Target, Why::TargetNotFound),
            (404, Some("APIGW.0101"), Target, Why::TargetNotFound),
            (405, None, Rejected, Why::RequestRefused),
            (408, None, Transient, Why::ServerTimeout),
            (409, None, Rejected, Why::RequestRefused),
            (413, Some("APIGW.0201"), Rejected, Why::RequestTooLarge),
            (429, None, Throttled, Why::QuotaExceeded),
            (429, Some("APIGW.0308"), Throttled, Why::QuotaExceeded),
            (403, Some("APIG.0308"), Throttled, Why::QuotaExceeded),
            (400, Some("APIC.0308"), Throttled, Why::QuotaExceeded),
            (494, None, Rejected, Why::RequestRefused),
            (500, None, Transient, Why::ServerError),
            (502, Some("APIGW.0201"), Transient, Why::ServerError),
            (503, None, Transient, Why::ServerError),
            (504, None, Transient, Why::ServerError),
            (599, None, Transient, Why::ServerError),
            (600, None, Target, Why::NotTheApi),
        ];
        for (status, code, class, reason) in rows {
            assert_eq!(Classifier::default().refusal(status, code), (class, reason), "{status} {code:?}");
        }
    }

    #[test]
    fn a_success_that_confirms_nothing_is_ambiguous_unless_its_code_says_more() {
        let unconfirmed = |code| Classifier::default().unconfirmed(200, code);
        assert_eq!(unconfirmed(None), (Ambiguous, Why::NoInstanceId));
        assert_eq!(unconfirmed(Some("SecMaster.20030001")), (Ambiguous, Why::NoInstanceId));
        assert_eq!(unconfirmed(Some("SecMaster.20040611")), (Target, Why::TargetNotFound));
        assert_eq!(Classifier::default().not_the_api(200), (Target, Why::NotTheApi));
    }

    #[test]
    fn the_first_fitting_row_of_the_configuration_wins() {
        let row = |status, code: Option<&str>, class| FailureOverride { status, code: code.map(str::to_owned), class };
        let classifier = Classifier::new(vec![
            row(Some(409), Some("SecMaster.x"), Transient),
            row(Some(409), None, Target),
            row(None, Some("SecMaster.20048028"), Rejected),
        ]);
        assert_eq!(classifier.refusal(409, Some("SecMaster.x")), (Transient, Why::RequestRefused));
        assert_eq!(classifier.refusal(409, None), (Target, Why::RequestRefused));
        assert_eq!(classifier.refusal(400, Some("SecMaster.20048028")), (Rejected, Why::TargetNotFound));
        assert_eq!(classifier.refusal(400, Some("SecMaster.x")), (Rejected, Why::RequestRefused));
    }
}
