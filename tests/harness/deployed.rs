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
        let text = |member: &str| self.described[member].as_str().unwrap_or_else(|| panic!("no {member}"));
        Api::new(text("url")).with_host(text("host"))
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
        let text = |member: &str| self.described[member].as_str().unwrap_or_else(|| panic!("no {member}"));
        // ministack goes by the key's id, and does not check signatures.
        let credential = format!("{}/20260101/{}/{service}/aws4_request", text("access_key_id"), text("region"));
        let api = Api::new(text("endpoint"));
        let request = api
            .request(reqwest::Method::POST, "/")
            .header("content-type", format!("application/x-amz-json-{version}"))
            .header("x-amz-target", action)
            .header(
                "authorization",
                format!("AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders=host, Signature=0"),
            );
        api.send(request.body(input.to_string())).await.expect(200)
    }
}
