//! The parameters' patterns reject invalid values before the stack is deployed.

use std::net::IpAddr;

use regex_automata::dfa::regex::Regex;
use serde_json::{Value, json};

use crate::{assert_violation, read, template};

/// Decides if a parameter accepts this value.
fn accepts(template: &Value, name: &str, value: &str) -> bool {
    let parameter = &template["Parameters"][name];
    assert!(!parameter.is_null(), "there is no parameter {name}");
    if let Some(values) = parameter["AllowedValues"].as_array() {
        return values
            .iter()
            .any(|allowed| allowed.as_str().map_or_else(|| allowed.to_string(), str::to_owned) == value);
    }
    let pattern = parameter["AllowedPattern"].as_str().unwrap_or_else(|| panic!("{name} has no pattern"));
    assert!(pattern.starts_with('^') && pattern.ends_with('$'), "{name}: {pattern}");
    Regex::new(pattern).unwrap_or_else(|error| panic!("{name}: {error}")).is_match(value)
}

#[test]
fn parameters_accept_valid_values() {
    let template = template();
    let digest = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
    let valid: [(&str, &[&str]); 22] = [
        ("ManageKeySha256", &[digest]),
        ("Shards", &["1", "4", "9", "10", "59", "64"]),
        ("DeliveryConcurrency", &["2", "20", "99", "100", "999", "1000"]),
        ("SlowDeliveryConcurrency", &["2", "10", "1000"]),
        ("TracePercent", &["0", "1", "10", "99", "100"]),
        ("ThrottlingRate", &["1", "200", "10000"]),
        ("ThrottlingBurst", &["1", "400", "5000"]),
        ("RetentionDays", &["0", "1", "30", "999", "9999", "29999", "35999", "36499", "36500"]),
        ("LogRetentionDays", &["1", "30", "3653"]),
        ("LogLevel", &["info", "warn", "info,store=debug", "off,search::pack=trace", "ingest=debug"]),
        ("AllowedCidrs", &["", "10.0.0.0/8", "0.0.0.0/0", "255.255.255.255/32", "fd00::/8", "::/0", "::1/128"]),
        ("AllowedCidrs", &["10.0.0.0/8,fd00::/8", "1:2:3:4:5:6:7:8/64,172.16.0.0/12"]),
        ("CorsOrigins", &["", "https://log.example.org", "https://a.example.org,http://localhost:5173"]),
        ("AlarmTopicArn", &["", "arn:aws:sns:eu-west-1:123456789012:alarms"]),
        ("TableKeyArn", &["", "arn:aws:kms:eu-west-1:123456789012:key/0a1b"]),
        ("TableClass", &["STANDARD", "STANDARD_INFREQUENT_ACCESS"]),
        ("MaxWriteUnits", &["0", "1", "40000"]),
        ("FanoutBatchingSeconds", &["0", "1", "60", "299", "300"]),
        ("IngestReservedConcurrency", &["0", "1", "50", "1000"]),
        ("IngestThrottlingRate", &["1", "200", "10000"]),
        ("SubnetIds", &["", "subnet-0123456789abcdef0", "subnet-01234567,subnet-0123456789abcdef0"]),
        ("SecurityGroupIds", &["", "sg-0123456789abcdef0"]),
    ];
    for (name, values) in valid {
        for value in values {
            assert!(accepts(&template, name, value), "{name}: {value:?} is valid");
        }
        for network in values.iter().filter(|_| name == "AllowedCidrs").flat_map(|value| value.split(',')) {
            let address = network.split('/').next().unwrap_or_default();
            assert!(network.is_empty() || address.parse::<IpAddr>().is_ok(), "{network} is not a network");
        }
    }
}

#[test]
fn parameters_reject_invalid_values() {
    let template = template();
    let invalid: [(&str, &[&str]); 15] = [
        ("ManageKeySha256", &["", "secret", "9F86D081884C7D659A2FEAA0C55AD015A3BF4F1B2B0B822CD15D6C15B0F00A08"]),
        ("Shards", &["", "0", "65", "4.5", "04", "-1", "four", "100"]),
        ("DeliveryConcurrency", &["", "0", "1", "1001", "20.5", "1e2", " 20"]),
        ("SlowDeliveryConcurrency", &["1", "1001", "2.0"]),
        ("TracePercent", &["", "-1", "0.5", "101", "5%"]),
        ("ThrottlingRate", &["", "0", "0.5", "-1"]),
        ("ThrottlingBurst", &["0", "400.5"]),
        ("MaxWriteUnits", &["", "-1", "1.5"]),
        ("FanoutBatchingSeconds", &["", "-1", "0.5", "301"]),
        ("IngestReservedConcurrency", &["", "-1", "1.5"]),
        ("IngestThrottlingRate", &["", "0", "0.5"]),
        ("SubnetIds", &["10.0.0.0/8", "subnet-1", "subnet-01234567, subnet-01234568"]),
        ("RetentionDays", &["", "-1", "0.5", "36501", "40000", "100000", "30d"]),
        ("LogLevel", &["", "inof", "store", "info,", "store=", "info,store", "store=inof"]),
        (
            "AllowedCidrs",
            &[
                "10.0.0.0",
                "10.0.0.0/33",
                "10.0.0.0/99",
                "1.2.3/8",
                "256.0.0.0/8",
                "10.0.0.0/8, fd00::/8",
                "fd00::/129",
                "fd00/8",
                "10.0.0.0/8,",
                "example.org/8",
            ],
        ),
    ];
    for (name, values) in invalid {
        for value in values {
            assert!(!accepts(&template, name, value), "{name}: {value:?} is invalid but accepted");
        }
    }
}

#[test]
fn defaults_and_samconfig_values_match_the_patterns() {
    let template = template();
    for (name, parameter) in template["Parameters"].as_object().expect("parameters") {
        let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        if !parameter["Default"].is_null() {
            assert!(accepts(&template, name, &text(&parameter["Default"])), "the default of {name}");
        }
    }
    let config = read("infra/samconfig.toml");
    // Each override is quoted; a line may have several.
    let given: Vec<(&str, &str)> = config
        .lines()
        .filter(|line| !line.starts_with('#') && (line.contains("parameter_overrides") || line.starts_with("    \"")))
        .flat_map(|line| line.split('"').skip(1).step_by(2))
        .filter_map(|pair| pair.split_once('='))
        .collect();
    assert!(given.len() >= 6, "{given:?}");
    for (name, value) in given {
        assert!(accepts(&template, name, value), "infra/samconfig.toml: {name}={value}");
    }
}

#[test]
fn overly_permissive_parameters_are_detected() {
    let shards = "/Parameters/Shards";
    assert_violation(shards, |of| of["Type"] = json!("Number"), "Shards: allows fractions");
    assert_violation(
        shards,
        |of| {
            of.as_object_mut().and_then(|members| members.remove("AllowedPattern")).expect("a pattern");
        },
        "Shards: no AllowedPattern",
    );
}
