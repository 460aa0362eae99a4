//! HTML of the reference pages. Text from schemas is always escaped.

use std::fmt::Write as _;

use serde_json::Value;

use super::field_row::field_rows;
use super::page::{Page, PageGroup};

/// The pages' content security policy: own files only, no inline scripts or styles.
const CONTENT_SECURITY_POLICY: &str =
    "default-src 'none'; style-src 'self'; script-src 'self'; base-uri 'none'; form-action 'none'";

/// Renders the list of all types.
pub(super) fn render_index(groups: &[PageGroup]) -> String {
    let mut body = String::from(
        "<h1>Event types</h1>\n<p><label>Search <input type=\"search\" id=\"search\" autocomplete=\"off\"></label></p>\n",
    );
    for group in groups {
        let _ = writeln!(
            body,
            "<section>\n<h2>{}</h2>\n<p>{}</p>\n<ul class=\"types\">",
            escape(&group.title),
            escape(&group.description)
        );
        for page in &group.pages {
            let _ = writeln!(
                body,
                "<li><a href=\"{}\">{}</a> <b>{}</b> {}</li>",
                escape(&page.path),
                escape(&page.name),
                escape(&page.label),
                escape(&page.description)
            );
        }
        body.push_str("</ul>\n</section>\n");
    }
    render_document("Event types", &body, "")
}

/// Renders the page of one type.
pub(super) fn render_page(page: &Page) -> String {
    let up = "../".repeat(page.path.matches('/').count());
    let mut body = format!("<p><a href=\"{up}index.html\">All types</a></p>\n<h1>{}</h1>\n", escape(&page.name));
    let _ = writeln!(body, "<p>{}</p>", escape(&page.description));
    if !page.properties.is_empty() {
        body.push_str("<dl>\n");
        for (term, value) in &page.properties {
            let _ = writeln!(body, "<dt>{term}</dt><dd>{}</dd>", escape(value));
        }
        body.push_str("</dl>\n");
    }
    render_fields(&mut body, &page.schema);
    if !page.examples.is_empty() {
        body.push_str("<h2>Examples</h2>\n");
    }
    for example in &page.examples {
        let _ = writeln!(body, "<pre><code>{}</code></pre>", escape(&pretty(example)));
    }
    if !page.refused.is_empty() {
        body.push_str("<h2>Refused samples</h2>\n<p>The schema rejects these events. Each heading names the location and the keyword.</p>\n");
    }
    for (reason, event) in &page.refused {
        let _ = writeln!(body, "<h3>{}</h3>\n<pre><code>{}</code></pre>", escape(reason), escape(&pretty(event)));
    }
    let _ = writeln!(
        body,
        "<h2>JSON Schema</h2>\n<details>\n<summary>Full schema with all definitions</summary>\n<pre><code>{}</code></pre>\n</details>",
        escape(&pretty(&page.schema))
    );
    render_document(&page.name, &body, &up)
}

fn render_fields(body: &mut String, schema: &Value) {
    let rows = field_rows(schema);
    body.push_str("<h2>Fields</h2>\n");
    if rows.is_empty() {
        body.push_str("<p>The schema declares no fields.</p>\n");
        return;
    }
    body.push_str(
        "<div class=\"wide\" tabindex=\"0\" role=\"region\" aria-label=\"Fields\">\n<table>\n<thead><tr><th scope=\"col\">Field</th>\
         <th scope=\"col\">Type</th><th scope=\"col\">Required</th><th scope=\"col\">Description</th></tr></thead>\n<tbody>\n",
    );
    for row in rows {
        let limits = match row.limits.is_empty() {
            true => String::new(),
            false => format!(" <small>{}</small>", escape(&row.limits.join("; "))),
        };
        let _ = writeln!(
            body,
            "<tr><th scope=\"row\"><code>{}</code></th><td>{}</td><td>{}</td><td>{}{limits}</td></tr>",
            escape(&row.path),
            escape(&row.type_name),
            if row.required { "yes" } else { "" },
            escape(&row.description)
        );
    }
    body.push_str("</tbody>\n</table>\n</div>\n");
}

/// Renders an HTML document; `up` is the relative path to the pages' root.
fn render_document(title: &str, body: &str, up: &str) -> String {
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{CONTENT_SECURITY_POLICY}\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>{}</title>\n\
         <link rel=\"stylesheet\" href=\"{up}style.css\">\n<script src=\"{up}search.js\" defer></script>\n</head>\n\
         <body>\n<main>\n{body}</main>\n</body>\n</html>\n",
        escape(title)
    )
}

fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap_or_default()
}

/// Escapes text for an element or an attribute.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;").replace('\'', "&#39;")
}
