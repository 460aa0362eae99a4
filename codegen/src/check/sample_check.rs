//! Check of samples: examples must be accepted, and refused samples must be rejected for the stated
//! reason.

use jsonschema::ValidationError;
use serde::Deserialize;
use serde_json::Value;

use super::finding::Finding;
use super::json_schema::compile_validator;
use super::report::Report;
use super::text::truncate;
use crate::json_pointer::child_pointer;
use crate::schema_files::{REFUSED_SAMPLES_SUFFIX, SchemaFiles};

/// Maximum length of a validator's message.
const MAX_MESSAGE_CHARACTERS: usize = 200;
/// Reasons for rejection that are not schema keywords: they are found when the event is parsed.
const PARSE_REASONS: [&str; 2] = ["json", "time"];

/// An event that its schema must reject, with the reason.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RefusedSample {
    event: Value,
    pointer: String,
    keyword: String,
}

/// Checks the samples of the schema file at `path`; `schema` is its self-contained form.
pub(super) fn check_samples(files: &SchemaFiles, path: &str, schema: &Value, report: &mut Report) {
    let validator = match compile_validator(schema) {
        Ok(validator) => validator,
        Err(error) => {
            let message = format!("failed to compile the schema: {}", error_message(&error));
            let at = error.instance_path().to_string();
            return report.findings.push(Finding::error("meta-schema", path, at, message));
        }
    };
    let examples = schema.get("examples").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    for (index, example) in examples.iter().enumerate() {
        report.examples += 1;
        for error in validator.iter_errors(example) {
            let at = format!("{}{}", child_pointer("/examples", index), error.instance_path().as_str());
            let message =
                format!("the schema rejects its example ({}): {}", error.kind().keyword(), error_message(&error));
            report.findings.push(Finding::error("example-refused", path, at, message));
        }
    }
    let file = format!("{}{REFUSED_SAMPLES_SUFFIX}", path.trim_end_matches(".json"));
    let Some(samples) = files.get(&file) else { return };
    let samples: Vec<RefusedSample> = match serde_json::from_value(samples.clone()) {
        Ok(samples) => samples,
        Err(error) => {
            let message = format!(
                "must be a list [{{\"event\": …, \"pointer\": \"/data\", \"keyword\": \"required\"}}]: {error}"
            );
            return report.findings.push(Finding::error("refused-sample-form", file, "", message));
        }
    };
    for (index, sample) in samples.iter().enumerate() {
        report.refused_samples += 1;
        if PARSE_REASONS.contains(&sample.keyword.as_str()) {
            continue;
        }
        let reasons: Vec<_> = validator
            .iter_errors(&sample.event)
            .map(|error| (error.instance_path().to_string(), error.kind().keyword().to_owned()))
            .collect();
        let is_stated =
            |(pointer, keyword): &(String, String)| *pointer == sample.pointer && *keyword == sample.keyword;
        if reasons.is_empty() {
            let message = "the schema accepts this event, but must reject it";
            report.findings.push(Finding::error("refused-sample-accepted", &file, child_pointer("", index), message));
        } else if !reasons.iter().any(is_stated) {
            let found: Vec<_> =
                reasons.iter().map(|(pointer, keyword)| format!("{keyword} at \"{pointer}\"")).collect();
            let message = format!(
                "rejected, but not for the stated reason ({} at \"{}\"): {}",
                sample.keyword,
                sample.pointer,
                found.join(", ")
            );
            report.findings.push(Finding::error("refused-sample-reason", &file, child_pointer("", index), message));
        }
    }
}

/// Returns a validator's message, truncated.
pub(super) fn error_message(error: &ValidationError<'_>) -> String {
    truncate(error.to_string(), MAX_MESSAGE_CHARACTERS)
}

/// Finds refused samples whose schema does not exist.
pub(super) fn find_orphans(files: &SchemaFiles, report: &mut Report) {
    for (path, schema) in files.refused_samples() {
        if files.get(&schema).is_none() {
            let message = format!("the schema {schema} of these samples does not exist: rename one of the two files");
            report.findings.push(Finding::error("refused-sample-orphan", path, "", message));
        }
    }
}
