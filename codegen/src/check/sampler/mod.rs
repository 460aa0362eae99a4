//! Sampling: generation of values that a schema is likely to accept.

mod number_sampler;
mod schema_list;
mod string_sampler;
mod value_sampler;

pub use value_sampler::Sampler;
