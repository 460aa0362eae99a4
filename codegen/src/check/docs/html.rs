//! HTML of pages. Everything that comes from a schema is escaped.

use std::fmt::Write as _;

use serde_json::Value;

use super::fields::rows;
use super::{Entry, Group};

/// What may stand in a page: nothing from elsewhere, and no scripts or styles within it.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; base-uri 'none'; form-action 'none'";

/// The list of all types.
pub(super) fn index(groups: &[Group]) -> String {
    let mut body = String::from(
        "<h1>Event types</h1>\n<p><label>Search <input type=\"search\" id=\"search\" autocomplete=\"off\"></label></p>\n",
    );
    for group in groups {
        let _ = writeln!(
            body,
            "<section>\n<h2>{}</h2>\n<p>{}</p>\n<ul class=\"types\">",
            text(&group.title),
            text(&group.description)
        );
        for entry in &group.entries {
            let _ = writeln!(
                body,
                "<li><a href=\"{}\">{}</a> <b>{}</b> {}</li>",
                text(&entry.page),
                text(&entry.name),
                text(&entry.label),
                text(&entry.description)
            );
        }
        body.push_str("</ul>\n</section>\n");
    }
    page("Event types", &body, "")
}

/// The page of one type.
pub(super) fn entry(entry: &Entry) -> String {
    let up = "../".repeat(entry.page.matches('/').count());
    let mut body = format!("<p><a href=\"{up}index.html\">All types</a></p>\n<h1>{}</h1>\n", text(&entry.name));
    let _ = writeln!(body, "<p>{}</p>", text(&entry.description));
    if !entry.about.is_empty() {
        body.push_str("<dl>\n");
        for (term, value) in &entry.about {
            let _ = writeln!(body, "<dt>{term}</dt><dd>{}</dd>", text(value));
        }
        body.push_str("</dl>\n");
    }
    fields(&mut body, &entry.schema);
    if !entry.examples.is_empty() {
        body.push_str("<h2>Examples</h2>\n");
    }
    for example in &entry.examples {
        let _ = writeln!(body, "<pre><code>{}</code></pre>", text(&pretty(example)));
    }
    if !entry.refused.is_empty() {
        body.push_str("<h2>Refused</h2>\n<p>Such events are refused, at the place and by the keyword named.</p>\n");
    }
    for (reason, event) in &entry.refused {
        let _ = writeln!(body, "<h3>{}</h3>\n<pre><code>{}</code></pre>", text(reason), text(&pretty(event)));
    }
    let _ = writeln!(
        body,
        "<h2>JSON Schema</h2>\n<details>\n<summary>The whole schema, with all that it refers to</summary>\n<pre><code>{}</code></pre>\n</details>",
        text(&pretty(&entry.schema))
    );
    page(&entry.name, &body, &up)
}

fn fields(body: &mut String, schema: &Value) {
    let rows = rows(schema);
    body.push_str("<h2>Fields</h2>\n");
    if rows.is_empty() {
        body.push_str("<p>None that the schema names.</p>\n");
        return;
    }
    body.push_str(
        "<div class=\"wide\" tabindex=\"0\" role=\"region\" aria-label=\"Fields\">\n<table>\n<thead><tr><th scope=\"col\">Field</th>\
         <th scope=\"col\">Type</th><th scope=\"col\">Required</th><th scope=\"col\">Meaning</th></tr></thead>\n<tbody>\n",
    );
    for row in rows {
        let limits = match row.limits.is_empty() {
            true => String::new(),
            false => format!(" <small>{}</small>", text(&row.limits.join("; "))),
        };
        let _ = writeln!(
            body,
            "<tr><th scope=\"row\"><code>{}</code></th><td>{}</td><td>{}</td><td>{}{limits}</td></tr>",
            text(&row.path),
            text(&row.kind),
            if row.required { "yes" } else { "" },
            text(&row.description)
        );
    }
    body.push_str("</tbody>\n</table>\n</div>\n");
}

fn page(title: &str, body: &str, up: &str) -> String {
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{POLICY}\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>{}</title>\n\
         <link rel=\"stylesheet\" href=\"{up}style.css\">\n<script src=\"{up}search.js\" defer></script>\n</head>\n\
         <body>\n<main>\n{body}</main>\n</body>\n</html>\n",
        text(title)
    )
}

fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap_or_default()
}

/// Text, in an element or an attribute.
fn text(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;").replace('\'', "&#39;")
}
