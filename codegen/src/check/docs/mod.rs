//! Reference pages for event types: descriptions, fields, and examples.

mod field_row;
mod html;
mod page;
mod writer;

pub(super) use writer::write_pages;
