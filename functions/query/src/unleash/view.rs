//! Events as Unleash answers them.

use events::Event;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::view::texts;

/// What a search answers.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "UnleashSearchResult")]
pub(crate) struct SearchResult {
    /// The newest first.
    #[schemars(with = "Vec<EventOfUnleash>")]
    pub(crate) events: Vec<Box<RawValue>>,
    /// How many match, on all pages.
    pub(crate) total: usize,
}

/// What the newest events are answered as.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "UnleashEvents")]
pub(crate) struct Recent {
    /// The version of this answer: 1.
    pub(crate) version: u8,
    /// The newest first.
    #[schemars(with = "Vec<EventOfUnleash>")]
    pub(crate) events: Vec<Box<RawValue>>,
    /// How many there are.
    pub(crate) total_events: usize,
}

/// What the events of a feature are answered as.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "UnleashFeatureEvents")]
pub(crate) struct FeatureEvents {
    /// The version of this answer: 1.
    pub(crate) version: u8,
    /// The feature's name.
    pub(crate) toggle_name: String,
    /// The newest first.
    #[schemars(with = "Vec<EventOfUnleash>")]
    pub(crate) events: Vec<Box<RawValue>>,
    /// How many there are.
    pub(crate) total_events: usize,
}

/// An event as Unleash has it.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "UnleashEvent")]
pub(crate) struct EventOfUnleash {
    /// Unleash's own number for it.
    id: Value,
    /// What happened.
    r#type: Value,
    /// Who did it.
    created_by: Value,
    /// When.
    created_at: Value,
    /// The number of the user who did it.
    created_by_user_id: Value,
    /// What it is about.
    data: Value,
    /// What was there before.
    pre_data: Value,
    /// Its tags.
    tags: Value,
    /// The feature that it was done to.
    feature_name: Value,
    /// The project involved.
    project: Value,
    /// The environment involved.
    environment: Value,
    /// What kind of change it was part of.
    #[serde(skip_serializing_if = "Value::is_null")]
    group_type: Value,
    /// Which one.
    #[serde(skip_serializing_if = "Value::is_null")]
    group_id: Value,
    /// The type, as a person would say it.
    #[serde(skip_serializing_if = "Option::is_none")]
    label: Option<String>,
    /// What happened, in a sentence of Markdown.
    #[serde(skip_serializing_if = "Option::is_none")]
    summary: Option<String>,
}

impl EventOfUnleash {
    /// The event, with what it is in words where that is wanted.
    pub(crate) fn new(event: &Event, with_texts: bool) -> Self {
        let payload = String::from_utf8_lossy(&event.payload);
        let words = with_texts.then(|| texts(event, &payload));
        let (label, summary) = words.map(|words| (words.label, words.summary)).unzip();
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
