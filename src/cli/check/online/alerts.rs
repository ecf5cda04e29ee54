//! Whether the alerts of routes with `create_alert` may be looked up, as the daemon does before it repeats a creation.
//!
//! Whether they may be created is not asked: the API has no trial run, and what an alert must hold is so little that a
//! request made to be refused might create one.

use std::sync::Arc;

use super::line::Line;
use super::secmaster::{Stop, going_on, refused};
use crate::domain::{Destination, FoundAlert};
use crate::ports::WorkflowApi;

/// An id that no alert has.
const NOBODYS: &str = "00000000-0000-4000-8000-000000000000";

/// Asks in the workspace that these destinations share.
pub(super) async fn ask(
    api: &impl WorkflowApi,
    place: &Destination,
    routes: &[Arc<str>],
    lines: &mut Vec<Line>,
) -> Result<(), Stop> {
    let about = format!("alerts of {} (route {})", place.workspace_id, routes.join(", "));
    match api.find_alert(&place.of_alerts(), NOBODYS).await {
        Ok(found) => lines.push(judge(&about, &found)),
        Err(failure) => {
            lines.push(refused(&about, "whether they may be looked up before they are created again", &failure));
            going_on(&failure)?;
        }
    }
    Ok(())
}

/// What the answer to the look-up of nobody's alert says of look-ups.
fn judge(about: &str, found: &FoundAlert) -> Line {
    match found {
        FoundAlert::Absent | FoundAlert::Present(_) => {
            let said = "may be looked up; whether they may be created is not asked, since only creating one would \
                        tell: the user needs SecMaster FullAccess, or a policy of your own that allows it";
            Line::ok(about, said)
        }
        FoundAlert::Unclear => {
            let said = "a look-up is answered with another alert than was asked for: after a creation that was in doubt \
                        the daemon learns nothing by it and creates again, so that an alert may stand there twice";
            let remedy = "see that nothing between here and the service answers in its place, and look in the console \
                          for alerts that stand there twice";
            Line::warning(about, said, remedy)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::judge;
    use crate::cli::check::online::line::Level;
    use crate::domain::{Created, FoundAlert};

    #[test]
    fn that_alerts_may_be_looked_up_is_said_only_where_the_answer_shows_it() {
        let created = Created { alert_id: "a".to_owned(), http_status: 200, request_id: None };
        for found in [FoundAlert::Absent, FoundAlert::Present(created)] {
            let line = judge("alerts of w", &found);
            assert!(line.level == Level::Ok && line.said.starts_with("may be looked up"), "{line}");
        }
        let line = judge("alerts of w", &FoundAlert::Unclear);
        assert!(line.level == Level::Warning && line.said.contains("creates again"), "{line}");
        assert!(!line.said.contains("may be looked up"), "{line}");
    }
}
