//! What the HTTP functions share: keys, problem documents, request ids, query parameters.

mod app;
mod auth;
mod json;
mod problem;
mod query;
pub mod token;

pub use app::{MAX_BODY, finish};
pub use auth::{Caller, Ingest, Keys, Manage, Read};
pub use json::{JsonBody, unreadable};
pub use problem::{Kind, Problem};
pub use query::Params;
