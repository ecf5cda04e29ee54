//! What a mapping left out of an alert, told under the alert's own ids, so that its story has it (promise 1: what
//! became of an alert can be learnt).

use super::prepare::Planned;
use crate::domain::{Origin, Record};
use crate::mapping::FieldFault;
use crate::telemetry::{Delivery, Telemetry};

/// Tells of the faults of one part, which became `planned`.
pub(super) fn tell(
    telemetry: &Telemetry,
    faults: &[FieldFault],
    format: &str,
    (record, origin, part): (&Record, &Origin, u32),
    planned: &[Planned],
) {
    if faults.is_empty() {
        return;
    }
    let is_moved = origin.partition != record.partition || origin.offset != record.offset;
    let facts = planned.first().map(Planned::facts);
    let instances: Vec<&str> = planned.iter().filter_map(Planned::instance_id).collect();
    let instances = instances.join(" ");
    let of = Delivery {
        partition: &record.partition,
        offset: record.offset,
        origin: is_moved.then_some(origin),
        part,
        alert_id: facts.and_then(|facts| facts.id.as_deref()),
        // An alert has one mapping and may have several routes.
        route: None,
        workflow_id: None,
        requested_instance_id: Some(instances.as_str()).filter(|instances| !instances.is_empty()),
    };
    for fault in faults {
        if fault.left_out {
            telemetry.mapping_fault(&of, format, &fault.field, &fault.message);
        } else {
            telemetry.severity_defaulted(&of, format);
        }
    }
}
