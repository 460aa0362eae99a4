//! Compatibility of an OpenAPI document with an earlier version.
//!
//! The server must still accept the requests of old clients, and old clients must still accept its
//! responses: requests must stay backward compatible, and responses forward compatible. The server sends
//! webhooks and callbacks, so the opposite holds for them. Parameters are compared as one closed object,
//! because a server rejects unknown parameters.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Map, Value, json};

use super::compare::Compatibility;
use super::finding::{Change, Finding};
use super::git_revision;
use super::report::Report;
use super::schema_unit::SchemaUnit;
use super::type_changes::{compare_units, record_changes};
use crate::bundle::bundle;
use crate::catalog_file::CompatibilityLevel;
use crate::json_pointer::child_pointer;
use crate::reference::resolve_reference;
use crate::schema_files::SchemaFiles;

/// Maximum number of chained references that are followed.
const MAX_CHAINED_REFERENCES: usize = 8;
const HTTP_METHODS: [&str; 8] = ["delete", "get", "head", "options", "patch", "post", "put", "trace"];

/// Checks the document at `path`. `against` is another file, or a Git revision of the document, to
/// compare it with.
pub(super) fn check_document(path: &Path, against: Option<&str>) -> Result<Report, String> {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    let folder = parent.unwrap_or_else(|| Path::new("."));
    let mut report = Report { folder: folder.to_owned(), files: 1, ..Report::default() };
    let new = read_json(path)?;
    let messages = message_schemas(&new, &name, &mut report.findings);
    report.types = messages.len();
    let Some(against) = against else { return Ok(report) };
    let old = match Path::new(against).is_file() {
        true => read_json(Path::new(against))?,
        false => match git_revision::read_file(folder, &name, against)? {
            Some(text) => {
                serde_json::from_str(&text).map_err(|error| format!("at {against}: invalid JSON: {error}"))?
            }
            None => json!({}),
        },
    };
    let mut changes = Vec::new();
    let before = message_schemas(&old, &name, &mut Vec::new());
    for (key, (old, level)) in &before {
        let found = match messages.get(key) {
            Some((new, _)) => compare_units(old, new),
            None => message_removed(key, old, &messages),
        };
        record_changes(key, found, *level, &mut changes, &mut report.findings);
    }
    changes.sort_by(|a, b| a.event_type.cmp(&b.event_type));
    report.changes = Some(changes);
    Ok(report)
}

fn read_json(path: &Path) -> Result<Value, String> {
    let text = std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    serde_json::from_str(&text).map_err(|error| format!("{} is not valid JSON: {error}", path.display()))
}

/// Schemas of the parameters, requests and responses, by name, with their required compatibility.
type MessageSchemas = BTreeMap<String, (SchemaUnit, CompatibilityLevel)>;

/// Collects the schemas of every operation in `document`.
fn message_schemas(document: &Value, file: &str, findings: &mut Vec<Finding>) -> MessageSchemas {
    if document.get("openapi").and_then(Value::as_str).is_none_or(|version| !version.starts_with("3.1")) {
        let message = "this is not an OpenAPI 3.1 document: pass one, or a folder of schemas";
        findings.push(Finding::error("openapi", file, "/openapi", message));
    }
    let files = SchemaFiles::from_one(file, document.clone());
    let mut collector = MessageCollector { callback_depth: 0, files, file, messages: MessageSchemas::new(), findings };
    for (keyword, prefix, sender) in [("paths", "", Sender::Client), ("webhooks", "webhook ", Sender::Server)] {
        for (path, item) in document.get(keyword).and_then(Value::as_object).into_iter().flatten() {
            let at = child_pointer(&child_pointer("", keyword), path);
            collector.add_path_item(&format!("{prefix}{path}"), item, &at, sender);
        }
    }
    collector.messages
}

/// The sender of a request.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sender {
    /// A client of the API.
    Client,
    /// The server itself, which sends webhooks and callbacks.
    Server,
}

impl Sender {
    /// Returns the required compatibility of requests. The receiver must accept those of the sender,
    /// whichever of them is newer.
    fn request_level(self) -> CompatibilityLevel {
        match self {
            Self::Client => CompatibilityLevel::Backward,
            Self::Server => CompatibilityLevel::Forward,
        }
    }

    /// Returns the required compatibility of responses.
    fn response_level(self) -> CompatibilityLevel {
        match self {
            Self::Client => CompatibilityLevel::Forward,
            Self::Server => CompatibilityLevel::Backward,
        }
    }
}

/// A part of the document, with its JSON Pointer.
struct DocumentPart {
    value: Value,
    at: String,
}

/// Maximum depth of callbacks within callbacks.
const MAX_CALLBACK_DEPTH: usize = 3;

struct MessageCollector<'a> {
    /// Depth of the callbacks around the current operation.
    callback_depth: usize,
    files: SchemaFiles,
    file: &'a str,
    messages: MessageSchemas,
    findings: &'a mut Vec<Finding>,
}

impl MessageCollector<'_> {
    /// Returns `value`, or the part of the document that it refers to.
    fn resolve(&mut self, value: &Value, at: &str) -> DocumentPart {
        let mut part = DocumentPart { value: value.clone(), at: at.to_owned() };
        for _ in 0..MAX_CHAINED_REFERENCES {
            let Some(reference) = part.value.get("$ref").and_then(Value::as_str) else { break };
            let Some(found) = resolve_reference(&self.files, self.file, reference) else {
                let message = format!("`{reference}` cannot be resolved");
                self.findings.push(Finding::error("reference", self.file, part.at.clone(), message));
                break;
            };
            part = DocumentPart { value: found.schema.clone(), at: found.pointer };
        }
        part
    }

    fn add_path_item(&mut self, path: &str, item: &Value, at: &str, sender: Sender) {
        let item = self.resolve(item, at);
        let shared = item.value.get("parameters");
        for method in HTTP_METHODS {
            if let Some(operation) = item.value.get(method) {
                let name = format!("{} {path}", method.to_uppercase());
                self.add_operation(&name, operation, shared, &child_pointer(&item.at, method), sender);
            }
        }
    }

    fn add_operation(&mut self, name: &str, operation: &Value, shared: Option<&Value>, at: &str, sender: Sender) {
        let parameters = parameters_schema(&self.files, self.file, operation, shared, sender == Sender::Client);
        let level = sender.request_level();
        self.add(format!("{name}: parameters"), &parameters, child_pointer(at, "parameters"), level);
        if let Some(body) = operation.get("requestBody") {
            let body = self.resolve(body, &child_pointer(at, "requestBody"));
            self.add_contents(&format!("{name}: request"), &body, level);
        }
        for (status, response) in operation.get("responses").and_then(Value::as_object).into_iter().flatten() {
            let response = self.resolve(response, &child_pointer(&child_pointer(at, "responses"), status));
            self.add_contents(&format!("{name}: response {status}"), &response, sender.response_level());
        }
        if self.callback_depth < MAX_CALLBACK_DEPTH {
            self.callback_depth += 1;
            self.add_callbacks(name, operation, at);
            self.callback_depth -= 1;
        }
    }

    fn add_callbacks(&mut self, name: &str, operation: &Value, at: &str) {
        for (callback, paths) in operation.get("callbacks").and_then(Value::as_object).into_iter().flatten() {
            let paths = self.resolve(paths, &child_pointer(&child_pointer(at, "callbacks"), callback));
            for (path, item) in paths.value.as_object().into_iter().flatten() {
                let at = child_pointer(&paths.at, path);
                self.add_path_item(&format!("callback {callback} {path} of {name}"), item, &at, Sender::Server);
            }
        }
    }

    /// Adds the schema of each media type of a request or response.
    fn add_contents(&mut self, name: &str, holder: &DocumentPart, level: CompatibilityLevel) {
        for (media, content) in holder.value.get("content").and_then(Value::as_object).into_iter().flatten() {
            if let Some(schema) = content.get("schema") {
                let at = child_pointer(&child_pointer(&child_pointer(&holder.at, "content"), media), "schema");
                self.add(format!("{name} {media}"), schema, at, level);
            }
        }
    }

    fn add(&mut self, name: String, schema: &Value, root: String, level: CompatibilityLevel) {
        match bundle(&self.files, self.file, schema) {
            Ok(bundle) => {
                let unit = SchemaUnit {
                    name: name.clone(),
                    path: self.file.to_owned(),
                    root,
                    schema: bundle.schema,
                    origins: bundle.origins,
                };
                self.messages.insert(name, (unit, level));
            }
            Err(problem) => self.findings.push(Finding::error(problem.rule, self.file, root, problem.message)),
        }
    }
}

/// Returns the schema of an object with an operation's parameters as fields.
/// If `is_closed` is true, the receiver rejects other parameters.
fn parameters_schema(
    files: &SchemaFiles,
    file: &str,
    operation: &Value,
    shared: Option<&Value>,
    is_closed: bool,
) -> Value {
    let mut properties = Map::new();
    let mut required = Vec::new();
    let lists = [shared, operation.get("parameters")].into_iter().flatten().filter_map(Value::as_array);
    for parameter in lists.flatten() {
        let reference = parameter.get("$ref").and_then(Value::as_str);
        let found = reference.and_then(|to| resolve_reference(files, file, to));
        let parameter = found.as_ref().map_or(parameter, |found| found.schema);
        let text = |keyword: &str| parameter.get(keyword).and_then(Value::as_str).unwrap_or_default();
        let name = format!("{} {}", text("in"), text("name"));
        if parameter.get("required") == Some(&Value::Bool(true)) {
            required.push(json!(name));
        }
        let content = || parameter.get("content")?.as_object()?.values().next()?.get("schema");
        properties.insert(name, parameter.get("schema").or_else(content).cloned().unwrap_or(json!({})));
    }
    json!({"type": "object", "properties": properties, "required": required, "additionalProperties": !is_closed})
}

/// Returns the change for a schema that the new document no longer has.
fn message_removed(key: &str, unit: &SchemaUnit, messages: &MessageSchemas) -> Vec<Change> {
    let operation = key.split(": ").next().unwrap_or_default();
    let operation_exists = messages.contains_key(&format!("{operation}: parameters"));
    let (rule, compatibility) = match operation_exists {
        false => ("operation-removed", Compatibility::Breaking),
        true if key.contains(": response ") => ("answer-removed", Compatibility::Full),
        true => ("request-removed", Compatibility::Breaking),
    };
    // A removed operation is reported once, not for each of its schemas.
    if !operation_exists && !key.ends_with(": parameters") {
        return Vec::new();
    }
    vec![Change {
        rule: rule.to_owned(),
        compatibility,
        file: unit.path.clone(),
        pointer: unit.root.clone(),
        message: format!("{key} was removed"),
        refused_by_new: None,
        refused_by_old: None,
    }]
}
