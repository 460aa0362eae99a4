use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Map, Value};

use super::{Escape, Position, Template, TemplateTag, validate_json};

const MAX_BODY_BYTES: usize = 1 << 20;

/// Texts made of the elements of templates, and any texts.
fn text() -> impl Strategy<Value = String> {
    let elements = [
        "{{",
        "}}",
        "{{{",
        "}}}",
        "{",
        "}",
        "#",
        "^",
        "/",
        "!",
        "&",
        ">",
        "=",
        "a",
        "b",
        "a.b",
        ".",
        "0",
        "length",
        " ",
        "\n",
        "\r\n",
        "\t",
        "é",
        "🦀",
        "\"",
        "\\",
        "{{#a}}",
        "{{/a}}",
        "{{^b}}",
        "{{/b}}",
        "{{.}}",
        "{{{a.0}}}",
    ];
    let elements_text = vec(prop::sample::select(elements.to_vec()), 0..40).prop_map(|elements| elements.concat());
    prop_oneof![elements_text, any::<String>()]
}

fn key() -> impl Strategy<Value = String> {
    prop_oneof![4 => prop::sample::select(vec!["a", "b", "c", "0"]).prop_map(str::to_owned), 1 => any::<String>()]
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 5, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..5).prop_map(Value::from),
            vec((key(), inner), 0..5).prop_map(|members| Value::from(Map::from_iter(members))),
        ]
    })
}

fn context() -> impl Strategy<Value = Value> {
    vec((key(), value()), 0..6).prop_map(|members| Value::from(Map::from_iter(members)))
}

/// Content of a JSON string: escaped text, escaped tags, and sections of these.
fn string_content() -> impl Strategy<Value = String> {
    let text = any::<String>().prop_map(|text| {
        let quoted = Value::from(text.replace(['{', '}'], "")).to_string();
        quoted[1..quoted.len() - 1].to_owned()
    });
    let name = || prop::sample::select(vec!["a", "b", "a.b", "b.0", "a.length", "c", "."]);
    let leaf = prop_oneof![text, name().prop_map(|name| format!("{{{{ {name} }}}}"))];
    leaf.prop_recursive(4, 24, 4, move |inner| {
        (prop::sample::select(vec!["#", "^"]), name(), vec(inner, 0..4))
            .prop_map(|(sigil, name, inner)| format!("{{{{{sigil}{name}}}}}{}{{{{/{name}}}}}", inner.concat()))
    })
}

fn escape() -> impl Strategy<Value = Escape> {
    prop::sample::select(vec![Escape::Json, Escape::Markup, Escape::Form, Escape::None])
}

/// The text from a position on, if the position exists. The end of an empty text is a position.
fn text_at(text: &str, line: usize, column: usize) -> Option<&str> {
    let start: usize = text.split_inclusive('\n').take(line.checked_sub(1)?).map(str::len).sum();
    let line = text[start..].split_inclusive('\n').next().unwrap_or_default();
    let column = column.checked_sub(1)?;
    let (offset, _) = line.char_indices().nth(column).or((text.is_empty() && column == 0).then_some((0, '\0')))?;
    Some(&text[start + offset..])
}

proptest! {
    #[test]
    fn any_text_parses_or_has_an_error_within_it(text in text()) {
        match Template::parse(&text) {
            Ok(template) => {
                for TemplateTag { name, position: Position { line, column }, .. } in template.tags() {
                    let tag = text_at(&text, *line, *column).unwrap();
                    prop_assert!(tag.starts_with("{{") && tag.contains(&**name));
                }
            }
            Err(error) => prop_assert!(text_at(&text, error.line, error.column).unwrap().starts_with("{{")),
        }
    }

    #[test]
    fn any_context_renders_or_has_an_error_within_the_template(
        text in text(),
        context in value(),
        escape in escape(),
        max_bytes in 0..200_usize,
    ) {
        let Ok(template) = Template::parse(&text) else { return Ok(()) };
        let whole = template.render(&context, escape, MAX_BODY_BYTES).unwrap();
        match template.render(&context, escape, max_bytes) {
            Ok(body) => prop_assert!(body == whole && body.len() <= max_bytes),
            Err(error) => {
                prop_assert!(whole.len() > max_bytes);
                prop_assert!(text_at(&text, error.line, error.column).is_some(), "{error}");
            }
        }
    }

    #[test]
    fn escaped_tags_in_strings_render_to_json(content in string_content(), context in context()) {
        let template = format!("{{\"text\": \"{content}\"}}");
        let body = Template::parse(&template).unwrap().render(&context, Escape::Json, MAX_BODY_BYTES).unwrap();
        prop_assert_eq!(validate_json(&body), Ok(()));
        prop_assert!(serde_json::from_str::<Value>(&body).is_ok());
    }

    #[test]
    fn escaped_values_round_trip(value in value(), escape in escape()) {
        let context = Value::from(Map::from_iter([("a".to_owned(), value.clone())]));
        let body = Template::parse("{{a}}").unwrap().render(&context, escape, MAX_BODY_BYTES).unwrap();
        let expected = match value {
            Value::Null => String::new(),
            Value::String(string) => string,
            value => value.to_string(),
        };
        let read = match escape {
            Escape::Json => serde_json::from_str(&format!("\"{body}\"")).unwrap(),
            Escape::Markup => {
                prop_assert!(!body.contains(['<', '>', '"', '\'']), "{}", body);
                let plain = body.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"");
                plain.replace("&#39;", "'").replace("&amp;", "&")
            }
            Escape::Form => {
                prop_assert!(body.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~%".contains(&byte)));
                percent_encoding::percent_decode_str(&body).decode_utf8().unwrap().into_owned()
            }
            Escape::None => body,
        };
        prop_assert_eq!(read, expected);
    }

    #[test]
    fn text_without_tags_renders_to_itself(text in any::<String>()) {
        prop_assume!(!text.contains("{{"));
        prop_assert_eq!(Template::parse(&text).unwrap().render(&Value::Null, Escape::Json, MAX_BODY_BYTES).unwrap(), text);
    }

    #[test]
    fn text_that_is_not_json_has_an_error_within_it(text in text()) {
        let error = validate_json(&text).err();
        prop_assert!(error.is_some() || serde_json::from_str::<Value>(&text).is_ok());
        if let Some(error) = error {
            let lines = text.split('\n').count();
            prop_assert!((1..=lines).contains(&error.line), "{error}");
            let columns = text.split('\n').nth(error.line - 1).unwrap().chars().count();
            prop_assert!((1..=columns.max(1)).contains(&error.column), "{error}");
        }
    }
}
