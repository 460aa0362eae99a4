//! A function's operations: the one table that its router and the API's document are made from.
//!
//! Tables are constants, and what they say of types are function pointers: a function that starts
//! reads paths and methods, and never makes a schema.

use axum::handler::Handler;
use axum::routing::{MethodFilter, on};
use axum::{Extension, Router};
use model::KeyScope;
use schemars::{JsonSchema, Schema, SchemaGenerator};

use crate::problem::Problem;

/// Makes the schema of a type, or of a parameter.
pub type SchemaOf = fn(&mut SchemaGenerator) -> Schema;

/// The [`SchemaOf`] of `T`.
pub fn schema_of<T: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    generator.subschema_for::<T>()
}

/// One method of one path: what it takes and what it answers.
#[derive(Debug)]
pub struct Operation {
    /// The method.
    pub method: Method,
    /// The path, its parameters in braces.
    pub path: &'static str,
    /// A name for generated clients.
    pub id: &'static str,
    /// What it does, in a few words.
    pub summary: &'static str,
    /// What else there is to know, in Markdown.
    pub description: &'static str,
    /// The scope of the key that it needs.
    pub scope: Option<KeyScope>,
    /// What the path and the query may say.
    pub parameters: &'static [Parameter],
    /// Whether the query may say other things, which are ignored: where a caller expects that, or would lose by it.
    pub takes_others: bool,
    /// What is sent: nothing, or one of these.
    pub body: &'static [Content],
    /// Whether that may be left out, or null.
    pub body_is_optional: bool,
    /// How it answers where all went well.
    pub answers: &'static [Answer],
    /// How it says no, besides [`crate::EVERY_KEYED`].
    pub refusals: &'static [Refusal],
}

impl Operation {
    /// Takes nothing and needs no key: for tables to say only what is different.
    pub const PLAIN: Self = Self {
        method: Method::Get,
        path: "/",
        id: "",
        summary: "",
        description: "",
        scope: None,
        parameters: &[],
        takes_others: false,
        body: &[],
        body_is_optional: false,
        answers: &[],
        refusals: &[],
    };
}

/// The methods that the API uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// Reads.
    Get,
    /// Adds.
    Post,
    /// Changes.
    Patch,
    /// Removes.
    Delete,
}

/// A parameter of a path or a query.
#[derive(Debug, Clone, Copy)]
pub struct Parameter {
    /// Its name.
    pub name: &'static str,
    /// Where it stands.
    pub place: Place,
    /// What it means, in Markdown.
    pub description: &'static str,
    /// What it may be. An array is one value with commas.
    pub schema: SchemaOf,
    /// A value, as JSON, which goes together with those of all other parameters; empty where there is none that does.
    pub example: &'static str,
}

impl Parameter {
    /// A part of the path.
    pub const fn path(name: &'static str, description: &'static str, schema: SchemaOf, example: &'static str) -> Self {
        Self { name, place: Place::Path, description, schema, example }
    }

    /// A part of the query that may be left out.
    pub const fn query(name: &'static str, description: &'static str, schema: SchemaOf, example: &'static str) -> Self {
        Self { name, place: Place::Query, description, schema, example }
    }
}

/// Two tables of parameters as one of `N`, which is as many as both have.
///
/// # Panics
/// Where `N` is another number: while compiling.
pub const fn join<const N: usize>(a: &[Parameter], b: &[Parameter]) -> [Parameter; N] {
    assert!(a.len() + b.len() == N, "N is the number of both");
    let mut all = [if a.is_empty() { b[0] } else { a[0] }; N];
    let mut at = 0;
    while at < N {
        all[at] = if at < a.len() { a[at] } else { b[at - a.len()] };
        at += 1;
    }
    all
}

/// Where a parameter stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// In the path.
    Path,
    /// In the query, where it may be left out.
    Query,
    /// In the query, where it must be.
    RequiredQuery,
}

/// A body.
#[derive(Debug)]
pub struct Content {
    /// Its media type.
    pub media_type: &'static str,
    /// What it may be.
    pub schema: SchemaOf,
    /// Bodies as JSON, each with a name.
    pub examples: &'static [(&'static str, &'static str)],
}

impl Answer {
    /// An answer without a body.
    pub const fn empty(status: u16, when: &'static str) -> Self {
        Self { status, when, content: None, also: &[] }
    }

    /// An answer with this body.
    pub const fn with(status: u16, when: &'static str, content: Content) -> Self {
        Self { status, when, content: Some(content), also: &[] }
    }

    /// An answer with a JSON body.
    pub const fn json(
        status: u16,
        when: &'static str,
        schema: SchemaOf,
        examples: &'static [(&'static str, &'static str)],
    ) -> Self {
        Self::with(status, when, Content::json(schema, examples))
    }
}

impl Content {
    /// A JSON body.
    pub const fn json(schema: SchemaOf, examples: &'static [(&'static str, &'static str)]) -> Self {
        Self { media_type: "application/json", schema, examples }
    }
}

/// An answer that is no problem.
#[derive(Debug)]
pub struct Answer {
    /// Its status.
    pub status: u16,
    /// When it is given.
    pub when: &'static str,
    /// Its body.
    pub content: Option<Content>,
    /// The same in other forms, where they can be asked for.
    pub also: &'static [Content],
}

/// A problem that an operation answers with.
#[derive(Debug, Clone, Copy)]
pub struct Refusal {
    /// When it does.
    pub when: &'static str,
    /// One such problem, made as the operation makes it.
    pub example: fn() -> Problem,
}

/// What a function's table is read into: its router, or the list of its operations.
pub trait Routes<S>: Sized {
    /// Adds an operation and its handler.
    #[must_use]
    fn with<T: 'static>(self, operation: &'static Operation, handler: impl Handler<T, S>) -> Self;
}

impl<S: Clone + Send + Sync + 'static> Routes<S> for Router<S> {
    fn with<T: 'static>(self, operation: &'static Operation, handler: impl Handler<T, S>) -> Self {
        let method = match operation.method {
            Method::Get => MethodFilter::GET,
            Method::Post => MethodFilter::POST,
            Method::Patch => MethodFilter::PATCH,
            Method::Delete => MethodFilter::DELETE,
        };
        // Who reads the caller's key looks at what it asks for as well.
        self.route(operation.path, on(method, handler).route_layer(Extension(operation)))
    }
}

impl<S> Routes<S> for Vec<&'static Operation> {
    fn with<T: 'static>(mut self, operation: &'static Operation, _: impl Handler<T, S>) -> Self {
        self.push(operation);
        self
    }
}
