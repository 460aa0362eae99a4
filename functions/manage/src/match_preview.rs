//! A preview of the events that match a filter.

use std::time::Duration;

use events::{Event, EventId};
use jiff::Timestamp;
use model::SearchFilter;
use schemars::JsonSchema;
use search::SearchRequest;
use serde::Serialize;
use web::Problem;

use crate::State;

/// Maximum duration of the search.
pub(crate) const MAX_PREVIEW_TIME: Duration = Duration::from_secs(20);

/// Maximum number of events of the sample.
pub(crate) const MAX_SAMPLE_EVENTS: usize = 10;

/// Maximum number of payload bytes that are read for the sample.
const MAX_SAMPLE_PAYLOAD_BYTES: usize = 4 << 20;

/// A preview of matching events.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Matching")]
pub(crate) struct MatchPreview {
    /// Number of matching events; null if they could not be counted in time.
    pub(crate) events: Option<u64>,
    /// The latest of the matching events.
    pub(crate) sample: Vec<SampleEvent>,
}

/// An event of a sample.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Sample")]
pub(crate) struct SampleEvent {
    /// Id of the event.
    id: EventId,
    /// Source of the event.
    source: String,
    /// Type of the event.
    r#type: String,
    /// Time of the event.
    time: Timestamp,
    /// Object that the event is about.
    subject: Option<String>,
    /// Project of the event.
    project: Option<String>,
    /// Environment of the event.
    environment: Option<String>,
}

impl From<Event> for SampleEvent {
    fn from(event: Event) -> Self {
        Self {
            id: event.id,
            source: event.source,
            r#type: event.fields.event_type,
            time: event.fields.time,
            subject: event.fields.subject,
            project: event.fields.project,
            environment: event.fields.environment,
        }
    }
}

/// Counts the events that match a filter, and returns the latest of them.
pub(crate) async fn preview_matches(state: &State, filter: SearchFilter) -> Result<MatchPreview, Problem> {
    let deadline = Some(tokio::time::Instant::now() + MAX_PREVIEW_TIME);
    let request = SearchRequest {
        filter,
        limit: MAX_SAMPLE_EVENTS,
        max_bytes: MAX_SAMPLE_PAYLOAD_BYTES,
        total: true,
        deadline,
        ..SearchRequest::default()
    };
    let page = state.log.search(&request).await?;
    Ok(MatchPreview { events: page.total, sample: page.events.into_iter().map(SampleEvent::from).collect() })
}
