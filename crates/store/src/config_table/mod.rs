//! The `config` table, which holds sources, keys, targets and replays.

pub(crate) mod cached_records;
pub(crate) mod deployment;
mod replay_progress;
pub(crate) mod slot_key;
pub(crate) mod table;
pub(crate) mod target_presence;
mod target_state;
