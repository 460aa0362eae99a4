//! Tests of the comparison: changes with known verdicts.

use serde_json::{Value, json};

use super::compare_schemas;
use super::compatibility::Compatibility;
use super::subset_proof::SchemaSide;
use crate::bundle::bundle;
use crate::schema_files::SchemaFiles;

fn object(properties: Value, required: Value) -> Value {
    json!({"$schema": "https://json-schema.org/draft/2020-12/schema", "type": "object",
        "properties": properties, "required": required})
}

/// Returns the rules of the changes, and the compatibility of all changes together.
fn verdict(old: &Value, new: &Value) -> (Vec<&'static str>, Compatibility) {
    let changes = compare_schemas(old, new);
    let (old_side, new_side) = (SchemaSide::new(old.clone()), SchemaSide::new(new.clone()));
    for change in &changes {
        if let Some(example) = &change.refused_by_new {
            assert!(old_side.accepts(example) && !new_side.accepts(example), "{change:?}");
        }
        if let Some(example) = &change.refused_by_old {
            assert!(new_side.accepts(example) && !old_side.accepts(example), "{change:?}");
        }
    }
    let all = changes.iter().fold(Compatibility::Full, |all, change| all.and(change.compatibility));
    (changes.iter().map(|change| change.rule).collect(), all)
}

/// Checks a single change of the property `a` in both directions.
#[track_caller]
fn property(old: Value, new: Value, rule: &str, back_rule: &str, compatibility: Compatibility) {
    let (old, new) = (object(json!({ "a": old }), json!(["a"])), object(json!({ "a": new }), json!(["a"])));
    assert_eq!(verdict(&old, &new), (vec![rule], compatibility), "{old} -> {new}");
    let opposite = match compatibility {
        Compatibility::Backward => Compatibility::Forward,
        Compatibility::Forward => Compatibility::Backward,
        same => same,
    };
    assert_eq!(verdict(&new, &old), (vec![back_rule], opposite), "{new} -> {old}");
    // Every incompatible direction has a counterexample.
    for (old, new) in [(&old, &new), (&new, &old)] {
        for change in compare_schemas(old, new) {
            assert_eq!(change.compatibility.is_backward(), change.refused_by_new.is_none(), "{change:?}");
            assert_eq!(change.compatibility.is_forward(), change.refused_by_old.is_none(), "{change:?}");
        }
    }
}

#[test]
fn types_enums_constants_and_bounds_are_compared() {
    use Compatibility::{Backward, Breaking};
    let string = || json!({"type": "string"});
    property(string(), json!({"type": ["string", "null"]}), "type-widened", "type-narrowed", Backward);
    property(json!({"type": "integer"}), json!({"type": "number"}), "type-widened", "type-narrowed", Backward);
    property(string(), json!({"type": "integer"}), "type-changed", "type-changed", Breaking);
    property(json!({"enum": ["x"]}), json!({"enum": ["x", "y"]}), "enum-value-added", "enum-value-removed", Backward);
    property(json!({"type": "string", "enum": ["x"]}), string(), "enum-removed", "enum-added", Backward);
    property(json!({"const": "x"}), json!({"const": "y"}), "const-changed", "const-changed", Breaking);
    property(json!({"type": "string", "const": "x"}), string(), "const-removed", "const-added", Backward);
    for (keyword, tight, loose) in [
        ("minimum", json!(2), json!(1)),
        ("maximum", json!(5), json!(6)),
        ("exclusiveMinimum", json!(2), json!(1)),
        ("exclusiveMaximum", json!(5), json!(6.5)),
        ("multipleOf", json!(4), json!(2)),
    ] {
        let with = |bound: Value| json!({"type": "number", keyword: bound});
        property(with(tight.clone()), with(loose), "bound-loosened", "bound-tightened", Backward);
        property(with(tight), json!({"type": "number"}), "bound-loosened", "bound-tightened", Backward);
    }
    for (kind, least, most) in [
        ("string", "minLength", "maxLength"),
        ("array", "minItems", "maxItems"),
        ("object", "minProperties", "maxProperties"),
    ] {
        property(
            json!({"type": kind, least: 2}),
            json!({"type": kind, least: 1}),
            "bound-loosened",
            "bound-tightened",
            Backward,
        );
        property(
            json!({"type": kind, most: 2}),
            json!({"type": kind, most: 3}),
            "bound-loosened",
            "bound-tightened",
            Backward,
        );
    }
}

#[test]
fn patterns_and_formats_are_compared() {
    use Compatibility::{Backward, Breaking};
    let string = || json!({"type": "string"});
    property(json!({"type": "string", "pattern": "^a"}), string(), "pattern-removed", "pattern-added", Backward);
    property(
        json!({"type": "string", "pattern": "^[a-f]{4}$"}),
        json!({"type": "string", "pattern": "^[a-z]{2,4}$"}),
        "pattern-widened",
        "pattern-narrowed",
        Backward,
    );
    property(
        json!({"type": "string", "pattern": "^/1/[a-z]+/[0-9]{7}$"}),
        json!({"type": "string", "pattern": "^/1/[a-z]+/[0-9]{6}[a-f]$"}),
        "pattern-changed",
        "pattern-changed",
        Breaking,
    );
    property(json!({"type": "string", "format": "uuid"}), string(), "format-removed", "format-added", Backward);
    property(
        json!({"type": "string", "format": "date"}),
        json!({"type": "string", "format": "date-time"}),
        "format-changed",
        "format-changed",
        Breaking,
    );
}

#[test]
fn keywords_of_arrays_and_objects_are_compared() {
    use Compatibility::Backward;
    let string = || json!({"type": "string"});
    property(
        json!({"type": "array", "uniqueItems": true}),
        json!({"type": "array"}),
        "unique-items-removed",
        "unique-items-added",
        Backward,
    );
    property(
        json!({"type": "array", "items": {"type": "string"}}),
        json!({"type": "array", "items": {"type": ["string", "null"]}}),
        "type-widened",
        "type-narrowed",
        Backward,
    );
    property(
        json!({"type": "array", "items": {"type": "string"}}),
        json!({"type": "array"}),
        "items-widened",
        "items-narrowed",
        Backward,
    );
    property(
        json!({"type": "object", "properties": {"x": {}}, "additionalProperties": false}),
        json!({"type": "object", "properties": {"x": {}}}),
        "additional-properties-opened",
        "additional-properties-closed",
        Backward,
    );
    property(
        json!({"type": "object", "additionalProperties": {"type": "string"}}),
        json!({"type": "object", "additionalProperties": {"type": ["string", "integer"]}}),
        "type-widened",
        "type-narrowed",
        Backward,
    );
    property(
        json!({"type": "object", "propertyNames": {"pattern": "^[a-z]+$"}}),
        json!({"type": "object"}),
        "property-names-widened",
        "property-names-narrowed",
        Backward,
    );
    property(
        json!({"type": "array", "contains": {"const": 1}}),
        json!({"type": "array"}),
        "contains-removed",
        "contains-added",
        Backward,
    );
    property(json!({"type": "string", "not": {"const": "x"}}), string(), "not-removed", "not-added", Backward);
    property(
        json!({"type": "object", "dependentRequired": {"x": ["y"]}}),
        json!({"type": "object"}),
        "dependency-removed",
        "dependency-added",
        Backward,
    );
    property(
        json!({"type": "object", "patternProperties": {"^x-": {"type": "string"}}}),
        json!({"type": "object"}),
        "property-pattern-removed",
        "property-pattern-added",
        Backward,
    );
    for choice in ["anyOf", "oneOf"] {
        property(
            json!({choice: [{"type": "string"}]}),
            json!({choice: [{"type": "string"}, {"type": "integer"}]}),
            "branch-added",
            "branch-removed",
            Backward,
        );
    }
}

#[test]
fn added_and_removed_properties_are_compared() {
    let string = json!({"type": "string"});
    let one = object(json!({"a": string}), json!(["a"]));
    let optional = object(json!({"a": string, "b": string}), json!(["a"]));
    let required = object(json!({"a": string, "b": string}), json!(["a", "b"]));
    for (old, new, rule, compatibility) in [
        (&one, &optional, "property-added", Compatibility::Full),
        (&optional, &one, "property-removed", Compatibility::Full),
        (&one, &required, "required-property-added", Compatibility::Forward),
        (&required, &one, "property-removed", Compatibility::Backward),
        (&optional, &required, "property-made-required", Compatibility::Forward),
        (&required, &optional, "property-made-optional", Compatibility::Backward),
    ] {
        assert_eq!(verdict(old, new), (vec![rule], compatibility), "{old} -> {new}");
    }
    let closed = |mut schema: Value| {
        schema["additionalProperties"] = json!(false);
        schema
    };
    assert_eq!(
        verdict(&closed(one.clone()), &closed(optional.clone())),
        (vec!["property-added"], Compatibility::Backward)
    );
    assert_eq!(verdict(&closed(optional), &closed(one)), (vec!["property-removed"], Compatibility::Forward));
}

#[test]
fn equivalent_schemas_are_fully_compatible() {
    let with = |a: Value| object(json!({ "a": a }), json!([]));
    for (old, new) in [
        (json!({"enum": ["x"]}), json!({"const": "x"})),
        (json!({"type": ["string", "null"]}), json!({"type": ["null", "string"]})),
        (json!({"type": "integer", "minimum": 1}), json!({"type": "integer", "exclusiveMinimum": 0})),
        (json!({"anyOf": [{"type": "string"}, {"type": "null"}]}), json!({"type": ["string", "null"]})),
        (json!({"type": "string", "enum": ["x"]}), json!({"type": "string", "enum": ["x"], "minLength": 1})),
        (json!({"type": "string", "description": "A."}), json!({"type": "string", "description": "Another."})),
    ] {
        assert_eq!(verdict(&with(old.clone()), &with(new.clone())).1, Compatibility::Full, "{old} -> {new}");
    }
}

#[test]
fn each_change_has_its_own_verdict() {
    let old = object(json!({"a": {"type": "string"}, "b": {"type": "integer"}}), json!(["a"]));
    let new = object(json!({"a": {"type": ["string", "null"]}, "b": {"type": "integer", "maximum": 9}}), json!(["a"]));
    let changes: Vec<_> = compare_schemas(&old, &new).into_iter().map(|c| (c.rule, c.compatibility)).collect();
    assert_eq!(changes, [("type-widened", Compatibility::Backward), ("bound-tightened", Compatibility::Forward)]);
}

#[test]
fn changes_are_found_through_references() {
    let old = json!({"$ref": "#/$defs/A", "$defs": {"A": {"type": "object", "properties": {"next": {"$ref": "#/$defs/A"}, "x": {"type": "string"}}}}});
    let mut new = old.clone();
    new["$defs"]["A"]["properties"]["x"]["maxLength"] = json!(3);
    let changes = compare_schemas(&old, &new);
    assert_eq!(changes.len(), 1);
    assert_eq!(changes[0].pointer, "/$defs/A/properties/x/maxLength");
    assert_eq!(changes[0].compatibility, Compatibility::Forward);

    // Replacing a reference with its definition is not a change.
    let inline = json!({"type": "object", "properties": {"x": {"type": "string"}, "next": {"$ref": "#/$defs/A"}}, "$defs": old["$defs"]});
    assert_eq!(compare_schemas(&old, &inline), []);
}

#[test]
fn branches_are_paired_by_their_constant_properties() {
    let branch = |kind: &str, size: Value| json!({"type": "object", "properties": {"kind": {"const": kind}, "size": size}, "required": ["kind"]});
    let string = || json!({"type": "string"});
    let old = json!({"oneOf": [branch("a", string()), branch("b", string()), branch("c", string())]});
    let new = json!({"oneOf": [branch("c", string()), branch("b", json!({"type": ["string", "null"]}))]});
    let changes: Vec<_> = compare_schemas(&old, &new).into_iter().map(|c| (c.rule, c.compatibility)).collect();
    assert_eq!(changes, [("type-widened", Compatibility::Backward), ("branch-removed", Compatibility::Forward)]);
}

/// Pairs of schemas with their true compatibility, many of them reported by users.
const VERDICT_CASES: &str = include_str!("verdict_cases.json");
/// Cases whose verdict is stricter than the truth.
const STRICT_CASES: [&str; 12] = [
    "pattern-lookahead-removed",
    "pattern-lookahead-added",
    "pattern-backreference",
    "pattern-to-length",
    "pattern-to-enum",
    "pattern-dollar-newline",
    "const-object-vs-props",
    "closed-and-optional-added",
    "optional-removed-then-different",
    "format-email-pattern",
    "f03-careful-pattern-implies-maxLength",
    "f04-careful-email-maxLength-320",
];

#[derive(serde::Deserialize)]
struct VerdictCase {
    name: String,
    right: String,
    old: Value,
    new: Value,
}

#[test]
fn a_verdict_is_never_safer_than_the_truth() {
    let cases: Vec<VerdictCase> = serde_json::from_str(VERDICT_CASES).unwrap();
    let mut unsafe_cases = Vec::new();
    let mut strict_cases = Vec::new();
    for case in &cases {
        let truth = match case.right.as_str() {
            "full" => Compatibility::Full,
            "backward" => Compatibility::Backward,
            "forward" => Compatibility::Forward,
            _ => Compatibility::Breaking,
        };
        let self_contained = |schema: &Value| {
            let files = SchemaFiles::from_one("t.json", schema.clone());
            bundle(&files, "t.json", schema).map(|bundle| bundle.schema)
        };
        // A version that cannot be read is not compatible.
        let (rules, found) = match (self_contained(&case.old), self_contained(&case.new)) {
            (Ok(old), Ok(new)) => verdict(&old, &new),
            _ => (vec!["not-understood"], Compatibility::Breaking),
        };
        if found.and(truth) != found {
            unsafe_cases.push(format!("{}: {found:?} instead of {truth:?} {rules:?}", case.name));
        } else if found != truth {
            strict_cases.push(format!("{}: {found:?} instead of {truth:?} {rules:?}", case.name));
        }
    }
    assert!(unsafe_cases.is_empty(), "too safe: {unsafe_cases:#?}");
    let is_known = |case: &&String| STRICT_CASES.iter().any(|name| case.starts_with(&format!("{name}:")));
    let unknown: Vec<_> = strict_cases.iter().filter(|case| !is_known(case)).collect();
    assert!(unknown.is_empty(), "too strict: {unknown:#?}");
}
