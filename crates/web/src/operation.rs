//! Operation tables: the single description of a function's API, from which its router and the `OpenAPI` document are
//! built.
//!
//! Tables are constants, and schemas are function pointers. A starting function therefore reads only paths and methods;
//! it never builds a schema.

use axum::handler::Handler;
use axum::routing::{MethodFilter, on};
use axum::{Extension, Router};
use model::KeyScope;
use schemars::{JsonSchema, Schema, SchemaGenerator};

use crate::problem::Problem;

/// A function that builds the schema of a type or a parameter.
pub type SchemaOf = fn(&mut SchemaGenerator) -> Schema;

/// The [`SchemaOf`] of `T`.
pub fn schema_of<T: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    generator.subschema_for::<T>()
}

/// One method of one path, with its parameters, bodies and responses.
#[derive(Debug)]
pub struct Operation {
    /// HTTP method.
    pub method: Method,
    /// Path template, with path parameters in braces.
    pub path: &'static str,
    /// `operationId`: the name that generated clients use.
    pub id: &'static str,
    /// Imperative summary of a few words.
    pub summary: &'static str,
    /// Further details, in Markdown.
    pub description: &'static str,
    /// Permission that the operation requires; `None` for public operations.
    pub scope: Option<KeyScope>,
    /// Other permissions that are sufficient.
    pub other_scopes: &'static [KeyScope],
    /// Path and query parameters.
    pub parameters: &'static [Parameter],
    /// True if unknown query parameters are ignored instead of rejected, for callers that rely on that.
    pub allow_unknown_query: bool,
    /// Accepted request bodies; empty for operations without a body.
    pub body: &'static [Content],
    /// True if the body may be omitted or null.
    pub body_is_optional: bool,
    /// Responses that are not problems.
    pub responses: &'static [SuccessResponse],
    /// Problem responses in addition to [`COMMON_AUTH_ERRORS`](crate::COMMON_AUTH_ERRORS).
    pub errors: &'static [ErrorResponse],
}

impl Operation {
    /// A public operation without parameters or body. Tables override the fields that differ.
    pub const DEFAULT: Self = Self {
        method: Method::Get,
        path: "/",
        id: "",
        summary: "",
        description: "",
        scope: None,
        other_scopes: &[],
        parameters: &[],
        allow_unknown_query: false,
        body: &[],
        body_is_optional: false,
        responses: &[],
        errors: &[],
    };
}

/// The HTTP methods that the API uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// `GET`.
    Get,
    /// `POST`.
    Post,
    /// `PATCH`.
    Patch,
    /// `DELETE`.
    Delete,
}

/// A path or query parameter.
#[derive(Debug, Clone, Copy)]
pub struct Parameter {
    /// Parameter name.
    pub name: &'static str,
    /// Location of the parameter, which also says whether it is required.
    pub location: ParameterLocation,
    /// Meaning of the parameter, in Markdown.
    pub description: &'static str,
    /// Schema of its value. An array is a single value that contains commas.
    pub schema: SchemaOf,
    /// Example value as JSON. The examples of all parameters of an operation can be combined; a parameter that cannot
    /// be combined with the others has an empty example.
    pub example: &'static str,
}

impl Parameter {
    /// A path parameter.
    pub const fn path(name: &'static str, description: &'static str, schema: SchemaOf, example: &'static str) -> Self {
        Self { name, location: ParameterLocation::Path, description, schema, example }
    }

    /// An optional query parameter.
    pub const fn query(name: &'static str, description: &'static str, schema: SchemaOf, example: &'static str) -> Self {
        Self { name, location: ParameterLocation::Query, description, schema, example }
    }
}

/// Location of a parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ParameterLocation {
    /// In the path.
    Path,
    /// In the query string; optional.
    Query,
    /// In the query string; required.
    RequiredQuery,
}

/// Joins tables of parameters into one `&'static [Parameter]` at compile time.
#[macro_export]
macro_rules! join_parameters {
    ($($table:expr),+ $(,)?) => {{
        const TABLES: &[&[$crate::Parameter]] = &[$($table),+];
        const LENGTH: usize = $crate::total_length(TABLES);
        const JOINED: [$crate::Parameter; LENGTH] = $crate::concatenate(TABLES);
        &JOINED
    }};
}

/// Number of parameters in all tables; for [`join_parameters!`].
#[doc(hidden)]
pub const fn total_length(tables: &[&[Parameter]]) -> usize {
    let mut length = 0;
    let mut table = 0;
    while table < tables.len() {
        length += tables[table].len();
        table += 1;
    }
    length
}

/// Concatenation of tables that have `N` parameters in total; for [`join_parameters!`].
///
/// # Panics
/// During compilation, if the first table is empty or `N` is not the total length.
#[doc(hidden)]
pub const fn concatenate<const N: usize>(tables: &[&[Parameter]]) -> [Parameter; N] {
    let mut joined = [tables[0][0]; N];
    let (mut length, mut table) = (0, 0);
    while table < tables.len() {
        let mut index = 0;
        while index < tables[table].len() {
            joined[length] = tables[table][index];
            length += 1;
            index += 1;
        }
        table += 1;
    }
    assert!(length == N, "N must be the total length of the tables");
    joined
}

/// A request or response body.
#[derive(Debug)]
pub struct Content {
    /// Media type.
    pub media_type: &'static str,
    /// Schema of the body.
    pub schema: SchemaOf,
    /// Named example bodies, as JSON.
    pub examples: &'static [(&'static str, &'static str)],
}

impl Content {
    /// A JSON body.
    pub const fn json(schema: SchemaOf, examples: &'static [(&'static str, &'static str)]) -> Self {
        Self { media_type: "application/json", schema, examples }
    }
}

/// A response that is not a problem.
#[derive(Debug)]
pub struct SuccessResponse {
    /// Status code.
    pub status: u16,
    /// The case in which the operation responds like this.
    pub description: &'static str,
    /// Response body.
    pub content: Option<Content>,
    /// Alternative representations of the body that clients can request.
    pub alternatives: &'static [Content],
}

impl SuccessResponse {
    /// A response without a body.
    pub const fn empty(status: u16, description: &'static str) -> Self {
        Self { status, description, content: None, alternatives: &[] }
    }

    /// A response with the given body.
    pub const fn with(status: u16, description: &'static str, content: Content) -> Self {
        Self { status, description, content: Some(content), alternatives: &[] }
    }

    /// A response with a JSON body.
    pub const fn json(
        status: u16,
        description: &'static str,
        schema: SchemaOf,
        examples: &'static [(&'static str, &'static str)],
    ) -> Self {
        Self::with(status, description, Content::json(schema, examples))
    }
}

/// A problem with which an operation responds.
#[derive(Debug, Clone, Copy)]
pub struct ErrorResponse {
    /// The case in which the operation responds like this.
    pub description: &'static str,
    /// Builds an example problem with the same code that the operation uses.
    pub example: fn() -> Problem,
}

/// A collection of operations: a router, or a list for the `OpenAPI` document.
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
        // The extractors of `auth` and `query_params` read the operation to validate the query parameters.
        self.route(operation.path, on(method, handler).route_layer(Extension(operation)))
    }
}

impl<S> Routes<S> for Vec<&'static Operation> {
    fn with<T: 'static>(mut self, operation: &'static Operation, _: impl Handler<T, S>) -> Self {
        self.push(operation);
        self
    }
}
