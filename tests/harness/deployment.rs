//! The deployed stack: `infra/template.yaml` and the functions' real programs on ministack.

use std::process::Stdio;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, ChildStdin, Command};

use crate::api::Api;
use crate::target_dir;

/// A deployment, removed on drop.
#[derive(Debug)]
pub struct Deployment {
    _process: Child,
    /// The deployment runs until its standard input is closed.
    _stdin: Option<ChildStdin>,
    description: Value,
}

impl Deployment {
    /// Deploys the template with these parameters (`Key=Value`).
    ///
    /// # Panics
    /// If the deployment fails; standard error has the reason.
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
            .expect("target/venv, which `cargo xtask test` creates");
        let stdin = process.stdin.take();
        let mut lines = BufReader::new(process.stdout.take().expect("its output")).lines();
        let line = tokio::time::timeout(Duration::from_mins(4), lines.next_line()).await;
        let line = line.expect("a deployment within 4 minutes").expect("its output").expect("a line that describes it");
        let description = serde_json::from_str(&line).expect("a line of JSON");
        Self { _process: process, _stdin: stdin, description }
    }

    /// Returns a client for the API without a key.
    ///
    /// # Panics
    /// If the deployment's description has no URL.
    pub fn api(&self) -> Api {
        Api::new(self.text("url")).with_host(self.text("host"))
    }

    /// Returns an output of the stack.
    ///
    /// # Panics
    /// If the template has no output of this name.
    pub fn output(&self, name: &str) -> &str {
        self.description["outputs"][name].as_str().unwrap_or_else(|| panic!("no output {name}"))
    }

    /// Calls SQS and returns its response.
    ///
    /// # Panics
    /// If the call fails.
    pub async fn sqs(&self, action: &str, input: &Value) -> Value {
        self.aws("sqs", "1.0", &format!("AmazonSQS.{action}"), input).await
    }

    /// Invokes a function, named as in the template, and returns its response.
    ///
    /// # Panics
    /// If the function does not exist or fails.
    pub async fn invoke(&self, name: &str, event: &Value) -> Value {
        let functions = self.signed(reqwest::Method::GET, "/2015-03-31/functions/", "lambda");
        let functions = self.endpoint().send(functions).await.expect(200);
        let all = functions["Functions"].as_array().expect("functions").iter();
        let mut names = all.filter_map(|function| function["FunctionName"].as_str());
        let function = names.find(|full| full.contains(name)).unwrap_or_else(|| panic!("no {name}: {functions}"));
        let path = format!("/2015-03-31/functions/{function}/invocations");
        let request = self.signed(reqwest::Method::POST, &path, "lambda").body(event.to_string());
        let response = self.endpoint().send(request).await;
        let error = response.headers.get("x-amz-function-error");
        assert!(error.is_none(), "{name} failed: {error:?} {}", response.text);
        response.expect(200)
    }

    /// Returns the lines that a function has logged so far.
    ///
    /// # Panics
    /// If the function has no logs.
    pub async fn log_lines(&self, function: &str) -> Vec<String> {
        let input = json!({ "logGroupName": format!("/aws/lambda/tidings-{function}") });
        let response = self.aws("logs", "1.1", "Logs_20140328.FilterLogEvents", &input).await;
        let events = response["events"].as_array().expect("events").iter();
        events.filter_map(|event| event["message"].as_str().map(str::to_owned)).collect()
    }

    /// Calls an AWS service that uses this version of the JSON protocol.
    async fn aws(&self, service: &str, version: &str, action: &str, input: &Value) -> Value {
        let request = self
            .signed(reqwest::Method::POST, "/", service)
            .header("content-type", format!("application/x-amz-json-{version}"))
            .header("x-amz-target", action);
        self.endpoint().send(request.body(input.to_string())).await.expect(200)
    }

    /// Builds a signed request to an AWS service.
    fn signed(&self, method: reqwest::Method, path: &str, service: &str) -> reqwest::RequestBuilder {
        // ministack reads the key's id and does not check signatures.
        let (key, region) = (self.text("access_key_id"), self.text("region"));
        let credential = format!("{key}/20260101/{region}/{service}/aws4_request");
        let signed = format!("AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders=host, Signature=0");
        self.endpoint().request(method, path).header("authorization", signed)
    }

    fn endpoint(&self) -> Api {
        Api::new(self.text("endpoint"))
    }

    fn text(&self, member: &str) -> &str {
        self.description[member].as_str().unwrap_or_else(|| panic!("no {member}"))
    }
}
