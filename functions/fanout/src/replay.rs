//! Replays: events sent to a target again, at a bounded rate, while new ones flow.
//!
//! How far a replay has come is kept with it after each page. Whoever goes on after a crash sends the last page
//! again, and deliver drops what that has sent twice, because each delivery notes by which replay it was made.

use std::time::{Duration, Instant};

use aws_lambda_events::event::sqs::{BatchItemFailure, SqsBatchResponse, SqsEvent, SqsMessage};
use events::EventId;
use futures::{StreamExt, TryStreamExt};
use jiff::{SignedDuration, Timestamp};
use model::{
    Delivery, DeliveryKey, DeliveryMessage, DeliveryQuery, RecordedStatus, Replay, ReplayMessage, ReplayOf,
    ReplayState, SearchFilter, Target, TargetState,
};
use search::SearchRequest;

use crate::State;
use crate::send::NotSent;

/// How long one invocation works before it passes the replay on to the next: it begins no page after this.
const BUDGET: Duration = Duration::from_secs(20);

/// When it waits no longer for what a page sent, so that it ends well before the function is ended.
const WAITS: Duration = Duration::from_secs(40);

/// How long a page is looked for. What was found until then is sent.
const SEARCH: Duration = Duration::from_secs(10);

/// For how long a replay is taken: longer than a page takes.
const LEASE: SignedDuration = SignedDuration::from_secs(15);

/// How long the held deliveries of a target that was resumed may still be appearing: functions that took it for
/// paused a moment ago, and the index that follows its table.
const SETTLING: SignedDuration = SignedDuration::from_secs(15);

/// How long after a target was resumed its held deliveries are sent: until then some functions take it for paused.
const RESUMED: SignedDuration = SignedDuration::from_millis(1500);

/// How long a replay waits for a target that is paused.
const PAUSE: Duration = Duration::from_mins(1);

/// The most events of one page.
const PAGE: usize = 50;

/// How soon it is looked whether the page before has been attempted, and how often when that takes long.
const LOOK: Duration = Duration::from_millis(50);
const LOOK_AT_MOST: Duration = Duration::from_secs(2);

/// How much longer than its attempts a page may take: until its message is received, and again after a crash.
const SPARE: Duration = Duration::from_mins(12);

/// How many records are written at the same time.
const TOGETHER: usize = 16;

/// What there is to do about a replay after one invocation.
enum Next {
    /// Nothing.
    Ended,
    /// More, after this long.
    More(Duration),
}

/// Why a replay could not go on; its message comes again.
#[derive(Debug, thiserror::Error)]
enum Stopped {
    #[error("the message is not one of a replay: {0}")]
    NotOurs(#[from] serde_json::Error),
    #[error(transparent)]
    Store(#[from] store::Error),
    #[error(transparent)]
    NotSent(#[from] NotSent),
}

/// Goes on with the replays that these messages name. The answer names those that are to come again.
pub async fn handle(state: &State, batch: SqsEvent) -> SqsBatchResponse {
    let mut response = SqsBatchResponse::default();
    for record in &batch.records {
        if let Err(error) = go_on(state, record).await {
            tracing::error!(message = record.message_id, %error, "a replay cannot go on");
            tracing::info!(target: runtime::METRICS_TARGET, function = "fanout", failed_batches = 1, "unhandled");
            let mut failure = BatchItemFailure::default();
            failure.item_identifier = record.message_id.clone().unwrap_or_default();
            response.batch_item_failures.push(failure);
        }
    }
    response
}

async fn go_on(state: &State, record: &SqsMessage) -> Result<(), Stopped> {
    let message: ReplayMessage = serde_json::from_str(record.body.as_deref().unwrap_or_default())?;
    match work(state, &message.replay).await? {
        Next::Ended => Ok(()),
        // A new message, so that a long replay does not use up the receives of one.
        Next::More(wait) => Ok(state.replays.send_later(&message, wait).await?),
    }
}

/// Works on a replay for a while.
async fn work(state: &State, name: &str) -> Result<Next, Stopped> {
    let started = Instant::now();
    let Some(mut replay) = state.config.lease_replay(name, (state.clock)(), lease(state)).await? else {
        let known: Option<Replay> = state.config.get(name).await?;
        let running = known.is_some_and(|replay| replay.state == ReplayState::Running);
        return Ok(if running { Next::More(Duration::from_secs(5)) } else { Next::Ended });
    };
    if replay.of == ReplayOf::Held {
        let since = (state.clock)().duration_since(replay.created_at);
        tokio::time::sleep(Duration::try_from(RESUMED - since).unwrap_or_default()).await;
        overtaken(state, &replay, started + BUDGET).await?;
    }
    loop {
        if !settled(state, &replay, started + WAITS).await? || started.elapsed() > BUDGET {
            return pause(state, &replay, Duration::ZERO).await;
        }
        // Asked after the wait: what a later resume is to send is not sent by this one.
        let Some(target) = state.config.get::<Target>(&replay.target).await? else {
            tracing::info!(replay = name, "the target was removed: the replay ends");
            return end(state, name, ReplayState::Cancelled).await;
        };
        let standing: Option<TargetState> = state.config.get(&replay.target).await?;
        let paused = standing.as_ref().is_some_and(|standing| standing.pause.is_some());
        let later = standing.and_then(|standing| standing.resumed_by).is_some_and(|resumed| resumed > replay.name);
        // What is held stays held: the next resume has begun a replay of its own, or will.
        if replay.of == ReplayOf::Held && (paused || later) {
            return end(state, name, ReplayState::Cancelled).await;
        }
        if paused {
            return pause(state, &replay, PAUSE).await;
        }
        let page = page(state, &replay, &target).await?;
        if page.events.is_empty() && page.last.is_none() {
            return finish(state, &replay).await;
        }
        // Somebody may have cancelled it.
        if state.config.extend_replay_lease(name, lease(state)).await?.is_none() {
            return Ok(Next::Ended);
        }
        let paged = Instant::now();
        send(state, &replay, &page.events).await?;
        let sent = u64::try_from(page.events.len()).unwrap_or(0);
        replay.cursor = page.last.or(replay.cursor);
        tracing::info!(
            target: runtime::METRICS_TARGET,
            function = "fanout",
            replay = name,
            target_name = replay.target,
            replayed = sent,
            "replayed"
        );
        match state.config.record_replay_page(&replay, &page.events, (state.clock)()).await? {
            Some(sent) if sent.state == ReplayState::Running => replay = sent,
            _ => return Ok(Next::Ended),
        }
        let share = Duration::from_secs(1) * u32::try_from(sent).unwrap_or(1) / replay.rate.max(1);
        tokio::time::sleep(share.saturating_sub(paged.elapsed())).await;
    }
}

/// Events to send, and the last that was looked at; nothing of either at the end.
struct Page {
    events: Vec<EventId>,
    last: Option<EventId>,
}

async fn page(state: &State, replay: &Replay, target: &Target) -> Result<Page, Stopped> {
    let limit = usize::try_from(replay.rate).unwrap_or(PAGE).clamp(1, PAGE);
    if replay.of == ReplayOf::Log {
        let filter = replay.selection.search_filter(target.filter.conditions());
        let deadline = Some(Instant::now() + SEARCH);
        let (after, max_bytes) = (replay.cursor, 16 << 20);
        let search =
            SearchRequest { filter, ascending: true, after, limit, max_bytes, deadline, ..SearchRequest::default() };
        let found = state.log.search(&search).await?;
        let last = found.events.last().map(|event| event.id).or(found.next);
        let received = found.events.iter().filter(|event| replay.selection.is_received(event.received_at));
        return Ok(Page { events: received.map(|event| event.id).collect(), last });
    }
    let status = if replay.of == ReplayOf::Held { RecordedStatus::Held } else { RecordedStatus::Failed };
    let (low, high) = bounds(replay);
    let since = Some(target.created_at);
    let listing =
        DeliveryQuery { target: &target.name, since, status: Some(status), low, high, ascending: true, limit };
    let (listed, reached) = state.deliveries.list(listing).await?;
    // Much may have been looked at and be another target's that had the name before.
    let last = listed.last().map(|listed| listed.event).or(reached);
    // Not what a later replay, or this one, has seen to, unless that is held again.
    let mine = |listed: &&model::DeliverySummary| {
        let run = listed.run.as_deref();
        run < Some(&replay.name) || (status == RecordedStatus::Held && run == Some(&replay.name))
    };
    Ok(Page { events: listed.iter().filter(mine).map(|listed| listed.event).collect(), last })
}

/// The ids that a replay of deliveries has still to look at.
fn bounds(replay: &Replay) -> (EventId, EventId) {
    let range = SearchFilter { from: replay.selection.from, until: replay.selection.until, ..SearchFilter::default() };
    let Some((low, high)) = range.id_range() else { return (EventId::MAX, EventId::MIN) };
    let after = replay.cursor.and_then(|cursor| EventId::from_u64(cursor.as_u64() + 1));
    (after.map_or(low, |after| after.max(low)), high)
}

/// Sends events to the target in one message, which are delivered one after the other, in their order.
async fn send(state: &State, replay: &Replay, events: &[EventId]) -> Result<(), Stopped> {
    let Some(message) = DeliveryMessage::of_replay(events, replay) else { return Ok(()) };
    state.queue.send(&[message]).await.map_err(|_| NotSent)?;
    if replay.of == ReplayOf::Held {
        let turns = turns(replay, events).map(|turn| state.deliveries.release(turn, RecordedStatus::Held));
        futures::stream::iter(turns.collect::<Vec<_>>()).buffer_unordered(TOGETHER).try_collect::<Vec<bool>>().await?;
    }
    Ok(())
}

fn turns<'a>(replay: &'a Replay, events: &'a [EventId]) -> impl Iterator<Item = DeliveryKey<'a>> {
    let undelivered = replay.of != ReplayOf::Log;
    events.iter().map(move |event| DeliveryKey {
        event: *event,
        target: &replay.target,
        run: Some(&replay.name),
        undelivered,
    })
}

/// Waits until what an earlier resume has sent is attempted or held again, so that it comes before what this one
/// sends; or until then.
async fn overtaken(state: &State, replay: &Replay, end: Instant) -> Result<(), Stopped> {
    let (low, high) = (EventId::MIN, EventId::MAX);
    let (target, status) = (&replay.target, Some(RecordedStatus::Waiting));
    let listing = DeliveryQuery { target, since: None, status, low, high, ascending: true, limit: PAGE };
    while Instant::now() < end {
        let (waiting, _) = state.deliveries.list(listing).await?;
        // What was attempted says when it is due again.
        let under_way = |listed: &model::DeliverySummary| {
            listed.next_attempt_at.is_none() && listed.run.as_ref().is_some_and(|run| *run < replay.name)
        };
        if !waiting.iter().any(under_way) {
            break;
        }
        tokio::time::sleep(LOOK).await;
        state.config.extend_replay_lease(&replay.name, lease(state)).await?;
    }
    Ok(())
}

/// Waits until each event that was sent last has been attempted, so that what is sent next comes after it; whether
/// that is so before `end`.
async fn settled(state: &State, replay: &Replay, end: Instant) -> Result<bool, Stopped> {
    let keys: Vec<(EventId, &str)> = replay.page.iter().map(|event| (*event, replay.target.as_str())).collect();
    if keys.is_empty() {
        return Ok(true);
    }
    let Some(target) = state.config.get::<Target>(&replay.target).await? else { return Ok(true) };
    // They are attempted one after the other. What takes longer than that is not on its way any more.
    let all = target.timeout.saturating_mul(u32::try_from(keys.len()).unwrap_or(u32::MAX)) + SPARE;
    let given_up = replay.paged_at.and_then(|paged| paged.checked_add(all).ok());
    let mut look = LOOK;
    while given_up.is_some_and(|at| (state.clock)() < at) {
        let records = state.deliveries.get_many(&keys).await?;
        let attempted = |record: &&Delivery| {
            let run = record.run.as_deref();
            run > Some(&replay.name)
                || (run == Some(&replay.name) && (record.made > 0 || record.status == RecordedStatus::Held))
                || (replay.of != ReplayOf::Log && record.status == RecordedStatus::Delivered)
        };
        if records.iter().filter(attempted).count() == keys.len() {
            break;
        }
        if Instant::now() >= end {
            return Ok(false);
        }
        tokio::time::sleep(look).await;
        look = (look * 3 / 2).min(LOOK_AT_MOST);
        state.config.extend_replay_lease(&replay.name, lease(state)).await?;
    }
    Ok(true)
}

/// What to do when a replay finds nothing more.
async fn finish(state: &State, replay: &Replay) -> Result<Next, Stopped> {
    let settled = replay.created_at.checked_add(SETTLING).unwrap_or(replay.created_at);
    if replay.of == ReplayOf::Held && replay.pass_at.is_none_or(|pass| pass < settled) {
        // Once more from the beginning, when all that was still appearing is there.
        let at = settled.max((state.clock)());
        state.config.start_replay_pass(&replay.name, at).await?;
        let wait = Duration::try_from(at.duration_since((state.clock)())).unwrap_or_default();
        return Ok(Next::More(wait + Duration::from_secs(1)));
    }
    tracing::info!(replay = replay.name, target = replay.target, sent = replay.sent, "the replay is done");
    end(state, &replay.name, ReplayState::Done).await
}

async fn end(state: &State, name: &str, as_: ReplayState) -> Result<Next, Stopped> {
    state.config.end_replay(name, as_, (state.clock)()).await?;
    Ok(Next::Ended)
}

/// Gives the replay back, to be gone on with later.
async fn pause(state: &State, replay: &Replay, wait: Duration) -> Result<Next, Stopped> {
    state.config.extend_replay_lease(&replay.name, (state.clock)()).await?;
    Ok(Next::More(wait))
}

fn lease(state: &State) -> Timestamp {
    let now = (state.clock)();
    now.checked_add(LEASE).unwrap_or(now)
}
