//! Renders the OpenAPI document as HTML.

use std::fmt::Write;

use serde_json::{Map, Value};

const STYLE: &str = "\
:root{color-scheme:light dark}body{font:16px/1.5 system-ui,sans-serif;max-width:62rem;margin:0 auto;padding:1rem}\
code,pre{font:14px/1.45 ui-monospace,monospace}pre{padding:.75rem;overflow-x:auto;background:#8881;border-radius:4px}\
table{border-collapse:collapse;width:100%}td,th{text-align:left;vertical-align:top;padding:.3rem .6rem .3rem 0;\
border-bottom:1px solid #8884}section{border-top:2px solid #8886;margin-top:2rem}.method{font-weight:700}\
summary{cursor:pointer}nav ul{columns:2;padding-left:1rem}a{color:inherit}@media(max-width:40rem){nav ul{columns:1}}";

/// Renders a document as a page.
pub(super) fn render(document: &Value) -> String {
    let mut page = Page { document, html: String::with_capacity(256 * 1024) };
    // Writing to a String does not fail.
    let _ = page.write();
    page.html
}

struct Page<'a> {
    document: &'a Value,
    html: String,
}

impl Page<'_> {
    fn write(&mut self) -> std::fmt::Result {
        let info = &self.document["info"];
        let title = format!("{} {} API", text(&info["title"]), text(&info["version"]));
        write!(
            self.html,
            "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>{title}</title>\
             <meta name=\"viewport\" content=\"width=device-width\"><style>{STYLE}</style><main><h1>{title}</h1>{}\
             <p>Machine-readable version: <a href=\"openapi.json\">openapi.json</a>.</p>",
            prose(&info["description"])
        )?;
        let operations = self.operations();
        self.html += "<nav aria-label=\"Operations\"><ul>";
        for (path, method, operation) in &operations {
            write!(
                self.html,
                "<li><a href=\"#{}\"><code>{} {}</code></a> {}",
                text(&operation["operationId"]),
                method.to_uppercase(),
                escape(path),
                text(&operation["summary"])
            )?;
        }
        self.html += "</ul></nav>";
        for (path, method, operation) in operations {
            self.write_operation(path, method, operation)?;
        }
        self.write_schemas()?;
        self.html += "</main></html>";
        Ok(())
    }

    /// Returns every operation with its path and method.
    fn operations<'b>(&self) -> Vec<(&'b str, &'b str, &'b Value)>
    where
        Self: 'b,
    {
        let document: &'b Value = self.document;
        let paths = document["paths"].as_object().into_iter().flatten();
        let methods = |(path, item): (&'b String, &'b Value)| {
            item.as_object().into_iter().flatten().map(move |(method, operation)| (&**path, &**method, operation))
        };
        paths.flat_map(methods).collect()
    }

    fn write_operation(&mut self, path: &str, method: &str, operation: &Value) -> std::fmt::Result {
        write!(
            self.html,
            "<section id=\"{}\"><h2>{}</h2><p><code><span class=\"method\">{}</span> {}</code></p>{}",
            text(&operation["operationId"]),
            text(&operation["summary"]),
            method.to_uppercase(),
            escape(path),
            prose(&operation["description"])
        )?;
        if let Some(parameters) = operation["parameters"].as_array() {
            self.html += "<h3>Parameters</h3><table><tr><th>Name<th>Description<th>Example";
            for parameter in parameters {
                self.write_parameter(parameter)?;
            }
            self.html += "</table>";
        }
        if let Some(bodies) = operation["requestBody"]["content"].as_object() {
            self.html += "<h3>Request body</h3>";
            self.write_bodies(bodies)?;
        }
        self.html += "<h3>Responses</h3>";
        for (status, answer) in operation["responses"].as_object().into_iter().flatten() {
            let answer = self.resolve(answer).clone();
            write!(self.html, "<h4>{}</h4>{}", escape(status), prose(&answer["description"]))?;
            if let Some(bodies) = answer["content"].as_object() {
                self.write_bodies(bodies)?;
            }
        }
        self.html += "</section>";
        Ok(())
    }

    fn write_parameter(&mut self, parameter: &Value) -> std::fmt::Result {
        let required = if parameter["required"] == true { " (required)" } else { "" };
        // Lists are written as comma-separated values.
        let example = match &parameter["example"] {
            Value::Array(values) => values.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(","),
            Value::String(value) => value.clone(),
            Value::Null => String::new(),
            value => value.to_string(),
        };
        write!(
            self.html,
            "<tr><td><code>{}</code>{required}<td>{}{}<td><code>{}</code>",
            text(&parameter["name"]),
            prose(&parameter["description"]),
            allowed_values(&parameter["schema"]),
            escape(&example)
        )
    }

    fn write_bodies(&mut self, bodies: &Map<String, Value>) -> std::fmt::Result {
        for (media_type, body) in bodies {
            write!(self.html, "<p><code>{}</code>", escape(media_type))?;
            if let Some(name) = referenced_name(&body["schema"]) {
                write!(self.html, ": <a href=\"#schema-{0}\">{0}</a>", escape(name))?;
            }
            for (name, example) in body["examples"].as_object().into_iter().flatten() {
                let example = serde_json::to_string_pretty(&example["value"]).unwrap_or_default();
                write!(
                    self.html,
                    "<details><summary>{}</summary><pre>{}</pre></details>",
                    escape(name),
                    escape(&example)
                )?;
            }
        }
        Ok(())
    }

    fn write_schemas(&mut self) -> std::fmt::Result {
        self.html += "<section><h2>Schemas</h2>";
        for (name, schema) in self.document["components"]["schemas"].as_object().into_iter().flatten() {
            write!(self.html, "<h3 id=\"schema-{0}\">{0}</h3>{1}", escape(name), prose(&schema["description"]))?;
            let schema = serde_json::to_string_pretty(schema).unwrap_or_default();
            write!(self.html, "<details><summary>JSON Schema</summary><pre>{}</pre></details>", escape(&schema))?;
        }
        self.html += "</section>";
        Ok(())
    }

    /// Resolves a reference within the document; returns other values unchanged.
    fn resolve<'b>(&'b self, value: &'b Value) -> &'b Value {
        let pointer = value["$ref"].as_str().and_then(|reference| reference.strip_prefix('#'));
        pointer.and_then(|pointer| self.document.pointer(pointer)).unwrap_or(value)
    }
}

/// Returns the name of the schema that a reference names.
fn referenced_name(schema: &Value) -> Option<&str> {
    schema["$ref"].as_str()?.rsplit('/').next()
}

/// Renders the values that a parameter allows, if its schema has an enumeration or a range.
fn allowed_values(schema: &Value) -> String {
    let enumeration = |schema: &Value| {
        let values: Vec<&str> = schema["enum"].as_array()?.iter().filter_map(Value::as_str).collect();
        Some(format!("<p>Allowed values: <code>{}</code>.", escape(&values.join(", "))))
    };
    let range = || Some(format!("<p>From {} to {}.", schema["minimum"].as_u64()?, schema["maximum"].as_u64()?));
    enumeration(schema).or_else(|| enumeration(&schema["items"])).or_else(range).unwrap_or_default()
}

fn text(value: &Value) -> String {
    escape(value.as_str().unwrap_or_default())
}

/// Renders the Markdown that the descriptions use: paragraphs and code.
fn prose(value: &Value) -> String {
    let mut html = String::new();
    for paragraph in value.as_str().unwrap_or_default().split("\n\n").filter(|paragraph| !paragraph.is_empty()) {
        html += "<p>";
        for (index, part) in paragraph.split('`').enumerate() {
            let (open, close) = if index % 2 == 1 { ("<code>", "</code>") } else { ("", "") };
            html += &[open, &escape(part), close].concat();
        }
    }
    html
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn page_contains_every_operation_and_loads_nothing() {
        let document: Value = serde_json::from_str(super::super::DOCUMENT).unwrap();
        let page = render(&document);
        for operation in
            document["paths"].as_object().unwrap().values().flat_map(|item| item.as_object().unwrap().values())
        {
            assert!(page.contains(&format!("<section id=\"{}\">", operation["operationId"].as_str().unwrap())));
        }
        for external in ["src=", "<script", "<link", "@import", "url("] {
            assert!(!page.contains(external), "{external}");
        }
    }

    #[test]
    fn descriptions_are_escaped() {
        assert_eq!(prose(&"a `<b>` & c".into()), "<p>a <code>&lt;b&gt;</code> &amp; c");
    }
}
