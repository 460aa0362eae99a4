//! Parser for `CloudFormation` templates. A short form such as `!Ref Table` becomes an object with one member:
//! `{"Ref": "Table"}`.

use saphyr::{LoadableYamlNode as _, Scalar, Yaml};
use serde_json::{Map, Value, json};

/// Parses a template into JSON.
pub(crate) fn parse(text: &str) -> Value {
    let documents = Yaml::load_from_str(text).expect("YAML");
    convert(documents.first().expect("a document"))
}

fn convert(node: &Yaml<'_>) -> Value {
    match node {
        Yaml::Value(Scalar::Null) => Value::Null,
        Yaml::Value(Scalar::Boolean(value)) => json!(value),
        Yaml::Value(Scalar::Integer(value)) => json!(value),
        Yaml::Value(Scalar::FloatingPoint(value)) => json!(value.into_inner()),
        Yaml::Value(Scalar::String(value)) => json!(value),
        Yaml::Representation(text, _, None) => json!(text),
        Yaml::Representation(text, _, Some(tag)) => json!({ &tag.suffix: text }),
        Yaml::Sequence(items) => items.iter().map(convert).collect(),
        Yaml::Mapping(members) => {
            let members =
                members.iter().map(|(key, value)| (convert(key).as_str().expect("a name").to_owned(), convert(value)));
            Value::Object(members.collect::<Map<_, _>>())
        }
        Yaml::Tagged(tag, inner) => json!({ &tag.suffix: convert(inner) }),
        Yaml::Alias(_) | Yaml::BadValue => panic!("the template has an alias or an invalid value"),
    }
}
