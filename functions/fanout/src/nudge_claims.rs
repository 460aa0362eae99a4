//! Claiming nudges, so that either the stream or a nudge sends the deliveries of an event.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use events::{Event, EventId};
use futures::{StreamExt, TryStreamExt};
use model::{FanoutPath, NudgeClaim};

use crate::state::State;

/// Maximum number of claims that are written concurrently.
const MAX_CONCURRENT_CLAIMS: usize = 16;

/// Claims the nudges of a batch for `path`. Returns the events that the other path sends.
///
/// Only events that `matched` a target are claimed: the others cause no writes. A claim is never
/// replaced, so that a batch that is repeated finds its own claim.
pub(crate) async fn find_events_of_other_path(
    state: &State,
    path: FanoutPath,
    events: &[(String, Event)],
    matched: &BTreeSet<EventId>,
) -> Result<HashSet<EventId>, store::Error> {
    let mut nudges: BTreeMap<u64, BTreeSet<EventId>> = BTreeMap::new();
    for (_, event) in events.iter().filter(|(_, event)| matched.contains(&event.id)) {
        if let Some(nudge) = event.nudge {
            nudges.entry(nudge).or_default().insert(event.id);
        }
    }
    let claims = claim_nudges(state, path, &nudges).await?;
    let is_other = |nudge: &u64, event: &EventId| claims.get(nudge).is_some_and(|claim| !claim.allows(path, *event));
    let others = nudges.iter().flat_map(|(nudge, events)| {
        let others = events.iter().filter(|event| is_other(nudge, event));
        others.copied().collect::<Vec<_>>()
    });
    Ok(others.collect())
}

/// Returns the claim of each nudge. The first path that asks creates it.
async fn claim_nudges(
    state: &State,
    path: FanoutPath,
    nudges: &BTreeMap<u64, BTreeSet<EventId>>,
) -> Result<HashMap<u64, NudgeClaim>, store::Error> {
    // The stream usually finds a claim, and a read costs less than a write that fails. A nudge usually finds none.
    let mut claims = match path {
        FanoutPath::Stream => state.log.events.nudge_claims(&nudges.keys().copied().collect::<Vec<_>>()).await?,
        FanoutPath::Nudge => HashMap::new(),
    };
    let missing: Vec<_> = nudges.iter().filter(|(nudge, _)| !claims.contains_key(nudge)).collect();
    let writes = missing.into_iter().map(|(nudge, events)| async move {
        let claim = match path {
            FanoutPath::Stream => NudgeClaim::by_stream(),
            FanoutPath::Nudge => NudgeClaim::by_nudge(events.clone()),
        };
        Ok::<_, store::Error>((*nudge, state.log.events.claim_nudge(*nudge, claim).await?))
    });
    let writes = futures::stream::iter(writes.collect::<Vec<_>>());
    claims.extend(writes.buffer_unordered(MAX_CONCURRENT_CLAIMS).try_collect::<HashMap<_, _>>().await?);
    Ok(claims)
}
