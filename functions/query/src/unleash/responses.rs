//! The responses of Unleash's event API.

use events::Event;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::event_text::EventText;

/// The response of a search.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "UnleashSearchResult")]
pub(crate) struct SearchResult {
    /// The events, newest first.
    #[schemars(with = "Vec<UnleashEvent>")]
    pub(crate) events: Vec<Box<RawValue>>,
    /// Number of matching events on all pages.
    pub(crate) total: usize,
}

/// The response with the newest events.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "UnleashEvents")]
pub(crate) struct RecentEvents {
    /// Version of the response format: 1.
    pub(crate) version: u8,
    /// The events, newest first.
    #[schemars(with = "Vec<UnleashEvent>")]
    pub(crate) events: Vec<Box<RawValue>>,
    /// Number of matching events.
    pub(crate) total_events: usize,
}

/// The response with the events of a feature.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "UnleashFeatureEvents")]
pub(crate) struct FeatureEvents {
    /// Version of the response format: 1.
    pub(crate) version: u8,
    /// Name of the feature.
    pub(crate) toggle_name: String,
    /// The events, newest first.
    #[schemars(with = "Vec<UnleashEvent>")]
    pub(crate) events: Vec<Box<RawValue>>,
    /// Number of matching events.
    pub(crate) total_events: usize,
}

/// An event in Unleash's form.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "UnleashEvent")]
pub(crate) struct UnleashEvent {
    /// Unleash's id of the event.
    id: Value,
    /// Type of the event.
    r#type: Value,
    /// User who caused the event.
    created_by: Value,
    /// Time of the event.
    created_at: Value,
    /// Unleash's id of the user who caused the event.
    created_by_user_id: Value,
    /// State after the change.
    data: Value,
    /// State before the change.
    pre_data: Value,
    /// Tags of the event.
    tags: Value,
    /// Feature that the event is about.
    feature_name: Value,
    /// Project of the event.
    project: Value,
    /// Environment of the event.
    environment: Value,
    /// Kind of the group of events that the event is part of.
    #[serde(skip_serializing_if = "Value::is_null")]
    group_type: Value,
    /// Id of the group of events that the event is part of.
    #[serde(skip_serializing_if = "Value::is_null")]
    group_id: Value,
    /// Human-readable name of the type.
    #[serde(skip_serializing_if = "Option::is_none")]
    label: Option<String>,
    /// A sentence in Markdown that describes the event.
    #[serde(skip_serializing_if = "Option::is_none")]
    summary: Option<String>,
}

impl UnleashEvent {
    /// Converts an event, with its label and summary if requested.
    pub(crate) fn new(event: &Event, with_texts: bool) -> Self {
        let payload = String::from_utf8_lossy(&event.payload);
        let text = with_texts.then(|| EventText::new(event, &payload));
        let (label, summary) = text.map(|text| (text.label, text.summary)).unzip();
        let mut members: Map<String, Value> = serde_json::from_str(&payload).unwrap_or_default();
        let mut take = |name: &str| members.remove(name).unwrap_or_default();
        let tags = take("tags");
        Self {
            id: take("id"),
            r#type: take("type"),
            created_by: take("createdBy"),
            created_at: take("createdAt"),
            created_by_user_id: take("createdByUserId"),
            data: take("data"),
            pre_data: take("preData"),
            tags: if tags.is_null() { Value::Array(Vec::new()) } else { tags },
            feature_name: take("featureName"),
            project: take("project"),
            environment: take("environment"),
            group_type: take("groupType"),
            group_id: take("groupId"),
            label,
            summary,
        }
    }
}
