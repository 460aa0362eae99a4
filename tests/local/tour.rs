//! The requests of `docs/tour.md`, sent to a local stack with the demo, and their responses.

use std::path::Path;
use std::time::Duration;

use e2e::{MAX_WAIT, Stack, within};
use reqwest::Method;
use serde_json::Value;

/// Base URL of the stack in the tour.
const TOUR_URL: &str = "http://127.0.0.1:8080";

/// Members that a response may lack: an attempt over an open connection neither resolves a name nor connects.
const OPTIONAL_MEMBERS: [&str; 2] = ["dns_ms", "connect_ms"];

/// A fenced block of a page: its language and its text.
struct Block {
    language: String,
    text: String,
}

#[tokio::test]
async fn requests_of_the_tour_have_the_documented_responses() {
    let page = read("docs/tour.md");
    let stack = Stack::start(env!("CARGO_BIN_EXE_tidings"), &["--demo"]).await;
    // The stack answers before the demo has created its target, which receives only events that are stored later.
    let manage = stack.manage();
    within(MAX_WAIT, "the demo target", || async {
        (manage.get("/v1/targets/demo").await.status == 200).then_some(())
    })
    .await;
    let dev: Value =
        serde_json::from_str(&std::fs::read_to_string(stack.data_dir().join("dev.json")).expect("dev.json"))
            .expect("JSON");
    let key = |pointer: &str| dev.pointer(pointer).and_then(Value::as_str).expect("a key").to_owned();
    let mut variables =
        vec![("READ", key("/keys/read")), ("MANAGE", key("/keys/manage")), ("INGEST", key("/keys/ingest/unleash"))];

    let blocks = blocks(&page);
    let mut compared = 0;
    for (index, block) in blocks.iter().enumerate().filter(|(_, block)| block.language == "sh") {
        let requests = requests(&block.text, &variables);
        // A block of several commands documents the response of the first one.
        for (number, request) in requests.iter().enumerate() {
            let documented = blocks.get(index + 1).and_then(|next| serde_json::from_str::<Value>(&next.text).ok());
            let documented = documented.filter(|_| number == 0);
            // Deliveries take a moment. Other requests must succeed immediately.
            let limit = Duration::from_secs(if request.method == Method::GET { 30 } else { 0 });
            let response = within(limit, format!("the documented response of {}", request.url), || async {
                let response = request.send(stack.url()).await;
                let difference = match &documented {
                    Some(documented) => difference("", documented, &response),
                    None => None,
                };
                assert!(difference.is_none() || request.method == Method::GET, "{difference:?}: {response}");
                difference.is_none().then_some(response)
            })
            .await;
            // The first response with an id is that of the event.
            if let Some(event) = response["id"].as_u64()
                && variables.iter().all(|(name, _)| *name != "EVENT")
            {
                variables.push(("EVENT", event.to_string()));
            }
            compared += usize::from(documented.is_some());
        }
    }
    assert!(compared >= 5, "only {compared} responses of docs/tour.md were compared");
}

#[test]
fn commands_of_the_readme_and_the_tour_are_valid() {
    let mut checked = 0;
    for page in ["README.md", "docs/tour.md"] {
        for block in blocks(&read(page)).iter().filter(|block| block.language == "sh") {
            for arguments in block.text.lines().filter_map(|line| line.split_once("--bin tidings -- ")) {
                // `--help` ends the program after it has read the arguments before it.
                let arguments = arguments.1.split_whitespace().chain(["--help"]);
                let output = std::process::Command::new(env!("CARGO_BIN_EXE_tidings"))
                    .args(arguments)
                    .output()
                    .expect("the tidings program");
                assert!(output.status.success(), "{page}: {}", String::from_utf8_lossy(&output.stderr));
                checked += 1;
            }
        }
    }
    assert!(checked >= 2, "only {checked} commands were found");
}

fn read(page: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(page);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn blocks(page: &str) -> Vec<Block> {
    let fences = page.split("```").skip(1).step_by(2);
    let block = |fence: &str| {
        let (language, text) = fence.split_once('\n').unwrap_or((fence, ""));
        Block { language: language.trim().to_owned(), text: text.to_owned() }
    };
    fences.map(block).collect()
}

/// A `curl` command.
struct CurlRequest {
    method: Method,
    url: String,
    headers: Vec<(String, String)>,
    body: Option<String>,
}

impl CurlRequest {
    /// Sends the request to the stack at `base`, and returns the JSON of the response.
    async fn send(&self, base: &str) -> Value {
        let client = reqwest::Client::builder().no_proxy().build().expect("an HTTP client");
        let mut request = client.request(self.method.clone(), self.url.replace(TOUR_URL, base));
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        if let Some(body) = &self.body {
            request = request.body(body.clone());
        }
        let response = request.send().await.expect("a response").text().await.expect("a body");
        serde_json::from_str(&response).unwrap_or_else(|error| panic!("{}: {error}: {response}", self.url))
    }
}

/// Parses the `curl` commands of a shell block, with these variables.
fn requests(block: &str, variables: &[(&str, String)]) -> Vec<CurlRequest> {
    let commands = block.split("curl ").skip(1);
    commands.map(|command| request(&words(command, variables))).collect()
}

fn request(words: &[String]) -> CurlRequest {
    let mut request = CurlRequest { method: Method::GET, url: String::new(), headers: Vec::new(), body: None };
    let mut words = words.iter();
    while let Some(word) = words.next() {
        match word.as_str() {
            "-s" => {}
            "-X" => request.method = words.next().expect("a method").parse().expect("a method"),
            "-H" => {
                let (name, value) = words.next().and_then(|header| header.split_once(": ")).expect("a header");
                request.headers.push((name.to_owned(), value.to_owned()));
            }
            "-d" => {
                request.method = Method::POST;
                request.body = words.next().cloned();
            }
            url if url.starts_with("http") => url.clone_into(&mut request.url),
            other => panic!("this test does not support the curl option {other}"),
        }
    }
    request
}

/// Splits a command into words, as a shell does: with quotes, variables and continued lines.
fn words(command: &str, variables: &[(&str, String)]) -> Vec<String> {
    let mut command = command.replace("\\\n", " ");
    for (name, value) in variables {
        command = command.replace(&format!("${name}"), value);
    }
    let (mut words, mut word, mut quote) = (Vec::new(), None::<String>, None);
    for character in command.chars() {
        match (quote, character) {
            (Some(open), _) if open == character => quote = None,
            (None, '\'' | '"') => {
                quote = Some(character);
                word.get_or_insert_default();
            }
            (None, _) if character.is_whitespace() => words.extend(word.take()),
            _ => word.get_or_insert_default().push(character),
        }
    }
    words.extend(word);
    words
}

/// Returns the first difference in structure: members and types of JSON. A null on either side matches everything, and
/// of arrays only the first elements are compared.
fn difference(path: &str, documented: &Value, received: &Value) -> Option<String> {
    match (documented, received) {
        (Value::Object(documented), Value::Object(received)) => {
            let is_present = |name: &str| received.contains_key(name) || OPTIONAL_MEMBERS.contains(&name);
            if let Some(missing) = documented.keys().find(|name| !is_present(name)) {
                return Some(format!("{path}/{missing} is missing in the response"));
            }
            if let Some(missing) = received.keys().find(|name| !documented.contains_key(*name)) {
                return Some(format!("{path}/{missing} is missing in the documentation"));
            }
            let mut in_both = documented.iter().filter_map(|(name, value)| Some((name, value, received.get(name)?)));
            in_both.find_map(|(name, value, other)| difference(&format!("{path}/{name}"), value, other))
        }
        (Value::Array(documented), Value::Array(received)) => match (documented.first(), received.first()) {
            (Some(a), Some(b)) => difference(&format!("{path}/0"), a, b),
            (Some(_), None) => Some(format!("{path} is empty in the response")),
            _ => None,
        },
        (Value::Null, _) | (_, Value::Null) => None,
        (a, b) if std::mem::discriminant(a) == std::mem::discriminant(b) => None,
        _ => Some(format!("{path}: documented {documented}, received {received}")),
    }
}
