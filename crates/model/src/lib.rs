//! The records and messages of a deployment, and the decisions about them: which events a target receives, when a
//! delivery is retried, which events a search matches.
//!
//! Everything here is a plain type or a pure function. Code that calls AWS, reads the environment or the clock,
//! or formats an HTTP response belongs elsewhere: DynamoDB in `store` and `search`, SQS and settings in `runtime`,
//! HTTP in `web`.

mod audit_event;
pub mod defaults;
pub mod delivery;
pub mod duration;
mod event_filter;
mod key;
mod message;
mod nudge;
mod record;
mod replay;
mod retention;
mod retry_policy;
mod search_filter;
mod source;
mod target;
mod target_state;
mod webhook_id;

pub use audit_event::AuditEvent;
pub use delivery::record::{
    Attempt, AttemptOutcome, Delivery, DeliveryKey, DeliveryQuery, DeliverySummary, LastAttempt, Phases,
    RecordedStatus, TARGET_REMOVED,
};
pub use event_filter::{EventFilter, FilterMismatch};
pub use key::{FIRST_MANAGE_KEY_NAME, Key, KeyScope, KeyUse};
pub use message::{DeliveryMessage, ReplayMessage};
pub use nudge::{FanoutPath, NudgeClaim, NudgeMessage};
pub use record::Record;
pub use replay::{Replay, ReplayOf, ReplaySelection, ReplayState, run_name, run_name_after, run_name_prefix};
pub use retention::Retention;
pub use retry_policy::{RetryPolicy, jittered};
pub use search_filter::case_fold::lower;
pub use search_filter::filter_field::{FILTER_FIELDS, FieldValues, FilterField, LEVELS, SCOPES};
pub use search_filter::json_text::{javascript_number, members};
pub use search_filter::searched_text::{fold_case, folded_description, other_forms};
pub use search_filter::text_query::{JsonNotation, LikeQuery, TextQuery};
pub use search_filter::word_query::{InvalidWords, MAX_QUERY_WORDS, Word, WordQuery};
pub use search_filter::{Condition, Field, SearchFilter};
pub use source::Source;
pub use target::{MAX_HOPS, PreviousFilter, SealedSecrets, Target, is_test_of, known_since};
pub use target_state::{Pause, TargetState};
pub use webhook_id::{InvalidWebhookId, WebhookId};
