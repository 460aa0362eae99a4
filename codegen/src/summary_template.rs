//! Summary templates: `**{actor}** created **{subject}**[ in project **{project}**]`.
//!
//! `{name}` is a field of the event, `{/json/pointer}` is a value of its payload, and `{one|other}` is
//! the first of these that has a value. A part in square brackets is omitted if a value in it is
//! missing. Everything else is Markdown.

/// A segment of a parsed template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum SummarySegment {
    /// Literal Markdown.
    Text(String),
    /// A field of the event: a variant of `Field` in the events crate.
    Field(&'static str),
    /// The value at a JSON Pointer into the payload.
    At(String),
    /// Segments that are omitted if a value in them is missing.
    Optional(Vec<SummarySegment>),
    /// Alternatives, of which the first with a value is used.
    First(Vec<SummarySegment>),
}

/// Fields that a template may name, with the variants of `Field` in the events crate.
const FIELDS: [(&str, &str); 6] = [
    ("actor", "Actor"),
    ("environment", "Environment"),
    ("level", "Level"),
    ("project", "Project"),
    ("subject", "Subject"),
    ("type", "Type"),
];

/// Parses a template.
pub(crate) fn parse_template(template: &str) -> Result<Vec<SummarySegment>, String> {
    let mut segments = Vec::new();
    let mut rest = template;
    while let Some(start) = rest.find(['{', '[', '}', ']']) {
        push_text(&mut segments, &rest[..start]);
        let (open, after) = rest[start..].split_at(1);
        let close = match open {
            "{" => '}',
            "[" => ']',
            _ => return Err(format!("`{open}` has no opening bracket: remove it")),
        };
        let Some((inner, tail)) = after.split_once(close) else {
            return Err(format!("`{open}` is not closed: add `{close}`"));
        };
        segments.push(if open == "[" {
            SummarySegment::Optional(parse_template(inner)?)
        } else {
            parse_placeholder(inner)?
        });
        rest = tail;
    }
    push_text(&mut segments, rest);
    Ok(segments)
}

fn push_text(segments: &mut Vec<SummarySegment>, text: &str) {
    if !text.is_empty() {
        segments.push(SummarySegment::Text(text.to_owned()));
    }
}

fn parse_placeholder(name: &str) -> Result<SummarySegment, String> {
    if name.contains('|') {
        return Ok(SummarySegment::First(name.split('|').map(parse_placeholder).collect::<Result<_, _>>()?));
    }
    if name.starts_with('/') {
        return Ok(SummarySegment::At(name.to_owned()));
    }
    let field = FIELDS.iter().find(|(field, _)| *field == name);
    field.map(|(_, variant)| SummarySegment::Field(variant)).ok_or_else(|| {
        let known = FIELDS.map(|(field, _)| field).join(", ");
        format!("`{{{name}}}` is not a field: use one of {known}, or a JSON Pointer such as {{/data/name}}")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_is_split_into_segments() {
        let text = |text: &str| SummarySegment::Text(text.to_owned());
        assert_eq!(
            parse_template("**{actor}** moved it[ to {/data/to}].").unwrap(),
            [
                text("**"),
                SummarySegment::Field("Actor"),
                text("** moved it"),
                SummarySegment::Optional(vec![text(" to "), SummarySegment::At("/data/to".to_owned())]),
                text("."),
            ]
        );
    }

    #[test]
    fn a_placeholder_may_list_alternatives() {
        let at = |pointer: &str| SummarySegment::At(pointer.to_owned());
        let choices = vec![at("/data/name"), at("/data/email"), SummarySegment::Field("Subject")];
        assert_eq!(parse_template("{/data/name|/data/email|subject}").unwrap(), [SummarySegment::First(choices)]);
    }

    #[test]
    fn syntax_errors_are_reported() {
        for (template, expected) in [
            ("{actor", "`{` is not closed"),
            ("a]", "`]` has no opening bracket"),
            ("{user}", "`{user}` is not a field"),
            ("{actor|}", "`{}` is not a field"),
            ("[a[b]]", "`[` is not closed"),
        ] {
            let message = parse_template(template).unwrap_err();
            assert!(message.starts_with(expected), "{template}: {message}");
        }
    }
}
