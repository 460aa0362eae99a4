use super::*;

fn check(new: serde_json::Value) -> Result<ValidatedTarget, serde_json::Value> {
    let new: NewTarget = serde_json::from_value(new).unwrap();
    let mut violations = Violations::default();
    let checked = new.check(Timestamp::UNIX_EPOCH, false, &mut violations);
    violations.into_result().map_err(|problem| problem.document())?;
    Ok(checked.unwrap())
}

/// Returns the rejected fields with their messages.
fn refused(fields: serde_json::Value) -> Vec<(String, String)> {
    let mut new = json!({ "name": "audit", "address": "https://example.com/hook" });
    new.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    let Err(document) = check(new) else { return Vec::new() };
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    let violations = document["violations"].as_array().unwrap();
    violations.iter().map(|one| (text(&one["pointer"]), text(&one["message"]))).collect()
}

#[test]
fn a_name_and_an_address_are_enough() {
    let checked = check(json!({ "name": "audit", "address": "https://example.com/hook" })).unwrap();
    let target = checked.target;
    assert_eq!((target.filter, target.retry.count), (model::EventFilter::default(), 3));
    assert_eq!((target.timeout, target.disable_after), (Duration::from_secs(10), Duration::from_hours(120)));
    assert_eq!(checked.secrets.signing.key().unwrap().len(), 32);
    assert!(checked.enabled);
}

#[test]
fn all_violations_are_listed_together() {
    let fields = json!({
        "name": "a b", "address": "ftp://example.com", "scopes": ["x"], "retry_count": 101, "retry_timeout": "soon",
        "signing_secret": "whsec_c2hvcnQ=", "level": "FATAL", "type": "syslog", "timeout": "1h", "ca_cert": "x",
        "body_template": "{{#a}}", "content_type": "json", "headers": { "Host": "x" }, "password": "p",
    });
    let pointers: Vec<String> = refused(fields).into_iter().map(|(pointer, _)| pointer).collect();
    for field in [
        "name",
        "address",
        "scopes",
        "retry_count",
        "retry_timeout",
        "signing_secret",
        "level",
        "type",
        "timeout",
        "ca_cert",
        "body_template",
        "content_type",
        "headers",
        "username",
    ] {
        assert!(pointers.contains(&format!("/{field}")), "{field} in {pointers:?}");
    }
}

#[test]
fn addresses_that_cannot_be_posted_to_are_refused() {
    for address in [
        "",
        "example.com",
        "https://",
        "http://example.com:0",
        "http://example.com:70000",
        "file:///etc/passwd",
        "http:///hook",
        "http:////example.com/hook",
        "https:example.com",
        "https:/example.com",
        "https:\\\\example.com\\hook",
        "https://example.com\\@inner/hook",
        "https://\\example.com",
        "https://exam\tple.com/hook",
        " https://example.com/hook\n",
    ] {
        assert_eq!(refused(json!({ "address": address })).len(), 1, "{address}");
    }
    for address in ["HTTPS://Example.com", "http://[2001:db8::1]:8080/hook?a=\\#b", "https://example.com//a b"] {
        assert_eq!(refused(json!({ "address": address })), [], "{address}");
    }
}

#[test]
fn names_may_have_dots_inside() {
    for name in ["siem.prod", "a.b.c", "a", "A-_9.x", &"x".repeat(64)] {
        assert_eq!(refused(json!({ "name": name })), [], "{name}");
    }
    for name in [".", "..", ".a", "a.", "a..b", "", "a#b", "a~b", "a/b", "a b", "\u{e4}", &"x".repeat(65), "preview"] {
        assert_eq!(refused(json!({ "name": name })).len(), 1, "{name}");
    }
}

#[test]
fn levels_are_read_in_any_case_and_no_scopes_are_the_default_ones() {
    for level in ["warn", "Warn", "WARN", ""] {
        let new = json!({ "name": "a", "address": "https://example.com", "level": level, "scopes": [] });
        assert_eq!(check(new).unwrap().target.filter, model::EventFilter::default(), "{level}");
    }
}

#[test]
fn durations_are_stored_exactly_or_rejected() {
    for (given, shown) in [("500ms", "500ms"), ("1h30m", "1h30m"), ("1.5s", "1s500ms"), ("0s", "0s"), ("0", "0s")] {
        let new = json!({ "name": "a", "address": "https://example.com", "retry_timeout": given });
        assert_eq!(duration::format(check(new).unwrap().target.retry.timeout), shown);
    }
    for given in ["100us", "1ns", "1500us", "1s1us"] {
        let refused_message = &refused(json!({ "retry_timeout": given }))[0].1;
        assert!(refused_message.contains("milliseconds"), "{refused_message}");
        assert_eq!(refused(json!({ "retry_schedule": ["1s", given] }))[0].0, "/retry_schedule");
        assert_eq!(refused(json!({ "timeout": format!("2s{given}") })).len(), 1, "{given}");
    }
}

#[test]
fn a_template_is_refused_with_its_line() {
    let refused = refused(json!({ "body_template": "{\n \"a\": \"{{evnt.type}}\"\n}" }));
    assert!(refused[0].1.starts_with("line 2, column 8") && refused[0].1.contains("evnt"), "{refused:?}");
}

#[test]
fn a_template_that_would_write_nothing_is_refused() {
    for (template, place, message) in [
        ("{{event.type | upper}}", "line 1, column 1", "there are no pipes"),
        ("{{#event.tags}}\n{{value|upper}}{{/event.tags}}", "line 2, column 1", "there are no pipes"),
        ("\n {{eventJson.type}}", "line 2, column 2", "`eventJson` is a text"),
        ("{{^event.x}}{{{eventMarkdown.length}}}{{/event.x}}", "line 1, column 13", "`eventMarkdown` is a text"),
    ] {
        let refused = refused(json!({ "body_template": template }));
        assert_eq!(refused.len(), 1, "{refused:?}");
        assert!(refused[0].1.starts_with(place) && refused[0].1.contains(message), "{refused:?}");
    }
    for template in
        ["{{{eventJson}}} {{eventMarkdown}}", "a | b {{event.a b.c}}", "{{#event}}{{eventJson.x}}{{/event}}"]
    {
        assert_eq!(refused(json!({ "body_template": template })), [], "{template}");
    }
}

#[test]
fn lengths_are_those_of_characters() {
    let umlauts = |count: usize| "\u{fc}".repeat(count);
    for (field, most) in [("description", 1000), ("username", 256)] {
        assert_eq!(refused(json!({ field: umlauts(most) })), [], "{field}");
        assert_eq!(refused(json!({ field: umlauts(most + 1) })).len(), 1, "{field}");
    }
    for field in ["sources", "events", "projects", "environments"] {
        assert_eq!(refused(json!({ field: vec![umlauts(256); 50] })), [], "{field}");
        assert_eq!(refused(json!({ field: [umlauts(257)] })).len(), 1, "{field}");
    }
    let address = |count: usize| format!("https://example.com/{}", umlauts(count - 20));
    assert_eq!(refused(json!({ "address": address(2048) })), []);
    assert_eq!(refused(json!({ "address": address(2049) })).len(), 1);
}

#[test]
fn the_size_of_a_target_is_bounded() {
    let long = |count: usize| vec!["\u{1f980}".repeat(256); count];
    let template = "x".repeat(64 * 1024);
    let most = json!({ "body_template": template, "sources": long(50), "events": long(50), "projects": long(50) });
    assert_eq!(refused(most.clone()), []);
    let mut more = most;
    more["environments"] = json!(long(50));
    more["authorization"] = json!("x".repeat(4096));
    more["address"] = json!(format!("https://example.com/{}", "\u{fc}".repeat(2000)));
    more["headers"] = (0..20).map(|n| (format!("x-{n}"), json!("x".repeat(4096)))).collect();
    let refused = refused(more);
    assert_eq!(refused.len(), 1, "{refused:?}");
    assert!(refused[0].0.is_empty() && refused[0].1.contains("together"), "{refused:?}");
}

#[test]
fn an_empty_type_is_ignored_and_control_characters_are_rejected_in_credentials() {
    assert_eq!(refused(json!({ "type": "" })), []);
    for text in ["a\nb", "a\r", "\u{0}", "a\u{7f}b", "\u{85}"] {
        let refused = refused(json!({ "username": text, "password": text }));
        let fields: Vec<&str> = refused.iter().map(|(pointer, _)| pointer.as_str()).collect();
        assert_eq!(fields, ["/username", "/password"], "{text:?}");
    }
    assert_eq!(refused(json!({ "username": "J\u{f6}rg M.", "password": "\u{1f980} x:y" })), []);
}

#[test]
fn a_private_key_is_rejected_and_not_repeated() {
    let key = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIA==\n-----END PRIVATE KEY-----\n";
    let refused = refused(json!({ "ca_cert": key }));
    assert_eq!(refused[0].0, "/ca_cert");
    assert!(refused[0].1.contains("a private key") && !refused[0].1.contains("MC4"), "{refused:?}");
}

#[test]
fn delays_are_bounded_by_the_retention_of_the_queue() {
    assert_eq!(refused(json!({ "retry_schedule": ["5s", "5m", "24h", "72h"] })), []);
    assert_eq!(refused(json!({ "retry_schedule": vec!["72h"; 4] }))[0].0, "/retry_schedule");
    assert_eq!(refused(json!({ "retry_count": 100, "retry_timeout": "3h" }))[0].0, "/retry_timeout");
}

#[test]
fn headers_of_the_connection_and_the_signature_are_reserved() {
    for name in ["host", "Content-Length", "WEBHOOK-Signature", "authorization", "a b", "", "x\ny"] {
        assert_eq!(refused(json!({ "headers": { name: "v" } })).len(), 1, "{name}");
    }
    assert_eq!(refused(json!({ "headers": { "x-a": "line\nbreak" } })).len(), 1);
    assert_eq!(refused(json!({ "headers": { "x-a": "1", "X-A": "2" } })).len(), 1);
}

#[test]
fn a_definition_survives_a_round_trip() {
    let new = json!({
        "name": "audit", "address": "https://example.com/hook", "username": "u", "password": "p",
        "headers": { "X-A": "1" }, "retry_schedule": ["1s", "2m"], "projects": ["web"], "body_template": "{{event.x}}",
    });
    let checked = check(new).unwrap();
    let again = serde_json::to_value(NewTarget::of(&checked.target, &checked.secrets)).unwrap();
    let again = check(again).unwrap();
    assert_eq!(again.secrets, checked.secrets);
    assert_eq!(again.target, checked.target);
}

#[test]
fn a_star_alone_means_every_value_and_patterns_are_rejected() {
    for field in ["sources", "events", "projects", "environments"] {
        let star = json!({ "name": "a", "address": "https://example.com", field: ["*"] });
        assert_eq!(check(star).unwrap().target.filter, model::EventFilter::default(), "{field}");
        for values in [json!(["feature-*"]), json!(["*", "web"]), json!(["user.*.created"])] {
            let refused = refused(json!({ field: values }));
            assert_eq!(refused[0].0, format!("/{field}"));
            assert!(refused[0].1.contains("patterns are not supported"), "{refused:?}");
        }
        assert!(refused(json!({ field: [" web"] }))[0].1.contains("no spaces around"), "{field}");
    }
}

#[test]
fn all_forms_of_log_targets_are_accepted() {
    let target = |fields: serde_json::Value| {
        let mut new = json!({ "name": "mm", "address": "https://mm:a%40b@example.com/v1/events" });
        new.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        check(new).unwrap()
    };
    let zero = target(json!({ "username": "", "password": "", "retry_count": 0, "retry_timeout": "0s" }));
    assert_eq!(zero.target.address.as_str(), "https://example.com/v1/events");
    assert_eq!((zero.target.username.as_deref(), zero.secrets.password.as_deref()), (Some("mm"), Some("a@b")));
    assert_eq!((zero.target.retry.count, zero.target.retry.timeout), (3, Duration::from_secs(10)));
    let immediate = target(json!({ "retry_count": 2, "retry_timeout": "0s" }));
    assert_eq!((immediate.target.retry.count, immediate.target.retry.timeout), (2, Duration::ZERO));
    let actions = target(json!({ "lifecycle_actions": ["batch-created"] }));
    assert_eq!(actions.target.filter.events, ["batch-created", "logging"]);
    for all in [json!([]), json!(null)] {
        assert!(target(json!({ "lifecycle_actions": all })).target.filter.events.is_empty());
    }
    assert_eq!(refused(json!({ "lifecycle_actions": ["a"], "events": ["b"] }))[0].0, "/lifecycle_actions");
    let both = json!({ "address": "https://a:b@example.com", "username": "c", "password": "d" });
    assert_eq!(refused(both)[0].0, "/address");
}

#[test]
fn plain_http_can_be_forbidden() {
    for (address, allowed) in
        [("https://example.com", true), ("http://example.com", false), ("HTTP://example.com", false)]
    {
        let new: NewTarget = serde_json::from_value(json!({ "name": "a", "address": address })).unwrap();
        let mut violations = Violations::default();
        assert_eq!(new.check(Timestamp::UNIX_EPOCH, true, &mut violations).is_some(), allowed, "{address}");
    }
}
