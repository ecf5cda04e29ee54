//! The deliveries of one key, in their order.

use std::collections::{HashMap, VecDeque};

use bytes::Bytes;

use super::DeliveryId;
use crate::domain::{Severity, TopicPartition};

/// What is kept in order: a key within a partition, or (without a key) the whole partition.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Lane {
    /// The partition.
    pub partition: TopicPartition,
    /// The key; `None` where the whole partition is one lane.
    pub key: Option<Bytes>,
}

/// A lane that has members. Its number is given to another lane once it has none.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct LaneId(usize);

/// Deliveries that leave one after another. The severities of all members are counted, so that the worst of them is
/// known without a walk.
#[derive(Debug)]
struct Members {
    lane: Lane,
    order: VecDeque<(DeliveryId, Severity)>,
    counts: [usize; Severity::ALL.len()],
}

/// All lanes. A lane's name is looked up when a delivery comes and when its last one goes; in between it has a number.
#[derive(Debug, Default)]
pub(super) struct Lanes {
    ids: HashMap<Lane, LaneId>,
    members: Vec<Option<Members>>,
    free: Vec<LaneId>,
}

impl Lanes {
    /// Adds a delivery at a lane's end; ids must grow from call to call.
    pub(super) fn push(&mut self, lane: Lane, id: DeliveryId, severity: Severity) -> LaneId {
        let lane_id = match self.ids.get(&lane) {
            Some(lane_id) => *lane_id,
            None => self.open(lane),
        };
        if let Some(Some(members)) = self.members.get_mut(lane_id.0) {
            members.order.push_back((id, severity));
            members.counts[severity as usize] += 1;
        }
        lane_id
    }

    fn open(&mut self, lane: Lane) -> LaneId {
        let members = Members { lane: lane.clone(), order: VecDeque::new(), counts: [0; Severity::ALL.len()] };
        let lane_id = self.free.pop().unwrap_or(LaneId(self.members.len()));
        match self.members.get_mut(lane_id.0) {
            Some(slot) => *slot = Some(members),
            None => self.members.push(Some(members)),
        }
        let _none = self.ids.insert(lane, lane_id);
        lane_id
    }

    /// Removes a delivery, wherever in its lane it stands.
    pub(super) fn remove(&mut self, lane_id: LaneId, id: DeliveryId) {
        let Some(slot) = self.members.get_mut(lane_id.0) else { return };
        let Some(members) = slot else { return };
        if let Ok(position) = members.order.binary_search_by_key(&id, |(member, _)| *member)
            && let Some((_, severity)) = members.order.remove(position)
        {
            members.counts[severity as usize] -= 1;
        }
        if members.order.is_empty()
            && let Some(members) = slot.take()
        {
            let _id = self.ids.remove(&members.lane);
            self.free.push(lane_id);
        }
    }

    /// The only one of a lane that may leave, and the worst severity in the lane: what it leaves with.
    pub(super) fn head(&self, lane_id: LaneId) -> Option<(DeliveryId, Severity)> {
        let members = self.members.get(lane_id.0)?.as_ref()?;
        let worst = Severity::ALL.into_iter().rev().find(|severity| members.counts[*severity as usize] > 0)?;
        Some((members.order.front()?.0, worst))
    }
}
