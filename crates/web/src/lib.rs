//! What the HTTP functions share: their tables of operations, keys, problem documents, request ids,
//! query parameters.

mod accept;
mod api;
mod app;
mod auth;
mod caching;
pub mod filters;
mod json;
mod problem;
mod query;
mod range;
mod size;
mod split;
pub mod token;

pub use accept::{must_accept_json, not_acceptable};
pub use api::{Answer, Content, Method, Operation, Parameter, Place, Refusal, Routes, SchemaOf, join, schema_of};
pub use app::{MAX_BODY, cors_origins, finish, for_readers};
pub use auth::{AnyKey, Caller, EVERY_KEYED, Ingest, Keys, Manage, Read, ReadAny, ReadOrManage, UNKNOWN};
pub use caching::{Caching, answer_cached};
pub use json::{AnyJsonBody, BODY_REFUSALS, JsonBody, Object, unreadable};
pub use problem::{Kind, Problem};
pub use query::{Params, bad, list, shortened, text};
pub use range::{from_after_to, range_of, time_range};
pub use size::{MAX_ANSWER, answer_size, needs_compression};
