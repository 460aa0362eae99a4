//! Summary templates: `**{actor}** created **{subject}**[ in project **{project}**]`.
//!
//! `{name}` is a field of the event, `{/json/pointer}` a value of its payload, and `{one|other}` the
//! first of them that has a value. What stands in square brackets is left out where a value in it is missing. All else is Markdown, as it is.

/// A template, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Piece {
    Text(String),
    Field(&'static str),
    At(String),
    Optional(Vec<Piece>),
    First(Vec<Piece>),
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
    if name.contains('|') {
        return Ok(Piece::First(name.split('|').map(placeholder).collect::<Result<_, _>>()?));
    }
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
    fn a_placeholder_may_name_several() {
        let at = |pointer: &str| Piece::At(pointer.to_owned());
        let choices = vec![at("/data/name"), at("/data/email"), Piece::Field("Subject")];
        assert_eq!(parse("{/data/name|/data/email|subject}").unwrap(), [Piece::First(choices)]);
    }

    #[test]
    fn mistakes_are_named() {
        for (template, said) in [
            ("{actor", "`{` is not closed"),
            ("a]", "`]` closes nothing"),
            ("{user}", "`{user}` is no field"),
            ("{actor|}", "`{}` is no field"),
            ("[a[b]]", "`[` is not closed"),
        ] {
            let message = parse(template).unwrap_err();
            assert!(message.starts_with(said), "{template}: {message}");
        }
    }
}
