use serde_json::{Value, json};

use super::syntax::{MAX_NAME_BYTES, MAX_NESTING_DEPTH, MAX_RENDER_STEPS, MAX_TEMPLATE_BYTES};
use super::{Escape, Position, Template, validate_json};

const MAX_BODY_BYTES: usize = 1 << 20;

fn render(template: &str, context: &Value) -> String {
    Template::parse(template).unwrap().render(context, Escape::Json, MAX_BODY_BYTES).unwrap()
}

#[track_caller]
fn check(context: &Value, cases: &[(&str, &str)]) {
    for (template, expected) in cases {
        assert_eq!(render(template, context), *expected, "{template}");
    }
}

fn parse_error(template: &str) -> String {
    Template::parse(template).unwrap_err().to_string()
}

#[test]
fn values_are_escaped_for_json_strings() {
    let context = json!({"s": "say \"hi\"\\\n\r\t\u{8}\u{1f}\u{7f} é 🦀", "i": -3, "f": 1.0, "t": true, "n": null});
    check(
        &context,
        &[
            ("{{s}}", "say \\\"hi\\\"\\\\\\n\\r\\t\\u0008\\u001f\u{7f} é 🦀"),
            ("{{i}} {{f}} {{t}} [{{n}}] [{{missing}}]", "-3 1.0 true [] []"),
        ],
    );
    let body = render("{\"text\": \"{{s}}\"}", &context);
    assert_eq!(serde_json::from_str::<Value>(&body).unwrap()["text"], context["s"]);
}

#[test]
fn raw_values_are_not_escaped() {
    check(
        &json!({"s": "\"\n", "o": {"z": 1, "a": ["\""]}, "n": null}),
        &[
            ("{{{s}}}{{&s}}{{& s }}{{{ s }}}", "\"\n\"\n\"\n\"\n"),
            (r#"{"event":{{{o}}}}"#, r#"{"event":{"z":1,"a":["\""]}}"#),
            ("[{{{n}}}]", "[]"),
        ],
    );
}

#[test]
fn objects_and_arrays_are_rendered_as_compact_json() {
    let context = json!({"o": {"z": 1, "a": ["é\"\n"]}});
    check(
        &context,
        &[
            ("{{{o}}}", r#"{"z":1,"a":["é\"\n"]}"#),
            ("{{o}}", r#"{\"z\":1,\"a\":[\"é\\\"\\n\"]}"#),
            ("{{o.length}}", ""),
        ],
    );
}

#[test]
fn names_select_members_and_items() {
    check(
        &json!({"event": {"tags": [{"value": "x"}], "rows": [[1, 2], [3]], "First name": "Ann", "01": "key"}}),
        &[
            ("{{ event.tags.0.value }}", "x"),
            ("{{event.rows.0.1}}", "2"),
            ("{{event.tags.1.value}}{{event.tags.01.value}}{{event.tags.+0.value}}{{event.tags.-1}}", ""),
            ("{{event.tags.0.value.0}}{{event.tags.value}}{{event.tags.99999999999999999999}}", ""),
            ("{{event.First name}} {{event.01}}", "Ann key"),
            ("{{event.rows.length}} {{event.rows.1.length}}{{event.rows.length.length}}", "2 1"),
            ("{{#event.rows}}{{0}}:{{length}} {{/event.rows}}", "1:2 3:1 "),
        ],
    );
}

#[test]
fn sections_are_rendered_for_truthy_values() {
    let context = json!({
        "no": [false, null, [], "", 0, 0.0, -0.0],
        "yes": [true, [0], "x", 1, 0.1, {}],
    });
    for (index, no) in context["no"].as_array().unwrap().iter().enumerate() {
        let template = format!("{{{{#no.{index}}}}}yes{{{{/no.{index}}}}}{{{{^no.{index}}}}}no{{{{/no.{index}}}}}");
        assert_eq!(render(&template, &context), "no", "{no}");
    }
    for (index, yes) in context["yes"].as_array().unwrap().iter().enumerate() {
        let template = format!("{{{{#yes.{index}}}}}yes{{{{/yes.{index}}}}}{{{{^yes.{index}}}}}no{{{{/yes.{index}}}}}");
        assert_eq!(render(&template, &context), "yes", "{yes}");
    }
    check(&context, &[("{{#missing}}yes{{/missing}}{{^missing}}no{{/missing}}", "no")]);
}

#[test]
fn sections_add_a_context() {
    check(
        &json!({
            "name": "outer", "list": [1, "a\"", null, {"name": "inner"}], "one": {"name": "one", "x": {"y": 1}},
            "x": {"z": 2}, "t": true,
        }),
        &[
            ("{{#list}}<{{.}}>{{/list}}", r#"<1><a\"><><{\"name\":\"inner\"}>"#),
            ("{{#list}}<{{{.}}}>{{/list}}", r#"<1><a"><><{"name":"inner"}>"#),
            ("{{#list}}{{name}} {{/list}}", "outer outer outer inner "),
            ("{{#one}}{{name}}{{#t}}{{.}}{{/t}}{{/one}} {{name}}", "onetrue outer"),
            // The first part is found in the section, and its value has no member `z`.
            ("{{#one}}[{{x.z}}]{{/one}} {{x.z}}", "[] 2"),
            ("{{#list}}{{#name}}{{.}},{{/name}}{{/list}}", "outer,outer,outer,inner,"),
            ("{{#list}}{{#.}}+{{/.}}{{^.}}-{{/.}}{{/list}}", "++-+"),
            ("{{#list.length}}{{.}} of them{{/list.length}}", "4 of them"),
            ("{{^missing}}{{name}}{{.}}{{/missing}}{{#t}}{{^missing}}{{.}}{{/missing}}{{/t}}", &{
                let all = r#"{\"name\":\"outer\",\"list\":[1,\"a\\\"\",null,{\"name\":\"inner\"}],"#;
                format!(
                    r#"outer{all}\"one\":{{\"name\":\"one\",\"x\":{{\"y\":1}}}},\"x\":{{\"z\":2}},\"t\":true}}true"#
                )
            }),
        ],
    );
}

#[test]
fn standalone_lines_are_removed() {
    check(
        &json!({"list": [1, 2], "t": true}),
        &[
            ("[\n  {{#list}}\n  {{.}}\n  {{/list}}\n]", "[\n  1\n  2\n]"),
            ("a\r\n{{! note }}\r\nb", "a\r\nb"),
            ("  {{! note\n over\n lines }}  \nb", "b"),
            ("a\n  {{#t}}\nb\n  {{/t}}", "a\nb\n"),
            ("{{#t}} {{/t}}\nb", "b"),
            ("a {{! note }}\nb", "a \nb"),
            ("| {{#t}}\n| {{/t}} |\n", "| \n|  |\n"),
            ("  {{t}}\n\n \n", "  true\n\n \n"),
            ("{{! a }}}", "}"),
        ],
    );
}

#[test]
fn text_without_tags_is_unchanged() {
    check(&json!({}), &[("", ""), ("{\"a\": {}}\n{ { } }}\n", "{\"a\": {}}\n{ { } }}\n")]);
    check(&json!({"n": 1}), &[("{\"a\":{\"n\":{{n}}}}", "{\"a\":{\"n\":1}}")]);
}

#[test]
fn parse_errors_state_position_and_reason() {
    let cases = [
        ("é\n  ab{{#event.tags}}\n", "line 2, column 5: the section `event.tags` is not closed"),
        ("a\r\nb{{/x}}", "line 2, column 2: `{{/x}}` closes a section that is not open"),
        ("{{#a}}\n{{#b}}{{/a}}{{/b}}", "line 2, column 7: `{{/a}}` cannot close the section `b` of line 2"),
        ("éé{{a", "line 1, column 3: the tag is not closed with `}}`"),
        ("{{{a}}", "line 1, column 1: the tag is not closed with `}}}`"),
        ("{{! a }", "line 1, column 1: the tag is not closed with `}}`"),
        ("{{ }}", "line 1, column 1: the tag has no name"),
        ("{{#}}", "line 1, column 1: the tag has no name"),
        ("{{> x}}", "line 1, column 1: partials (`{{> name}}`) are not supported"),
        ("{{=<% %>=}}", "line 1, column 1: set delimiters (`{{= =}}`) are not supported"),
        ("{{a}\n{{b}}", "line 1, column 1: a name cannot contain '}': check where the tag is closed"),
        ("{{\"a\": 1}}", "line 1, column 1: a name cannot contain '\"': check where the tag is closed"),
        (
            "{{#each a}}{{/each}}",
            "line 1, column 1: `each a` is not a valid name: helpers and lambdas are not supported",
        ),
        ("{{up(a.b)}}", "line 1, column 1: `up(a.b)` is not a valid name: helpers and lambdas are not supported"),
        ("{{a..b}}", "line 1, column 1: the name `a..b` has an empty part before, between or after its dots"),
        ("{{./a}}", "line 1, column 1: the name `./a` has an empty part before, between or after its dots"),
    ];
    for (template, expected) in cases {
        assert_eq!(parse_error(template), expected, "{template}");
    }
}

#[test]
fn template_limits_are_enforced() {
    assert!(Template::parse(&"x".repeat(MAX_TEMPLATE_BYTES)).is_ok());
    let long = parse_error(&"x".repeat(MAX_TEMPLATE_BYTES + 1));
    assert_eq!(long, "line 1, column 1: the template has 65537 bytes (maximum 65536)");

    let nested = |depth: usize| format!("{}\n{}", "{{#a}}".repeat(depth), "{{/a}}".repeat(depth));
    assert!(Template::parse(&nested(MAX_NESTING_DEPTH)).is_ok());
    let deep = parse_error(&nested(MAX_NESTING_DEPTH + 1));
    assert_eq!(deep, "line 1, column 97: the section `a` is nested more than 16 levels deep");

    let named = |bytes: usize| format!("{{{{{}}}}}", "n".repeat(bytes));
    assert!(Template::parse(&named(MAX_NAME_BYTES)).is_ok());
    assert_eq!(parse_error(&named(MAX_NAME_BYTES + 1)), "line 1, column 1: the name has 257 bytes (maximum 256)");
}

#[test]
fn body_limits_are_enforced() {
    let error = |template: &str, max_bytes| {
        let context = json!({"list": ["aa", "\n"], "o": {"k": "aa"}});
        Template::parse(template).unwrap().render(&context, Escape::Json, max_bytes).map_err(|error| error.to_string())
    };
    let too_long = |line: usize, column: usize, max: usize| {
        Err(format!("line {line}, column {column}: the body exceeds {max} bytes"))
    };
    assert_eq!(error("abc", 3), Ok("abc".to_owned()));
    assert_eq!(error("abc", 2), too_long(1, 1, 2));
    assert_eq!(error("\nx{{#list}}{{.}}{{/list}}", 6), Ok("\nxaa\\n".to_owned()));
    assert_eq!(error("\nx{{#list}}{{.}}{{/list}}", 5), too_long(2, 11, 5));
    assert_eq!(error("{{{o}}}", 10), Ok(r#"{"k":"aa"}"#.to_owned()));
    assert_eq!(error("{{{o}}}", 9), too_long(1, 1, 9));
    assert_eq!(error("{{o}}", 10), too_long(1, 1, 10));
}

#[test]
fn render_steps_are_limited() {
    // Five nested sections over ten items: 100,000 steps for each tag in the innermost, 122,222 for the rest.
    let template = |values: usize| {
        let (open, close) = ("{{#a}}".repeat(5), "{{/a}}".repeat(5));
        Template::parse(&format!("\n{open}{}{close}", "{{x}}".repeat(values))).unwrap()
    };
    let context = json!({"a": [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]});
    assert_eq!(template(8).render(&context, Escape::Json, MAX_BODY_BYTES).unwrap(), "\n");
    let error = template(9).render(&context, Escape::Json, MAX_BODY_BYTES).unwrap_err();
    assert_eq!((error.line, error.reason), (2, format!("rendering the body takes more than {MAX_RENDER_STEPS} steps")));

    let error = Template::parse("{{#a}}{{/a}}")
        .unwrap()
        .render(&json!({"a": vec![1; MAX_RENDER_STEPS]}), Escape::Json, MAX_BODY_BYTES)
        .unwrap_err();
    assert_eq!((error.line, error.column), (1, 1));
}

#[test]
fn tags_state_whether_they_refer_to_the_root_context() {
    let template =
        "{{event.name}}\n{{#tags.0}}{{name}}{{^x}}{{y}}{{/x}}{{/tags.0}}{{^none}} {{{why.not}}}{{/none}}{{.}}";
    let template = Template::parse(template).unwrap();
    let tags = template.tags().iter().map(|tag| {
        let Position { line, column } = tag.position;
        (&*tag.name, tag.root(), (line, column), tag.is_root)
    });
    let expected = [
        ("event.name", "event", (1, 1), true),
        ("tags.0", "tags", (2, 1), true),
        ("name", "name", (2, 12), false),
        ("x", "x", (2, 20), false),
        ("y", "y", (2, 26), false),
        ("none", "none", (2, 48), true),
        ("why.not", "why", (2, 58), true),
        (".", ".", (2, 80), true),
    ];
    assert_eq!(tags.collect::<Vec<_>>(), expected);
}

#[test]
fn escapes_depend_on_the_content_type() {
    let context = json!({"s": "<a href=\"x\">'R&D'</a>\n=+é", "o": {"k": "&"}});
    let cases = [
        (Escape::Json, r#"<a href=\"x\">'R&D'</a>\n=+é"#, r#"{\"k\":\"&\"}"#),
        (
            Escape::Markup,
            "&lt;a href=&quot;x&quot;&gt;&#39;R&amp;D&#39;&lt;/a&gt;\n=+é",
            "{&quot;k&quot;:&quot;&amp;&quot;}",
        ),
        (Escape::Form, "%3Ca%20href%3D%22x%22%3E%27R%26D%27%3C%2Fa%3E%0A%3D%2B%C3%A9", "%7B%22k%22%3A%22%26%22%7D"),
        (Escape::None, "<a href=\"x\">'R&D'</a>\n=+é", r#"{"k":"&"}"#),
    ];
    for (escape, text, object) in cases {
        let render =
            |template: &str| Template::parse(template).unwrap().render(&context, escape, MAX_BODY_BYTES).unwrap();
        assert_eq!((render("{{s}}"), render("{{o}}")), (text.to_owned(), object.to_owned()), "{escape:?}");
        for raw in ["{{{s}}}", "{{& s}}"] {
            assert_eq!(render(raw), context["s"].as_str().unwrap(), "{escape:?}");
        }
        assert_eq!(render("<b> & \"{{{o}}}\""), r#"<b> & "{"k":"&"}""#, "text of the template is not escaped");
        let exact = Template::parse("x{{s}}").unwrap();
        assert!(exact.render(&context, escape, text.len() + 1).is_ok());
        assert_eq!(exact.render(&context, escape, text.len()).unwrap_err().column, 2, "{escape:?}");
    }
}

#[test]
fn bodies_that_are_not_json_are_rejected() {
    assert_eq!(validate_json("{\"a\": [1, 1e999, \"é\"]}\n"), Ok(()));
    let deep = format!("{}{}", "[".repeat(5000), "]".repeat(5000));
    assert_eq!(validate_json(&deep), Ok(()));
    let cases = [
        ("", "line 1, column 1: the body is not JSON: EOF while parsing a value"),
        ("\n\n", "line 3, column 1: the body is not JSON: EOF while parsing a value"),
        ("{\n\"é\": ,\n}", "line 2, column 6: the body is not JSON: expected value"),
        ("{} {", "line 1, column 4: the body is not JSON: trailing characters"),
        (
            "{\"a\": \"at line 1\nb\"}",
            "line 1, column 16: the body is not JSON: control character (\\u0000-\\u001F) found",
        ),
    ];
    for (body, expected) in cases {
        let error = validate_json(body).unwrap_err().to_string();
        assert!(error.starts_with(expected), "{body}: {error}");
    }
}
