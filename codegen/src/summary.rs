//! Summary templates: `**{actor}** created **{subject}**[ in project **{project}**]`.
//!
//! `{name}` is a field of the event, `{/json/pointer}` a value of its payload. What stands in
//! square brackets is left out where a value in it is missing. All else is Markdown, as it is.

/// A template, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Piece {
    Text(String),
    Field(&'static str),
    At(String),
    Optional(Vec<Piece>),
}

/// The fields that a template may name, each with its variant of `Field` in the events crate.
const FIELDS: [(&str, &str); 6] = [
    ("actor", "Actor"),
    ("environment", "Environment"),
    ("level", "Level"),
    ("project", "Project"),
    ("subject", "Subject"),
    ("type", "Type"),
];

/// Takes a template apart.
pub(crate) fn parse(template: &str) -> Result<Vec<Piece>, String> {
    let mut pieces = Vec::new();
    let mut rest = template;
    while let Some(start) = rest.find(['{', '[', '}', ']']) {
        push_text(&mut pieces, &rest[..start]);
        let (open, after) = rest[start..].split_at(1);
        let close = match open {
            "{" => '}',
            "[" => ']',
            _ => return Err(format!("`{open}` closes nothing: remove it")),
        };
        let Some((inner, tail)) = after.split_once(close) else {
            return Err(format!("`{open}` is not closed: add `{close}`"));
        };
        pieces.push(if open == "[" { Piece::Optional(parse(inner)?) } else { placeholder(inner)? });
        rest = tail;
    }
    push_text(&mut pieces, rest);
    Ok(pieces)
}

fn push_text(pieces: &mut Vec<Piece>, text: &str) {
    if !text.is_empty() {
        pieces.push(Piece::Text(text.to_owned()));
    }
}

fn placeholder(name: &str) -> Result<Piece, String> {
    if name.starts_with('/') {
        return Ok(Piece::At(name.to_owned()));
    }
    let field = FIELDS.iter().find(|(field, _)| *field == name);
    field.map(|(_, variant)| Piece::Field(variant)).ok_or_else(|| {
        let known = FIELDS.map(|(field, _)| field).join(", ");
        format!("`{{{name}}}` is no field: use one of {known}, or a JSON Pointer such as {{/data/name}}")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_comes_apart() {
        let text = |text: &str| Piece::Text(text.to_owned());
        assert_eq!(
            parse("**{actor}** moved it[ to {/data/to}].").unwrap(),
            [
                text("**"),
                Piece::Field("Actor"),
                text("** moved it"),
                Piece::Optional(vec![text(" to "), Piece::At("/data/to".to_owned())]),
                text("."),
            ]
        );
    }

    #[test]
    fn mistakes_are_named() {
        for (template, said) in [
            ("{actor", "`{` is not closed"),
            ("a]", "`]` closes nothing"),
            ("{user}", "`{user}` is no field"),
            ("[a[b]]", "`[` is not closed"),
        ] {
            let message = parse(template).unwrap_err();
            assert!(message.starts_with(said), "{template}: {message}");
        }
    }
}
