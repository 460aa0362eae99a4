//! Whether an API's document still means what it did.
//!
//! What clients send must be accepted as before, and what they get must be what they know: requests
//! stay backward compatible, answers forward compatible. Parameters are compared as one closed
//! object, because a server that no longer knows a parameter refuses it.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Map, Value, json};

use super::baseline;
use super::changes::{changed, record};
use super::compare::Compatibility;
use super::finding::{Change, Finding, Report};
use super::units::Unit;
use crate::bundle::bundle;
use crate::files::Files;
use crate::problem::step;
use crate::rules::Level;

const METHODS: [&str; 8] = ["delete", "get", "head", "options", "patch", "post", "put", "trace"];

/// Checks the document at `path`, and compares it with another file, or with itself at a revision.
pub(super) fn check(path: &Path, against: Option<&str>) -> Result<Report, String> {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    let folder = parent.unwrap_or_else(|| Path::new("."));
    let mut report = Report { folder: folder.to_owned(), files: 1, ..Report::default() };
    let new = read(path)?;
    let parts = parts(&new, &name, &mut report.findings);
    report.types = parts.len();
    let Some(against) = against else { return Ok(report) };
    let old = match Path::new(against).is_file() {
        true => read(Path::new(against))?,
        false => match baseline::file_at_revision(folder, &name, against)? {
            Some(text) => serde_json::from_str(&text).map_err(|error| format!("at {against}: not JSON: {error}"))?,
            None => json!({}),
        },
    };
    let mut changes = Vec::new();
    let before = self::parts(&old, &name, &mut Vec::new());
    for (key, (old, level)) in &before {
        let found = match parts.get(key) {
            Some((new, _)) => changed(old, new),
            None => gone(key, old, &parts),
        };
        record(key, found, *level, &mut changes, &mut report.findings);
    }
    changes.sort_by(|a, b| a.event_type.cmp(&b.event_type));
    report.changes = Some(changes);
    Ok(report)
}

fn read(path: &Path) -> Result<Value, String> {
    let text = std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    serde_json::from_str(&text).map_err(|error| format!("{} is not JSON: {error}", path.display()))
}

/// What is sent and what is answered: a schema for each, by a name, with what must stay.
type Parts = BTreeMap<String, (Unit, Level)>;

fn parts(document: &Value, file: &str, findings: &mut Vec<Finding>) -> Parts {
    if document.get("openapi").and_then(Value::as_str).is_none_or(|version| !version.starts_with("3.1")) {
        let message = "this is no OpenAPI 3.1 document: give a folder of schemas, or such a document";
        findings.push(Finding::error("openapi", file, "/openapi", message));
    }
    let files = Files::of_one(file, document.clone());
    let mut reader = Reader { files, file, parts: Parts::new(), findings };
    for (path, item) in document.get("paths").and_then(Value::as_object).into_iter().flatten() {
        let shared = item.get("parameters");
        for method in METHODS {
            if let Some(operation) = item.get(method) {
                let at = step(&step("/paths", path), method);
                reader.operation(&format!("{} {path}", method.to_uppercase()), operation, shared, &at);
            }
        }
    }
    reader.parts
}

struct Reader<'a> {
    files: Files,
    file: &'a str,
    parts: Parts,
    findings: &'a mut Vec<Finding>,
}

impl Reader<'_> {
    fn operation(&mut self, name: &str, operation: &Value, shared: Option<&Value>, at: &str) {
        let parameters = parameters(&self.files, self.file, operation, shared);
        self.add(format!("{name}: parameters"), &parameters, step(at, "parameters"), Level::Backward);
        let body = operation.get("requestBody");
        self.contents(&format!("{name}: request"), body, &step(at, "requestBody"), Level::Backward);
        for (status, answer) in operation.get("responses").and_then(Value::as_object).into_iter().flatten() {
            let at = step(&step(at, "responses"), status);
            self.contents(&format!("{name}: answer {status}"), Some(answer), &at, Level::Forward);
        }
    }

    /// The schema of each media type.
    fn contents(&mut self, name: &str, holder: Option<&Value>, at: &str, level: Level) {
        let contents = holder.and_then(|holder| holder.get("content")?.as_object());
        for (media, content) in contents.into_iter().flatten() {
            if let Some(schema) = content.get("schema") {
                let at = step(&step(&step(at, "content"), media), "schema");
                self.add(format!("{name} {media}"), schema, at, level);
            }
        }
    }

    fn add(&mut self, name: String, schema: &Value, root: String, level: Level) {
        match bundle(&self.files, self.file, schema) {
            Ok(bundle) => {
                let unit = Unit {
                    name: name.clone(),
                    path: self.file.to_owned(),
                    root,
                    schema: bundle.schema,
                    origins: bundle.origins,
                };
                self.parts.insert(name, (unit, level));
            }
            Err(problem) => self.findings.push(Finding::error(problem.rule, self.file, root, problem.message)),
        }
    }
}

/// An operation's parameters as one object.
fn parameters(files: &Files, file: &str, operation: &Value, shared: Option<&Value>) -> Value {
    let mut properties = Map::new();
    let mut required = Vec::new();
    let lists = [shared, operation.get("parameters")].into_iter().flatten().filter_map(Value::as_array);
    for parameter in lists.flatten() {
        let reference = parameter.get("$ref").and_then(Value::as_str);
        let found = reference.and_then(|to| crate::reference::target(files, file, to));
        let parameter = found.as_ref().map_or(parameter, |found| found.schema);
        let text = |keyword: &str| parameter.get(keyword).and_then(Value::as_str).unwrap_or_default();
        let name = format!("{} {}", text("in"), text("name"));
        if parameter.get("required") == Some(&Value::Bool(true)) {
            required.push(json!(name));
        }
        properties.insert(name, parameter.get("schema").cloned().unwrap_or(json!({})));
    }
    json!({"type": "object", "properties": properties, "required": required, "additionalProperties": false})
}

/// What a part means that is no longer there.
fn gone(key: &str, unit: &Unit, parts: &Parts) -> Vec<Change> {
    let operation = key.split(": ").next().unwrap_or_default();
    let operation_stays = parts.contains_key(&format!("{operation}: parameters"));
    let (rule, compatibility) = match operation_stays {
        false => ("operation-removed", Compatibility::Breaking),
        true if key.contains(": answer ") => ("answer-removed", Compatibility::Full),
        true => ("request-removed", Compatibility::Breaking),
    };
    // Once for each operation, not for each of its parts.
    if !operation_stays && !key.ends_with(": parameters") {
        return Vec::new();
    }
    vec![Change {
        rule: rule.to_owned(),
        compatibility,
        file: unit.path.clone(),
        pointer: unit.root.clone(),
        message: format!("{key} is gone"),
        refused_by_new: None,
        refused_by_old: None,
    }]
}
