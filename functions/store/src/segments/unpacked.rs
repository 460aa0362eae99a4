//! What is in no segment yet: read from the log and from the index of late events, and, as far as nothing can be
//! added to it any more, kept.

use std::sync::{Arc, Mutex, PoisonError};

use events::EventId;

use super::{Head, LATE, Row, SETTLED, State};
use crate::error::Error;
use crate::events::Events;
use crate::item::{late_key, shard_key};
use crate::search::filter::{Expression, Values};
use crate::search::merge::{Merge, Plan};

/// How many events are looked at as one.
const TOGETHER: usize = 1000;

/// Events that are in no segment, in the form of one.
#[derive(Debug)]
pub(crate) struct Loose {
    pub(crate) head: Arc<Head>,
    pub(crate) text: Vec<u8>,
}

/// What this process has read of them.
#[derive(Debug, Default)]
pub(crate) struct Unpacked(Mutex<Settled>);

/// What no write can change any more.
#[derive(Debug, Clone, Default)]
struct Settled {
    /// The marks that it lies behind.
    state: State,
    /// The first id of the log that it does not reach.
    reached: u64,
    /// The first moment that it does not reach, of when late events were stored.
    late_reached: u64,
    /// Its events by the thousand.
    full: Vec<Arc<Loose>>,
    /// The others of them.
    rest: Vec<Row>,
    /// The same, in the form of a segment.
    last: Option<Arc<Loose>>,
}

impl Unpacked {
    /// Everything that is in no segment, and the read units that it took.
    pub(crate) async fn read(&self, events: &Events, state: &State) -> Result<(Vec<Arc<Loose>>, f64), Error> {
        let mut settled = self.lock().clone();
        if (settled.state.upto, settled.state.late_upto) != (state.upto, state.late_upto) {
            let (reached, late_reached) = (state.upto, state.late_upto);
            settled = Settled { state: state.clone(), reached, late_reached, ..Settled::default() };
        }
        let (end, late_end) = ends(events);
        let (in_time, late) = futures::future::try_join(
            rows(events, in_time_plan(events, settled.reached)),
            rows(events, late_plan(events, settled.late_reached)),
        )
        .await?;
        let (old, mut fresh): (Vec<_>, Vec<_>) = in_time.0.into_iter().partition(|(id, _)| *id < end);
        let (late_old, late_fresh): (Vec<_>, Vec<_>) = late.0.into_iter().partition(|(at, _)| *at < late_end);
        settled.add(old.into_iter().chain(late_old).map(|(_, row)| row).collect());
        settled.reached = settled.reached.max(end);
        settled.late_reached = settled.late_reached.max(late_end);
        fresh.extend(late_fresh);
        let mut loose: Vec<Arc<Loose>> = settled.full.iter().chain(&settled.last).map(Arc::clone).collect();
        let fresh: Vec<Row> = fresh.into_iter().map(|(_, row)| row).collect();
        loose.extend(fresh.chunks(TOGETHER).map(|rows| Arc::new(Loose::new(rows.to_vec()))));
        self.keep(settled);
        Ok((loose, in_time.1 + late.1))
    }

    /// Keeps it, unless another request has come further.
    fn keep(&self, settled: Settled) {
        let mut kept = self.lock();
        let place = |settled: &Settled| (settled.state.next, settled.reached, settled.late_reached);
        if place(&settled) > place(&kept) {
            *kept = settled;
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Settled> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Settled {
    fn add(&mut self, rows: Vec<Row>) {
        if rows.is_empty() {
            return;
        }
        self.rest.extend(rows);
        while self.rest.len() >= TOGETHER {
            let rest = self.rest.split_off(TOGETHER);
            self.full.push(Arc::new(Loose::new(std::mem::replace(&mut self.rest, rest))));
        }
        self.last = (!self.rest.is_empty()).then(|| Arc::new(Loose::new(self.rest.clone())));
    }
}

impl Loose {
    fn new(mut rows: Vec<Row>) -> Self {
        rows.sort_unstable_by_key(|row| row.id);
        let (head, text) = Head::new(&rows);
        Self { head: Arc::new(head), text }
    }
}

/// Up to where nothing can be added any more: the first id, and the first moment of late events, in
/// milliseconds, of which that is not so.
pub(super) fn ends(events: &Events) -> (u64, u64) {
    let before = |span| events.retention.now().checked_sub(span).ok();
    let end = before(LATE + SETTLED).and_then(|end| EventId::at(end, 0)).map_or(0, EventId::as_u64);
    let late_end = before(SETTLED).and_then(|end| u64::try_from(end.as_millisecond()).ok()).unwrap_or(0);
    (end, late_end)
}

/// The log from this id on, without what came late.
pub(super) fn in_time_plan(events: &Events, from: u64) -> Plan {
    Plan {
        index: None,
        key: "pk",
        sort: "sk",
        ascending: true,
        range: from..=EventId::MAX.as_u64(),
        partitions: (0..events.shards).map(shard_key).collect(),
        links: Vec::new(),
        filter: Some(Expression { text: "attribute_not_exists(w)".to_owned(), values: Values::default() }),
        page: TOGETHER,
        consistent: true,
    }
}

/// What came late and was stored from this moment on, in the order in which it came.
pub(super) fn late_plan(events: &Events, from: u64) -> Plan {
    Plan {
        index: Some("by_late"),
        key: "kl",
        sort: "w",
        range: from..=u64::MAX >> 11,
        partitions: (0..events.shards).map(late_key).collect(),
        filter: None,
        consistent: false,
        ..in_time_plan(events, 0)
    }
}

/// Everything of a plan, each with where it stands, and the units that reading took.
async fn rows(events: &Events, plan: Plan) -> Result<(Vec<(u64, Row)>, f64), Error> {
    let (mut merge, mut rows) = (Merge::new(events, plan, None), Vec::new());
    while let Some((at, item)) = merge.next_read().await? {
        rows.extend(events.row(item)?.map(|row| (at, row)));
    }
    Ok((rows, merge.units))
}
