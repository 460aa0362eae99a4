//! The `deliveries` table, which holds the status and attempts of each event and target.

pub(crate) mod item_update;
mod list;
pub(crate) mod table;
mod write;
