//! Finding and sending a page of a replay.

use std::time::Duration;

use events::EventId;
use futures::{StreamExt, TryStreamExt};
use model::{
    DeliveryKey, DeliveryMessage, DeliveryQuery, DeliverySummary, RecordedStatus, Replay, ReplayOf, SearchFilter,
    Target,
};
use search::SearchRequest;
use tokio::time::Instant;

use crate::replay_error::ReplayError;
use crate::state::State;

/// Maximum time to search for a page. The events that were found until then form the page.
const MAX_PAGE_SEARCH: Duration = Duration::from_secs(10);

/// Maximum number of events of a page.
pub(crate) const MAX_PAGE_EVENTS: usize = 50;

/// Maximum size of the events that the search for a page reads, in bytes.
const MAX_PAGE_BYTES: usize = 16 << 20;

/// Maximum number of deliveries that are released concurrently.
const MAX_CONCURRENT_RELEASES: usize = 16;

/// A page of a replay. After the last page, both fields are empty.
pub(crate) struct ReplayPage {
    /// Events to send.
    pub(crate) events: Vec<EventId>,
    /// Last event that was examined.
    pub(crate) last: Option<EventId>,
}

/// Finds the next page of a replay.
pub(crate) async fn find_page(state: &State, replay: &Replay, target: &Target) -> Result<ReplayPage, store::Error> {
    let limit = usize::try_from(replay.rate).unwrap_or(MAX_PAGE_EVENTS).clamp(1, MAX_PAGE_EVENTS);
    match replay.of {
        ReplayOf::Log => find_logged(state, replay, target, limit).await,
        ReplayOf::Held => find_deliveries(state, replay, target, RecordedStatus::Held, limit).await,
        ReplayOf::Failed => find_deliveries(state, replay, target, RecordedStatus::Failed, limit).await,
    }
}

/// Finds logged events that pass the target's filter and the replay's selection.
async fn find_logged(
    state: &State,
    replay: &Replay,
    target: &Target,
    limit: usize,
) -> Result<ReplayPage, store::Error> {
    let search = SearchRequest {
        filter: replay.selection.search_filter(target.filter.conditions()),
        ascending: true,
        after: replay.cursor,
        limit,
        max_bytes: MAX_PAGE_BYTES,
        deadline: Some(Instant::now() + MAX_PAGE_SEARCH),
        ..SearchRequest::default()
    };
    let found = state.log.search(&search).await?;
    let last = found.events.last().map(|event| event.id).or(found.next);
    let selected = found.events.iter().filter(|event| replay.selection.is_received(event.received_at));
    Ok(ReplayPage { events: selected.map(|event| event.id).collect(), last })
}

/// Finds deliveries with a status that no later replay has taken over.
async fn find_deliveries(
    state: &State,
    replay: &Replay,
    target: &Target,
    status: RecordedStatus,
    limit: usize,
) -> Result<ReplayPage, store::Error> {
    let (low, high) = remaining_range(replay);
    let since = Some(target.created_at);
    let query = DeliveryQuery { target: &target.name, since, status: Some(status), low, high, ascending: true, limit };
    let (deliveries, reached) = state.deliveries.list(query).await?;
    // The query may have examined only deliveries of a removed target of the same name.
    let last = deliveries.last().map(|delivery| delivery.event).or(reached);
    // A delivery of this replay is sent again only if it was held again.
    let to_send = |delivery: &&DeliverySummary| {
        let run = delivery.run.as_deref();
        run < Some(&replay.name) || (status == RecordedStatus::Held && run == Some(&replay.name))
    };
    Ok(ReplayPage { events: deliveries.iter().filter(to_send).map(|delivery| delivery.event).collect(), last })
}

/// Returns the range of event ids that a replay of deliveries has not examined yet.
fn remaining_range(replay: &Replay) -> (EventId, EventId) {
    let range = SearchFilter { from: replay.selection.from, until: replay.selection.until, ..SearchFilter::default() };
    let Some((low, high)) = range.id_range() else { return (EventId::MAX, EventId::MIN) };
    let after = replay.cursor.and_then(|cursor| EventId::from_u64(cursor.as_u64() + 1));
    (after.map_or(low, |after| after.max(low)), high)
}

/// Sends the events of a page in one message, which delivers them in their order.
pub(crate) async fn send_page(state: &State, replay: &Replay, events: &[EventId]) -> Result<(), ReplayError> {
    let Some(message) = DeliveryMessage::of_replay(events, replay) else { return Ok(()) };
    state.queue.send(&message).await?;
    if replay.of == ReplayOf::Held {
        let releases = events.iter().map(|event| {
            let (target, run) = (replay.target.as_str(), Some(replay.name.as_str()));
            let key = DeliveryKey { event: *event, target, target_created_at: None, run, undelivered: true };
            state.deliveries.release(key, RecordedStatus::Held)
        });
        let releases = futures::stream::iter(releases.collect::<Vec<_>>());
        releases.buffer_unordered(MAX_CONCURRENT_RELEASES).try_collect::<Vec<bool>>().await?;
    }
    Ok(())
}
