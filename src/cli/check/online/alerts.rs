//! Whether the alerts of routes with `create_alert` may be looked up, as the daemon does before it repeats a creation.
//!
//! Whether they may be created is not asked: the API has no trial run, and what an alert must hold is so little that a
//! request made to be refused might create one.

use std::sync::Arc;

use super::line::Line;
use super::secmaster::{Stop, going_on, refused};
use crate::domain::Destination;
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
        Ok(_) => {
            let said = "may be looked up; whether they may be created is not asked, since only creating one would \
                        tell: the user needs SecMaster FullAccess, or a policy of your own that allows it";
            lines.push(Line::ok(&about, said));
        }
        Err(failure) => {
            lines.push(refused(&about, "whether they may be looked up before they are created again", &failure));
            going_on(&failure)?;
        }
    }
    Ok(())
}
