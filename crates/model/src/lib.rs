//! The records and messages of a deployment, and the decisions about them: which events a target receives, when a
//! delivery is retried, which events a search matches.
//!
//! Everything here is a plain type or a pure function. What calls AWS, reads the environment or the clock, or
//! formats an HTTP response belongs elsewhere: DynamoDB in `store` and `search`, SQS and settings in `runtime`,
//! HTTP in `web`.

mod audit_event;
mod delivery;
mod filter;
mod key;
mod message;
mod record;
mod replay;
mod retention;
mod source;
mod target;

pub use audit_event::AuditEvent;
pub use delivery::{
    Attempt, AttemptOutcome, Delivery, DeliveryKey, DeliveryQuery, DeliverySummary, LastAttempt, Phases,
    RecordedStatus, TARGET_REMOVED,
};
pub use filter::case_fold::lower;
pub use filter::json_text::{javascript_number, members};
pub use filter::text_query::{JsonNotation, TextQuery};
pub use filter::{Condition, Field, SearchFilter};
pub use key::{Key, KeyScope, KeyUse};
pub use message::{DeliveryMessage, ReplayMessage};
pub use record::Record;
pub use replay::{Replay, ReplayOf, ReplaySelection, ReplayState, run_name, run_name_prefix};
pub use retention::Retention;
pub use source::Source;
pub use target::duration;
pub use target::filter::{EventFilter, FilterMismatch};
pub use target::retry_policy::RetryPolicy;
pub use target::state::{Pause, TargetState};
pub use target::{PreviousFilter, SealedSecrets, Target, known_since};
