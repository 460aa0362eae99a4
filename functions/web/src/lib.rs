//! What the HTTP functions share: their tables of operations, keys, problem documents, request ids,
//! query parameters.

mod accept;
mod api;
mod app;
mod auth;
mod json;
mod problem;
mod query;
mod range;
pub mod token;

pub use accept::{must_accept_json, not_acceptable};
pub use api::{Answer, Content, Method, Operation, Parameter, Place, Refusal, Routes, SchemaOf, schema_of};
pub use app::{MAX_BODY, finish};
pub use auth::{Caller, EVERY_KEYED, Ingest, Keys, Manage, Read};
pub use json::{BODY_REFUSALS, JsonBody, unreadable};
pub use problem::{Kind, Problem};
pub use query::{Params, list, text};
pub use range::{from_after_to, time_range};
