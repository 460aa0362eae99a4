//! The examples in `docs/templates.md` render as documented.

use std::path::Path;

use e2e::Receiver;
use serde_json::json;

use crate::start;

/// An example of the page: a template and the body that it renders from the page's event.
struct Example {
    content_type: String,
    template: String,
    body: String,
}

/// Returns the code blocks of a section.
fn code_blocks(part: &str) -> Vec<&str> {
    let fenced = part.split("```").skip(1).step_by(2);
    fenced.map(|block| block.split_once('\n').map_or("", |(_, text)| text.trim_end_matches('\n'))).collect()
}

/// Returns the page's event and examples.
fn parse_page() -> (String, Vec<Example>) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/templates.md");
    let page = std::fs::read_to_string(path).expect("docs/templates.md");
    let (_, examples) = page.split_once("\n## Examples\n").expect("a section with examples");
    let mut parts = examples.split("\n### ");
    let event = code_blocks(parts.next().expect("the text before the examples"))[0].to_owned();
    let examples = parts.map(|part| {
        let (_, content_type) = part.split_once("`content_type` is `").expect("a content type");
        let [template, body] = code_blocks(part)[..] else { panic!("a template and its body: {part}") };
        Example {
            content_type: content_type.split('`').next().expect("a closing backtick").to_owned(),
            template: template.to_owned(),
            body: body.to_owned(),
        }
    });
    (event, examples.collect())
}

/// Checks the bodies that targets with these templates receive for an event.
async fn assert_bodies(event: String, examples: &[Example]) {
    let stack = start().await;
    let mut receivers = Vec::new();
    for (number, Example { content_type, template, .. }) in examples.iter().enumerate() {
        let receiver = Receiver::start().await;
        let fields = json!({ "content_type": content_type, "body_template": template });
        stack.create_target(&format!("t{number}"), receiver.url(), &fields).await;
        receivers.push(receiver);
    }
    stack.ingest("unleash").post_bytes("/v1/events", event).await.expect(201);
    for (example, receiver) in examples.iter().zip(receivers) {
        let received = &receiver.wait_for(1).await[0];
        assert_eq!(received.headers["content-type"], example.content_type);
        assert_eq!(String::from_utf8_lossy(&received.body), example.body, "{}", example.template);
    }
}

#[tokio::test]
async fn documented_template_examples_render_as_shown() {
    let (event, examples) = parse_page();
    assert_eq!(examples.len(), 4);
    assert_bodies(event, &examples).await;
}

#[tokio::test]
async fn non_json_bodies_are_escaped_for_their_content_type() {
    let (event, _) = parse_page();
    let example = |content_type: &str, template: &str, body: &str| {
        let [content_type, template, body] = [content_type, template, body].map(str::to_owned);
        Example { content_type, template, body }
    };
    let template = "<a b=\"{{event.data.description}}\">{{{event.data.description}}}";
    let escaped = "<a b=\"A &quot;night&quot; view &amp; &lt;more&gt;\">A \"night\" view & <more>";
    let examples = [
        example("text/html; charset=utf-8", template, escaped),
        example("application/atom+xml", template, escaped),
        example("application/octet-stream", "{{event.data.description}}", "A \\\"night\\\" view & <more>"),
    ];
    assert_bodies(event, &examples).await;
}
