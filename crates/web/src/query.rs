//! Query parameters, read strictly: nothing is silently ignored.

use axum::extract::RawQuery;
use schemars::{Schema, SchemaGenerator, json_schema};

use crate::api::{Parameter, Place};
use crate::problem::{Kind, Problem};
use crate::split::split;

/// The most bytes that one parameter's value may have.
const MAX_VALUE: usize = 4096;

/// The most values of one parameter.
const MAX_VALUES: usize = 50;

/// The schema of what [`Params::list`] reads.
pub fn list(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "description": "Any of these, separated by commas; spaces around them do not count. A value that has a comma, \
            spaces at an end, or a quotation mark at its beginning stands in quotation marks, each of its own written \
            twice: `\"a,b\"`.",
        "type": "array",
        "minItems": 1,
        "maxItems": MAX_VALUES,
        // Not empty, and not of spaces alone; or in quotation marks.
        "items": { "type": "string", "pattern": "^(\\s*[^,\"\\s][^,]*|\\s*\"([^\"]|\"\")+\"\\s*)$" },
    })
}

/// The schema of a parameter that is taken as it stands.
pub fn text(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "minLength": 1 })
}

/// A request's query parameters, each known and given once.
#[derive(Debug, Default)]
pub struct Params(Vec<(String, String)>);

impl Params {
    /// The parameters of a query string, all of them among those of `known` that a query has.
    pub fn read(RawQuery(query): RawQuery, known: &[Parameter]) -> Result<Self, Problem> {
        let mut params: Vec<(String, String)> = Vec::new();
        for pair in query.unwrap_or_default().split('&').filter(|pair| !pair.is_empty()) {
            let (parameter, encoded) = known_parameter(pair, known)?;
            let name = parameter.name.to_owned();
            let value = decoded(encoded).ok_or_else(|| no_text(&name, encoded))?;
            if params.iter().any(|(other, _)| *other == name) {
                return Err(twice(parameter));
            }
            if value.is_empty() {
                return Err(bad(&name, "has an empty value: leave it out, or say what it is"));
            }
            if value.len() > MAX_VALUE {
                return Err(too_long(&name, &value));
            }
            params.push((name, value));
        }
        Ok(Self(params))
    }

    /// The parameter's value, where it was given.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
    }

    /// The parameter's values: any of them may match. Empty where it was not given.
    pub fn list(&self, name: &str) -> Result<Vec<String>, Problem> {
        let Some(value) = self.get(name) else { return Ok(Vec::new()) };
        let is = |what: &str| bad(name, &format!("is {:?}: {what}", shortened(value)));
        let values = split(value).ok_or_else(|| {
            is("a value that begins with a quotation mark ends with one, and has each of its own twice")
        })?;
        if values.iter().any(String::is_empty) {
            return Err(is("one of its values is empty"));
        }
        if values.len() > MAX_VALUES {
            return Err(is(&format!("those are {} values, and {MAX_VALUES} are allowed", values.len())));
        }
        Ok(values)
    }

    /// The parameter's values, each one of `allowed`.
    pub fn words(&self, name: &str, allowed: &[&str]) -> Result<Vec<String>, Problem> {
        let values = self.list(name)?;
        match values.iter().find(|value| !allowed.contains(&value.as_str())) {
            Some(value) => Err(bad(name, &format!("is {:?}: expected {}", shortened(value), allowed.join(", ")))),
            None => Ok(values),
        }
    }

    /// The parameter's value, one of `allowed`, where it was given.
    pub fn word(&self, name: &str, allowed: &[&str]) -> Result<Option<&str>, Problem> {
        match self.get(name) {
            Some(value) if !allowed.contains(&value) => {
                Err(bad(name, &format!("is {:?}: expected {}", shortened(value), allowed.join(" or "))))
            }
            value => Ok(value),
        }
    }

    /// The parameter's value, of at most so many characters.
    pub fn short(&self, name: &str, most: usize) -> Result<Option<&str>, Problem> {
        match self.get(name) {
            Some(value) if value.chars().count() > most => {
                let count = value.chars().count();
                Err(bad(
                    name,
                    &format!("is {:?}…: that has {count} characters, and {most} are allowed", shortened(value)),
                ))
            }
            value => Ok(value),
        }
    }

    /// The parameter's value read by `parse`; `expected` says what it may be.
    pub fn parsed<T>(
        &self,
        name: &str,
        expected: &str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Result<Option<T>, Problem> {
        let Some(value) = self.get(name) else { return Ok(None) };
        parse(value).map(Some).ok_or_else(|| bad(name, &format!("is {:?}: expected {expected}", shortened(value))))
    }
}

/// Refuses a query with a parameter that is not among `known`.
pub(crate) fn must_know(query: &str, known: &[Parameter]) -> Result<(), Problem> {
    query.split('&').filter(|pair| !pair.is_empty()).try_for_each(|pair| known_parameter(pair, known).map(drop))
}

/// A parameter that a query may have, and its value as it was sent.
fn known_parameter<'a, 'k>(pair: &'a str, known: &'k [Parameter]) -> Result<(&'k Parameter, &'a str), Problem> {
    let (encoded_name, encoded) = pair.split_once('=').unwrap_or((pair, ""));
    let name = decoded(encoded_name).ok_or_else(|| no_text(&shortened(encoded_name), encoded_name))?;
    let parameter = of_query(known).find(|parameter| parameter.name == name);
    parameter.map(|parameter| (parameter, encoded)).ok_or_else(|| unknown(&name, known))
}

/// A part of a query as it was before it was encoded; `None` where that is no text.
fn decoded(part: &str) -> Option<String> {
    let part = part.replace('+', " ");
    percent_encoding::percent_decode_str(&part).decode_utf8().ok().map(std::borrow::Cow::into_owned)
}

/// As much of a value as an answer repeats.
pub fn shortened(text: &str) -> String {
    text.chars().take(64).collect()
}

/// Those of an operation's parameters that stand in its query.
fn of_query(known: &[Parameter]) -> impl Iterator<Item = &Parameter> {
    known.iter().filter(|parameter| parameter.place != Place::Path)
}

/// The problem of a parameter that stands there twice.
fn twice(parameter: &Parameter) -> Problem {
    let schema = (parameter.schema)(&mut SchemaGenerator::default());
    let takes_several = schema.get("type").is_some_and(|kind| kind == "array");
    let what = if takes_several { "separate several values by commas" } else { "it takes one value" };
    bad(parameter.name, &format!("is given twice: {what}"))
}

/// The problem of a parameter that its path does not know.
fn unknown(name: &str, known: &[Parameter]) -> Problem {
    let name = shortened(name);
    let known: Vec<&str> = of_query(known).map(|parameter| parameter.name).collect();
    let takes = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
    bad(&name, &format!("is not a parameter of this path, which takes {takes}"))
}

/// The problem of a parameter of a path that takes none.
pub(crate) fn takes_none() -> Problem {
    unknown("version", &[])
}

/// The problem of a value that is too long.
fn too_long(name: &str, value: &str) -> Problem {
    bad(name, &format!("is {:?}…: that has {} bytes, and {MAX_VALUE} are allowed", shortened(value), value.len()))
}

/// The problem of bytes that are no text.
fn no_text(name: &str, encoded: &str) -> Problem {
    bad(name, &format!("is {:?}: those bytes are no UTF-8", shortened(encoded)))
}

/// The problem of one parameter.
pub fn bad(name: &str, what: &str) -> Problem {
    Problem::new(Kind::BadRequest, format!("The parameter `{name}` {what}")).with("parameter", name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(query: &str) -> Result<Params, Problem> {
        let known = [
            Parameter::path("name", "", text, ""),
            Parameter::query("type", "", list, "[]"),
            Parameter::query("limit", "", text, ""),
        ];
        Params::read(RawQuery(Some(query.to_owned())), &known)
    }

    #[test]
    fn values_are_decoded_and_split() {
        let params = read("type=a%20b,c&limit=5").unwrap();
        assert_eq!(params.list("type").unwrap(), ["a b", "c"]);
        assert_eq!(params.parsed("limit", "", |value| value.parse::<u32>().ok()).unwrap(), Some(5));
    }

    #[test]
    fn a_part_of_the_path_is_no_parameter_of_the_query() {
        let known = [Parameter::path("id", "", text, ""), Parameter::query("from", "", text, "")];
        assert!(must_know("from=1&&from=2", &known).is_ok(), "what is wrong with them is another's matter");
        for (query, name) in [("id=1", "id"), ("from=1&x", "x"), ("%FF=1", "%FF")] {
            assert_eq!(must_know(query, &known).unwrap_err().document()["parameter"], name, "{query}");
        }
        let refused = must_know("id=1", &known[..1]).unwrap_err();
        assert!(refused.document()["detail"].as_str().unwrap().ends_with("which takes none"));
    }

    #[test]
    fn what_is_wrong_names_its_parameter() {
        for (query, name) in
            [("x=1", "x"), ("name=a", "name"), ("type=a&type=b", "type"), ("type=%FF", "type"), ("%FF=a", "%FF")]
        {
            assert_eq!(read(query).unwrap_err().document()["parameter"], name, "{query}");
        }
        for query in ["type=", "type=a,,b", "type=a,"] {
            assert!(read(query).and_then(|params| params.list("type")).is_err(), "{query}");
        }
        let refused = read("limit=many").unwrap().parsed("limit", "a number", |value| value.parse::<u32>().ok());
        assert!(refused.unwrap_err().document()["detail"].as_str().unwrap().contains("many"));
    }
    #[test]
    fn commas_are_advised_where_they_help() {
        let detail = |query: &str| read(query).unwrap_err().detail().to_owned();
        assert!(detail("type=a&type=b").ends_with("given twice: separate several values by commas"));
        assert!(detail("limit=1&limit=1").ends_with("given twice: it takes one value"));
        assert!(detail("name=a").ends_with("which takes type, limit"), "{}", detail("name=a"));
    }

    #[test]
    fn characters_are_counted_not_bytes() {
        let umlauts = |count: usize| read(&format!("limit={}", "%C3%BC".repeat(count))).unwrap();
        assert!(umlauts(10).short("limit", 10).is_ok());
        assert!(umlauts(11).short("limit", 10).unwrap_err().detail().contains("11 characters"));
    }
}
