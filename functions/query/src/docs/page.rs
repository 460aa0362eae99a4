//! The API's document as HTML.

use std::fmt::Write;

use serde_json::{Map, Value};

const STYLE: &str = "\
:root{color-scheme:light dark}body{font:16px/1.5 system-ui,sans-serif;max-width:62rem;margin:0 auto;padding:1rem}\
code,pre{font:14px/1.45 ui-monospace,monospace}pre{padding:.75rem;overflow-x:auto;background:#8881;border-radius:4px}\
table{border-collapse:collapse;width:100%}td,th{text-align:left;vertical-align:top;padding:.3rem .6rem .3rem 0;\
border-bottom:1px solid #8884}section{border-top:2px solid #8886;margin-top:2rem}.method{font-weight:700}\
summary{cursor:pointer}nav ul{columns:2;padding-left:1rem}a{color:inherit}@media(max-width:40rem){nav ul{columns:1}}";

/// The page of a document.
pub(super) fn render(document: &Value) -> String {
    let mut page = Page { document, html: String::with_capacity(256 * 1024) };
    // Writing to a text does not fail.
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
             <p>The same for programs: <a href=\"openapi.json\">openapi.json</a>.</p>",
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
            self.operation(path, method, operation)?;
        }
        self.schemas()?;
        self.html += "</main></html>";
        Ok(())
    }

    /// Every operation: its path, its method, and what is said of it.
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

    fn operation(&mut self, path: &str, method: &str, operation: &Value) -> std::fmt::Result {
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
            self.html += "<h3>Parameters</h3><table><tr><th>Name<th>Meaning<th>Example";
            for parameter in parameters {
                self.parameter(parameter)?;
            }
            self.html += "</table>";
        }
        if let Some(bodies) = operation["requestBody"]["content"].as_object() {
            self.html += "<h3>Body</h3>";
            self.bodies(bodies)?;
        }
        self.html += "<h3>Answers</h3>";
        for (status, answer) in operation["responses"].as_object().into_iter().flatten() {
            let answer = self.resolve(answer).clone();
            write!(self.html, "<h4>{}</h4>{}", escape(status), prose(&answer["description"]))?;
            if let Some(bodies) = answer["content"].as_object() {
                self.bodies(bodies)?;
            }
        }
        self.html += "</section>";
        Ok(())
    }

    fn parameter(&mut self, parameter: &Value) -> std::fmt::Result {
        let needed = if parameter["required"] == true { " (needed)" } else { "" };
        // Several values are written with commas between them.
        let example = match &parameter["example"] {
            Value::Array(values) => values.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(","),
            Value::String(value) => value.clone(),
            Value::Null => String::new(),
            value => value.to_string(),
        };
        write!(
            self.html,
            "<tr><td><code>{}</code>{needed}<td>{}{}<td><code>{}</code>",
            text(&parameter["name"]),
            prose(&parameter["description"]),
            limits(&parameter["schema"]),
            escape(&example)
        )
    }

    fn bodies(&mut self, bodies: &Map<String, Value>) -> std::fmt::Result {
        for (media_type, body) in bodies {
            write!(self.html, "<p><code>{}</code>", escape(media_type))?;
            if let Some(name) = name_of(&body["schema"]) {
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

    fn schemas(&mut self) -> std::fmt::Result {
        self.html += "<section><h2>Schemas</h2>";
        for (name, schema) in self.document["components"]["schemas"].as_object().into_iter().flatten() {
            write!(self.html, "<h3 id=\"schema-{0}\">{0}</h3>{1}", escape(name), prose(&schema["description"]))?;
            let schema = serde_json::to_string_pretty(schema).unwrap_or_default();
            write!(self.html, "<details><summary>JSON Schema</summary><pre>{}</pre></details>", escape(&schema))?;
        }
        self.html += "</section>";
        Ok(())
    }

    /// What a reference leads to, or the value itself.
    fn resolve<'b>(&'b self, value: &'b Value) -> &'b Value {
        let pointer = value["$ref"].as_str().and_then(|reference| reference.strip_prefix('#'));
        pointer.and_then(|pointer| self.document.pointer(pointer)).unwrap_or(value)
    }
}

/// The name of the schema that a schema refers to.
fn name_of(schema: &Value) -> Option<&str> {
    schema["$ref"].as_str()?.rsplit('/').next()
}

/// What a parameter may be, where that is a short list or a range.
fn limits(schema: &Value) -> String {
    let words = |schema: &Value| {
        let words: Vec<&str> = schema["enum"].as_array()?.iter().filter_map(Value::as_str).collect();
        Some(format!("<p>One of <code>{}</code>.", escape(&words.join(", "))))
    };
    let range = || Some(format!("<p>From {} to {}.", schema["minimum"].as_u64()?, schema["maximum"].as_u64()?));
    words(schema).or_else(|| words(&schema["items"])).or_else(range).unwrap_or_default()
}

fn text(value: &Value) -> String {
    escape(value.as_str().unwrap_or_default())
}

/// Markdown's paragraphs, code and emphasis: what the tables use of it.
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
    fn every_operation_has_its_place_and_nothing_is_loaded() {
        let document: Value = serde_json::from_str(super::super::DOCUMENT).unwrap();
        let page = render(&document);
        for operation in
            document["paths"].as_object().unwrap().values().flat_map(|item| item.as_object().unwrap().values())
        {
            assert!(page.contains(&format!("<section id=\"{}\">", operation["operationId"].as_str().unwrap())));
        }
        for from_elsewhere in ["src=", "<script", "<link", "@import", "url("] {
            assert!(!page.contains(from_elsewhere), "{from_elsewhere}");
        }
    }

    #[test]
    fn what_is_shown_is_no_markup() {
        assert_eq!(prose(&"a `<b>` & c".into()), "<p>a <code>&lt;b&gt;</code> &amp; c");
    }
}
