//! JSON request bodies, with problem details for invalid ones.

use std::fmt::{self, Display};
use std::marker::PhantomData;

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{FromRequest, Request};
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, DeserializeOwned, Deserializer, Error, MapAccess, Unexpected, Visitor};

use crate::middleware::MAX_BODY_BYTES;
use crate::operation::ErrorResponse;
use crate::problem::{Problem, ProblemType};

/// The errors of every operation that takes a [`JsonBody`].
pub const BODY_ERRORS: [ErrorResponse; 2] = [
    ErrorResponse {
        description: "The body is not JSON, has an unknown field, or lacks a required field.",
        example: || invalid_body("missing field `name` at line 1 column 2"),
    },
    ErrorResponse { description: "The body is larger than 4.5 MB.", example: too_large },
];

/// A request body that is a JSON object. The type itself rejects unknown fields (`deny_unknown_fields`).
#[derive(Debug)]
pub struct JsonBody<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for JsonBody<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let AnyJsonBody(Object(body)) = AnyJsonBody::from_request(request, state).await?;
        Ok(Self(body))
    }
}

/// A request body that is any JSON value.
#[derive(Debug)]
pub struct AnyJsonBody<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for AnyJsonBody<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let body = Bytes::from_request(request, state).await.map_err(unreadable_body)?;
        serde_json::from_slice(&body).map(Self).map_err(invalid_body)
    }
}

/// A value that is deserialized from an object only. Types with a derived `Deserialize` also accept an array, with
/// their fields by position, which no client intends.
#[derive(Debug)]
pub struct Object<T>(pub T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(value: D) -> Result<Self, D::Error> {
        // Not `deserialize_map`: its errors would quote a value of another type.
        value.deserialize_any(ObjectVisitor(PhantomData)).map(Self)
    }
}

struct ObjectVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for ObjectVisitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    // The value is not quoted, because it may be a secret.
    fn visit_str<E: Error>(self, _: &str) -> Result<T, E> {
        Err(E::invalid_type(Unexpected::Other("string"), &self))
    }

    fn visit_map<A: MapAccess<'de>>(self, fields: A) -> Result<T, A::Error> {
        T::deserialize(MapAccessDeserializer::new(fields))
    }
}

/// The problem of a body that could not be received completely.
pub fn unreadable_body(rejection: BytesRejection) -> Problem {
    if rejection.status() == axum::http::StatusCode::PAYLOAD_TOO_LARGE {
        return too_large();
    }
    Problem::new(ProblemType::BadRequest, "The body is incomplete: send the request again")
}

fn invalid_body(error: impl Display) -> Problem {
    Problem::new(ProblemType::BadRequest, format!("Invalid request body: {error}"))
}

fn too_large() -> Problem {
    Problem::new(
        ProblemType::TooLarge,
        format!("The body exceeds {MAX_BODY_BYTES} bytes: split it into several requests"),
    )
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use serde_json::{Value, json};

    use super::*;

    #[derive(Debug, Default, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields, default)]
    struct Pair {
        a: Option<u32>,
        b: Option<Vec<u32>>,
    }

    #[test]
    fn only_objects_are_accepted() {
        let read = |value: Value| {
            let of_text = serde_json::from_str(&value.to_string()).map(|Object::<Pair>(pair)| pair);
            let of_value = serde_json::from_value(value).map(|Object::<Pair>(pair)| pair);
            (of_text.map_err(|error| error.to_string()), of_value.map_err(|error| error.to_string()))
        };
        let pair = Pair { a: Some(1), b: Some(vec![2]) };
        assert_eq!(read(json!({ "a": 1, "b": [2] })).0.unwrap(), pair);
        assert_eq!(read(json!({ "b": [2], "a": 1 })).1.unwrap(), pair);
        assert_eq!(read(json!({})), (Ok(Pair::default()), Ok(Pair::default())));
        for other in [json!([]), json!([1, [2]]), json!("SECRET"), json!(null), json!(1)] {
            let (text, value) = read(other);
            for refused in [text.unwrap_err(), value.unwrap_err()] {
                assert!(refused.contains("expected an object") && !refused.contains("SECRET"), "{refused}");
            }
        }
        assert!(read(json!({ "c": 1 })).0.unwrap_err().contains("unknown field `c`"));
        assert!(serde_json::from_str::<Object<Pair>>(r#"{"a": 1, "a": 2}"#).unwrap_err().to_string().contains("dupl"));
    }
}
