//! The deployed stack: `infra/template.yaml` with the functions' real programs, on ministack.

use std::process::Stdio;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, ChildStdin, Command};

use crate::api::Api;
use crate::target_dir;

/// A deployment, taken down when it is dropped.
#[derive(Debug)]
pub struct Deployment {
    _process: Child,
    /// The deployment stands until this ends.
    _stdin: Option<ChildStdin>,
    described: Value,
}

impl Deployment {
    /// Deploys the template with these parameters (`Key=Value`).
    ///
    /// # Panics
    /// Where it does not come to stand; its reason stands on standard error.
    pub async fn start(parameters: &[String]) -> Self {
        let target = target_dir();
        let mut command = Command::new(target.join("venv/bin/python"));
        command.arg("infra/ministack/deploy.py").arg("--auth").arg("--lambda-dir").arg(target.join("lambda"));
        for parameter in parameters {
            command.arg("-p").arg(parameter);
        }
        let mut process = command
            .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("target/venv, made by `cargo xtask test`");
        let stdin = process.stdin.take();
        let mut lines = BufReader::new(process.stdout.take().expect("its output")).lines();
        let line = tokio::time::timeout(Duration::from_mins(4), lines.next_line()).await;
        let line = line.expect("a deployment within 4 minutes").expect("its output").expect("a line that describes it");
        let described = serde_json::from_str(&line).expect("a line of JSON");
        Self { _process: process, _stdin: stdin, described }
    }

    /// The API without a key.
    ///
    /// # Panics
    /// Where the deployment does not say where it is.
    pub fn api(&self) -> Api {
        Api::new(self.text("url")).with_host(self.text("host"))
    }

    /// An output of the stack.
    ///
    /// # Panics
    /// Where the template has none of this name.
    pub fn output(&self, name: &str) -> &str {
        self.described["outputs"][name].as_str().unwrap_or_else(|| panic!("no output {name}"))
    }

    /// What SQS answers to an action.
    ///
    /// # Panics
    /// Where it refuses.
    pub async fn sqs(&self, action: &str, input: &Value) -> Value {
        self.aws("sqs", "1.0", &format!("AmazonSQS.{action}"), input).await
    }

    /// What a function answers to an event; `name` is the one in the template.
    ///
    /// # Panics
    /// Where there is no such function, or it fails.
    pub async fn invoke(&self, name: &str, event: &Value) -> Value {
        let functions = self.signed(reqwest::Method::GET, "/2015-03-31/functions/", "lambda");
        let functions = self.endpoint().send(functions).await.expect(200);
        let all = functions["Functions"].as_array().expect("functions").iter();
        let mut names = all.filter_map(|function| function["FunctionName"].as_str());
        let function = names.find(|full| full.contains(name)).unwrap_or_else(|| panic!("no {name}: {functions}"));
        let path = format!("/2015-03-31/functions/{function}/invocations");
        let request = self.signed(reqwest::Method::POST, &path, "lambda").body(event.to_string());
        let answer = self.endpoint().send(request).await;
        let failed = answer.headers.get("x-amz-function-error");
        assert!(failed.is_none(), "{name} fails: {failed:?} {}", answer.text);
        answer.expect(200)
    }

    /// The lines that a function has printed so far.
    ///
    /// # Panics
    /// Where it has no logs.
    pub async fn lines_of(&self, function: &str) -> Vec<String> {
        let input = json!({ "logGroupName": format!("/aws/lambda/tidings-{function}") });
        let answer = self.aws("logs", "1.1", "Logs_20140328.FilterLogEvents", &input).await;
        let events = answer["events"].as_array().expect("events").iter();
        events.filter_map(|event| event["message"].as_str().map(str::to_owned)).collect()
    }

    /// One call of an AWS service that speaks JSON in this version.
    async fn aws(&self, service: &str, version: &str, action: &str, input: &Value) -> Value {
        let request = self
            .signed(reqwest::Method::POST, "/", service)
            .header("content-type", format!("application/x-amz-json-{version}"))
            .header("x-amz-target", action);
        self.endpoint().send(request.body(input.to_string())).await.expect(200)
    }

    /// A request to a service of AWS.
    fn signed(&self, method: reqwest::Method, path: &str, service: &str) -> reqwest::RequestBuilder {
        // ministack goes by the key's id, and does not check signatures.
        let (key, region) = (self.text("access_key_id"), self.text("region"));
        let credential = format!("{key}/20260101/{region}/{service}/aws4_request");
        let signed = format!("AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders=host, Signature=0");
        self.endpoint().request(method, path).header("authorization", signed)
    }

    fn endpoint(&self) -> Api {
        Api::new(self.text("endpoint"))
    }

    fn text(&self, member: &str) -> &str {
        self.described[member].as_str().unwrap_or_else(|| panic!("no {member}"))
    }
}
