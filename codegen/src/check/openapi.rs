//! Compatibility of an OpenAPI document with an earlier version.
//!
//! The server must still accept the requests of old clients, and old clients must still accept its
//! responses: requests must stay backward compatible, and responses forward compatible. Parameters
//! are compared as one closed object, because a server rejects unknown parameters.

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
    let mut collector = MessageCollector { files, file, messages: MessageSchemas::new(), findings };
    for (path, item) in document.get("paths").and_then(Value::as_object).into_iter().flatten() {
        let shared = item.get("parameters");
        for method in HTTP_METHODS {
            if let Some(operation) = item.get(method) {
                let at = child_pointer(&child_pointer("/paths", path), method);
                collector.add_operation(&format!("{} {path}", method.to_uppercase()), operation, shared, &at);
            }
        }
    }
    collector.messages
}

struct MessageCollector<'a> {
    files: SchemaFiles,
    file: &'a str,
    messages: MessageSchemas,
    findings: &'a mut Vec<Finding>,
}

impl MessageCollector<'_> {
    fn add_operation(&mut self, name: &str, operation: &Value, shared: Option<&Value>, at: &str) {
        let parameters = parameters_schema(&self.files, self.file, operation, shared);
        self.add(
            format!("{name}: parameters"),
            &parameters,
            child_pointer(at, "parameters"),
            CompatibilityLevel::Backward,
        );
        let body = operation.get("requestBody");
        self.add_contents(
            &format!("{name}: request"),
            body,
            &child_pointer(at, "requestBody"),
            CompatibilityLevel::Backward,
        );
        for (status, response) in operation.get("responses").and_then(Value::as_object).into_iter().flatten() {
            let at = child_pointer(&child_pointer(at, "responses"), status);
            self.add_contents(&format!("{name}: response {status}"), Some(response), &at, CompatibilityLevel::Forward);
        }
    }

    /// Adds the schema of each media type of a request or response.
    fn add_contents(&mut self, name: &str, holder: Option<&Value>, at: &str, level: CompatibilityLevel) {
        let contents = holder.and_then(|holder| holder.get("content")?.as_object());
        for (media, content) in contents.into_iter().flatten() {
            if let Some(schema) = content.get("schema") {
                let at = child_pointer(&child_pointer(&child_pointer(at, "content"), media), "schema");
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
fn parameters_schema(files: &SchemaFiles, file: &str, operation: &Value, shared: Option<&Value>) -> Value {
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
        properties.insert(name, parameter.get("schema").cloned().unwrap_or(json!({})));
    }
    json!({"type": "object", "properties": properties, "required": required, "additionalProperties": false})
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
