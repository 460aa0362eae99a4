//! Access to DynamoDB: a module for each table of events, configuration, deliveries and quarantined events.
//!
//! A function here reads or writes items, and returns types of `model` or `events`. Which event a target receives, when
//! a delivery is retried and similar decisions belong in `model`. The table of segments belongs to `search`.

mod audited_write;
mod batch_get;
mod compression;
mod config_table;
mod delivery_table;
mod error;
mod event_table;
mod quarantine;
mod throttle_backoff;

pub use audited_write::{ConfigWrite, WriteOutcome};
pub use batch_get::{Item, batch_get, consumed_units};
pub use config_table::cached_records::CachedRecords;
pub use config_table::deployment::{Deployment, DeploymentCheck, is_deployment};
pub use config_table::slot_key::{SlotKey, is_slot_key};
pub use config_table::table::ConfigTable;
pub use config_table::target_presence::TargetPresence;
pub use delivery_table::item_update::status_key;
pub use delivery_table::table::DeliveryTable;
pub use error::Error;
pub use event_table::event_item::LATE_AFTER;
pub use event_table::filter_expression::FilterExpression;
pub use event_table::insert_deferred::DeferredInsert;
pub use event_table::insert_event::FirstInsert;
pub use event_table::insert_outcome::{InsertOutcome, InsertRefusal, InsertResult};
pub use event_table::item_key::{index_key, link_key, shard_key};
pub use event_table::pack_fence::{FENCE_SPREAD_MS, MAX_FENCE_AGE, PACK_FENCE_KEY, PackFence};
pub use event_table::partition_query::PartitionQuery;
pub use event_table::partition_scan::{PartitionScan, ScanStep};
pub use event_table::reshard_item::reshard_item;
pub use event_table::stream_image::event_from_image;
pub use event_table::table::EventTable;
pub use quarantine::{Quarantine, QuarantineFilter, QuarantinePage, QuarantinedEvent};
