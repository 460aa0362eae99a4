//! The local stack as a user runs it: the `tidings` program in a process of its own.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use aws_sdk_dynamodb::config::Credentials;
use reqwest::Method;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::process::{Child, Command};

use crate::api::{Api, Response};
use crate::{MAX_WAIT, within};

/// A running `tidings dev`, killed on drop.
#[derive(Debug)]
pub struct Stack {
    program: PathBuf,
    data: TempDir,
    process: Child,
    /// The content of `dev.json`.
    dev: Value,
}

impl Stack {
    /// Starts an empty stack on a free port with these additional arguments.
    ///
    /// # Panics
    /// If the program does not start.
    pub async fn start(program: &str, arguments: &[&str]) -> Self {
        Self::start_with_env(program, arguments, &[]).await
    }

    /// Starts an empty stack on a free port with these additional arguments and environment variables.
    ///
    /// # Panics
    /// If the program does not start.
    pub async fn start_with_env(program: &str, arguments: &[&str], variables: &[(&str, &str)]) -> Self {
        let (program, data) = (PathBuf::from(program), tempfile::tempdir().expect("a folder for the data"));
        let (process, dev) = spawn(&program, data.path(), "0", arguments, variables).await;
        Self { program, data, process, dev }
    }

    /// Kills the process as `kill -9` does.
    ///
    /// # Panics
    /// If the process cannot be killed.
    pub async fn kill(&mut self) {
        self.process.kill().await.expect("a process to kill");
    }

    /// Sends a signal, such as `TERM`, and waits until the process has ended. Returns true if it was successful.
    ///
    /// # Panics
    /// If the process does not run, or does not end within a minute.
    pub async fn stop(&mut self, signal: &str) -> bool {
        let id = self.process_id().expect("a running process").to_string();
        let sent = Command::new("kill").arg(format!("-{signal}")).arg(id).status().await.expect("the kill command");
        assert!(sent.success());
        let ended = tokio::time::timeout(MAX_WAIT, self.process.wait()).await;
        ended.expect("the process ends").expect("its status").success()
    }

    /// Starts the program again with the same port and data.
    ///
    /// # Panics
    /// If the program does not start.
    pub async fn restart(&mut self) {
        let url = self.url().to_owned();
        let port = url.rsplit(':').next().expect("a port").to_owned();
        (self.process, self.dev) = spawn(&self.program, self.data.path(), &port, &[], &[]).await;
    }

    /// Returns the id of the process while it runs.
    pub fn process_id(&self) -> Option<u32> {
        self.process.id()
    }

    /// Returns the data folder.
    pub fn data_dir(&self) -> &Path {
        self.data.path()
    }

    /// Returns the URL of the API.
    pub fn url(&self) -> &str {
        self.text(&["url"])
    }

    /// Returns the endpoint of the stack's DynamoDB and SQS.
    pub fn aws_endpoint(&self) -> &str {
        self.text(&["aws", "dynamodb"])
    }

    /// Returns the access key of the stack's DynamoDB and SQS.
    pub fn access_key_id(&self) -> &str {
        self.text(&["aws", "access_key_id"])
    }

    /// Returns a client for the stack's DynamoDB.
    pub fn database(&self) -> aws_sdk_dynamodb::Client {
        let key = |member| self.text(&["aws", member]);
        let credentials = Credentials::new(key("access_key_id"), key("secret_access_key"), None, None, "dev.json");
        let config = crate::dynamodb::config().endpoint_url(key("dynamodb")).credentials_provider(credentials);
        aws_sdk_dynamodb::Client::from_conf(config.build())
    }

    /// Returns an API client without a key.
    pub fn anonymous(&self) -> Api {
        Api::new(self.url())
    }

    /// Returns an API client with the manage key.
    pub fn manage(&self) -> Api {
        self.anonymous().with_token(self.text(&["keys", "manage"]))
    }

    /// Returns an API client with the read key.
    pub fn read(&self) -> Api {
        self.anonymous().with_token(self.text(&["keys", "read"]))
    }

    /// Returns the token of the read key.
    pub fn read_token(&self) -> String {
        self.text(&["keys", "read"]).to_owned()
    }

    /// Returns an API client with the ingest key of a source.
    pub fn ingest(&self, source: &str) -> Api {
        self.anonymous().with_token(self.text(&["keys", "ingest", source]))
    }

    /// Creates a target with these additional fields and returns its signing secret.
    ///
    /// # Panics
    /// If the target is rejected.
    pub async fn create_target(&self, name: &str, address: &str, fields: &Value) -> String {
        let mut target = json!({ "name": name, "address": address, "level": "DEBUG" });
        if let (Some(target), Some(fields)) = (target.as_object_mut(), fields.as_object()) {
            target.extend(fields.clone());
        }
        let created = self.manage().post("/v1/targets", &target).await.expect(201);
        created["signing_secret"].as_str().expect("a secret").to_owned()
    }

    /// Waits until no message is waiting or being processed in any queue.
    ///
    /// # Panics
    /// If a queue is not empty after [`MAX_WAIT`].
    pub async fn wait_until_idle(&self) {
        for queue in ["nudge_queue", "replay_queue", "delivery_queue", "slow_queue", "delivery_queue"] {
            self.wait_until_empty(queue).await;
        }
    }

    async fn wait_until_empty(&self, queue: &str) {
        let body = json!({ "QueueUrl": self.text(&["aws", queue]), "AttributeNames": ["All"] }).to_string();
        within(MAX_WAIT, format!("an empty {queue}"), || async {
            let attributes = self.sqs("GetQueueAttributes", &body).await.expect(200)["Attributes"].clone();
            let counts = [
                "ApproximateNumberOfMessages",
                "ApproximateNumberOfMessagesNotVisible",
                "ApproximateNumberOfMessagesDelayed",
            ];
            counts.iter().all(|name| attributes[name] == "0").then_some(())
        })
        .await;
    }

    /// Returns the URL of a queue by its name in `dev.json`, such as `nudge_queue`.
    pub fn queue_url(&self, queue: &str) -> &str {
        self.text(&["aws", queue])
    }

    /// Calls an operation of the stack's SQS.
    pub async fn sqs(&self, operation: &str, body: &str) -> Response {
        let sqs = Api::new(self.text(&["aws", "sqs"]));
        let key = self.text(&["aws", "access_key_id"]);
        let signed = format!("AWS4-HMAC-SHA256 Credential={key}/20260101/local/sqs/aws4_request, Signature=0");
        let request = sqs
            .request(Method::POST, "/")
            .header("authorization", signed)
            .header("content-type", "application/x-amz-json-1.0")
            .header("x-amz-target", format!("AmazonSQS.{operation}"))
            .body(body.to_owned());
        sqs.send(request).await
    }

    fn text(&self, path: &[&str]) -> &str {
        let value = path.iter().fold(&self.dev, |value, member| &value[member]);
        value.as_str().unwrap_or_else(|| panic!("dev.json has no {path:?}"))
    }
}

/// Returns the command that starts the program on a data folder and a port, without standard input and output. The
/// process is killed on drop.
pub fn dev_command(program: impl AsRef<Path>, data: &Path, port: &str) -> Command {
    let mut command = Command::new(program.as_ref());
    command.args(["dev", "--port", port, "--data-dir"]).arg(data);
    command.stdin(Stdio::null()).stdout(Stdio::null()).kill_on_drop(true);
    command
}

/// Starts the program and waits until it is ready.
async fn spawn(
    program: &Path,
    data: &Path,
    port: &str,
    arguments: &[&str],
    variables: &[(&str, &str)],
) -> (Child, Value) {
    let file = data.join("dev.json");
    // A file that an earlier start wrote must not be mistaken for this one's.
    let before = std::fs::metadata(&file).and_then(|file| file.modified()).ok();
    let mut command = dev_command(program, data, port);
    let mut process = command.args(arguments).envs(variables.iter().copied()).spawn().expect("the tidings program");
    let dev = within(MAX_WAIT, "dev.json", || {
        assert!(matches!(process.try_wait(), Ok(None)), "tidings dev ended immediately; the reason is printed above");
        let written =
            std::fs::metadata(&file).and_then(|file| file.modified()).ok().filter(|modified| Some(*modified) != before);
        let dev: Option<Value> = written.and_then(|_| serde_json::from_str(&std::fs::read_to_string(&file).ok()?).ok());
        std::future::ready(dev)
    })
    .await;
    let api = Api::new(dev["url"].as_str().expect("a url"));
    within(MAX_WAIT, "a response of /healthz", || async {
        let response = api.try_send(api.request(Method::GET, "/healthz")).await.ok()?;
        (response.status == 200).then_some(())
    })
    .await;
    (process, dev)
}
