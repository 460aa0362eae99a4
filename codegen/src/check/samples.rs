//! Whether examples are accepted, and refused samples refused for the reason given.

use jsonschema::ValidationError;
use serde::Deserialize;
use serde_json::Value;

use super::finding::{Finding, Report};
use super::{cut, validator};
use crate::files::{Files, REFUSED};
use crate::problem::step;

/// The longest message of a validator that is shown, in characters.
const LONGEST: usize = 200;
/// Reasons for which events are refused that are no keywords: only reading the event tells.
const NO_KEYWORDS: [&str; 2] = ["json", "time"];

/// An event that must be refused, and why.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Refused {
    event: Value,
    pointer: String,
    keyword: String,
}

/// Tries the samples of the schema file at `path`; `schema` stands alone.
pub(super) fn check(files: &Files, path: &str, schema: &Value, report: &mut Report) {
    let validator = match validator(schema) {
        Ok(validator) => validator,
        Err(error) => {
            let message = format!("no validator can be made of it: {}", said(&error));
            let at = error.instance_path().to_string();
            return report.findings.push(Finding::error("meta-schema", path, at, message));
        }
    };
    let examples = schema.get("examples").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    for (index, example) in examples.iter().enumerate() {
        report.examples += 1;
        for error in validator.iter_errors(example) {
            let at = format!("{}{}", step("/examples", index), error.instance_path().as_str());
            let message = format!("the schema refuses its example ({}): {}", error.kind().keyword(), said(&error));
            report.findings.push(Finding::error("example-refused", path, at, message));
        }
    }
    let file = format!("{}{REFUSED}", path.trim_end_matches(".json"));
    let Some(samples) = files.get(&file) else { return };
    let samples: Vec<Refused> = match serde_json::from_value(samples.clone()) {
        Ok(samples) => samples,
        Err(error) => {
            let message =
                format!("make it [{{\"event\": …, \"pointer\": \"/data\", \"keyword\": \"required\"}}]: {error}");
            return report.findings.push(Finding::error("refused-sample-form", file, "", message));
        }
    };
    for (index, sample) in samples.iter().enumerate() {
        report.refused_samples += 1;
        if NO_KEYWORDS.contains(&sample.keyword.as_str()) {
            continue;
        }
        let reasons: Vec<_> = validator
            .iter_errors(&sample.event)
            .map(|error| (error.instance_path().to_string(), error.kind().keyword().to_owned()))
            .collect();
        let stated = |(pointer, keyword): &(String, String)| *pointer == sample.pointer && *keyword == sample.keyword;
        if reasons.is_empty() {
            let message = "the schema accepts this event, which it must refuse";
            report.findings.push(Finding::error("refused-sample-accepted", &file, step("", index), message));
        } else if !reasons.iter().any(stated) {
            let found: Vec<_> =
                reasons.iter().map(|(pointer, keyword)| format!("{keyword} at \"{pointer}\"")).collect();
            let message = format!(
                "refused, but not for the reason given ({} at \"{}\"): {}",
                sample.keyword,
                sample.pointer,
                found.join(", ")
            );
            report.findings.push(Finding::error("refused-sample-reason", &file, step("", index), message));
        }
    }
}

/// What a validator said, cut short.
pub(super) fn said(error: &ValidationError<'_>) -> String {
    cut(error.to_string(), LONGEST)
}

/// Refused samples of schemas that there are not.
pub(super) fn orphans(files: &Files, report: &mut Report) {
    for (path, schema) in files.refused() {
        if files.get(&schema).is_none() {
            let message = format!("there is no {schema} to refuse these events: rename one of the two");
            report.findings.push(Finding::error("refused-sample-orphan", path, "", message));
        }
    }
}
