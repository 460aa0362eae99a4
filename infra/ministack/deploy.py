#!/usr/bin/env python3
"""Deploys infra/template.yaml on ministack, a local AWS emulator, with the real function binaries.

    cargo lambda build --profile lambda --x86-64
    python infra/ministack/deploy.py -p ManageKeySha256=$(printf %s secret | sha256sum | cut -d' ' -f1)

Prints one line of JSON when the stack is ready. Then runs until its standard input ends or it receives
SIGINT or SIGTERM, so that the stack ends with its parent process:

    {"url": "http://127.0.0.1:4566",           address of the API ...
     "host": "1a2b3c4d.execute-api.localhost:4566",      ... and its Host header
     "endpoint": "http://127.0.0.1:4566",      AWS_ENDPOINT_URL of AWS clients
     "region": "us-east-1", "access_key_id": "test", "secret_access_key": "test",
     "outputs": {"ApiUrl": ..., "EventsTable": ...},     outputs of the stack
     "log": "<state>/ministack.log"}           log of ministack and of the functions

An error is one line on standard error with exit code 1.
"""

import argparse
import ctypes
import hashlib
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

import boto3
import botocore.config
import botocore.exceptions

REGION = "us-east-1"
KEY = "test"
BUCKET = "artifacts"
INFRA = pathlib.Path(__file__).resolve().parent.parent


class Failed(Exception):
    """An error that is reported without a traceback."""


def arguments():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--port", type=int, default=0, help="ministack's port on loopback; 0 selects a free port")
    parser.add_argument("--state", type=pathlib.Path, help="directory of logs and unpacked code (default: a temporary directory)")
    parser.add_argument("--template", type=pathlib.Path, default=INFRA / "template.yaml")
    parser.add_argument("--lambda-dir", type=pathlib.Path, default=INFRA.parent / "target" / "lambda",
                        help="directory of <function>/bootstrap.zip, written by `cargo lambda build`")
    parser.add_argument("--stack", default="tidings", help="name of the stack")
    parser.add_argument("--auth", action="store_true", help="enforce IAM policies of the functions' roles")
    parser.add_argument("-p", "--parameter", action="append", default=[], metavar="KEY=VALUE",
                        help="a stack parameter, repeatable; the defaults are Architecture=x86_64 and ProtectData=false")
    return parser.parse_args()


def parameters(given):
    """Returns the parameters of the stack: the defaults for ministack and the given ones."""
    values = {"Architecture": "x86_64", "ProtectData": "false"}
    for pair in given:
        key, separator, value = pair.partition("=")
        if not separator:
            raise Failed(f"parameter {pair!r}: expected Key=Value")
        values[key] = value
    return [{"ParameterKey": key, "ParameterValue": value} for key, value in values.items()]


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def die_with_parent():
    """Makes Linux kill the calling process when its parent dies, even by SIGKILL."""
    if sys.platform == "linux":
        PR_SET_PDEATHSIG = 1
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


class Ministack:
    """A running ministack with the processes of its functions."""

    def __init__(self, port, state, auth):
        self.url = f"http://127.0.0.1:{port}"
        self.log = state / "ministack.log"
        for folder in ("tmp", "data", "s3"):
            (state / folder).mkdir(parents=True, exist_ok=True)
        # Functions inherit this environment, so it excludes variables that do not exist on AWS.
        environment = {
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": str(state),
            "TMPDIR": str(state / "tmp"),
            "STATE_DIR": str(state / "data"),
            "S3_DATA_DIR": str(state / "s3"),
            "BIND_HOST": "127.0.0.1",
            "GATEWAY_PORT": str(port),
            # Inherited by the functions, so that their AWS clients call ministack.
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": KEY,
            "AWS_SECRET_ACCESS_KEY": KEY,
            "AWS_DEFAULT_REGION": REGION,
            "MINISTACK_REGION": REGION,
            "AUTH": "true" if auth else "false",
        }
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "ministack"],
                env=environment,
                cwd=state,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                # A new process group, which includes the functions' processes.
                start_new_session=True,
                preexec_fn=die_with_parent,
            )

    def wait_until_healthy(self, seconds=60):
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise Failed(f"ministack ended with code {self.process.returncode}, see {self.log}")
            try:
                with urllib.request.urlopen(f"{self.url}/_ministack/health", timeout=2):
                    return
            except OSError:
                time.sleep(0.1)
        raise Failed(f"ministack was not healthy within {seconds} seconds, see {self.log}")

    def client(self, service):
        return boto3.client(
            service,
            endpoint_url=self.url,
            region_name=REGION,
            aws_access_key_id=KEY,
            aws_secret_access_key=KEY,
            config=botocore.config.Config(s3={"addressing_style": "path"}),
        )

    def stop(self):
        """Ends ministack and every function, first with SIGTERM, then with SIGKILL."""
        for number, timeout in ((signal.SIGTERM, 5), (signal.SIGKILL, 5)):
            try:
                os.killpg(self.process.pid, number)
            except ProcessLookupError:
                break
            try:
                self.process.wait(timeout)
            except subprocess.TimeoutExpired:
                continue
        # Functions may outlive the leader of their process group.
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass


def upload(s3, template, lambda_dir):
    """Uploads the zip of each function, as `sam deploy` does, and returns the template with their addresses."""
    s3.create_bucket(Bucket=BUCKET)

    def zip_of(match):
        function = match["function"]
        path = lambda_dir / function / "bootstrap.zip"
        if not path.is_file():
            raise Failed(f"{path} is missing: run `cargo lambda build --profile lambda --x86-64`")
        code = path.read_bytes()
        key = f"{function}-{hashlib.sha256(code).hexdigest()}.zip"
        s3.put_object(Bucket=BUCKET, Key=key, Body=code)
        return f"CodeUri: s3://{BUCKET}/{key}"

    pattern = r"CodeUri: \S*/(?P<function>[^/\s]+)/bootstrap\.zip"
    text = re.sub(pattern, zip_of, template.read_text())
    # ministack 1.5.33 does not know the encryption context of requests to KMS. tests/policies checks the condition.
    text = re.sub(r"\n +Condition:\n +StringEquals:\n +kms:EncryptionContext:purpose: \S+", "", text)
    # ministack 1.5.33 does not support alarms on metric math. Blank lines separate resources in the template.
    blocks = [block for block in text.split("\n\n")
              if "Type: AWS::CloudWatch::Alarm" not in block or "\n      Metrics:\n" not in block]
    text = "\n\n".join(blocks)
    # AWS authorises a batch by its single sends. ministack 1.5.33 requires an action that does not exist on AWS.
    return text.replace("Action: sqs:SendMessage\n", "Action: [sqs:SendMessage, sqs:SendMessageBatch]\n")


def create_stack(ministack, name, template, values):
    """Creates the stack, waits for it, and returns its outputs."""
    s3, cloudformation = ministack.client("s3"), ministack.client("cloudformation")
    # By URL, because the API limits templates in requests to 51,200 bytes.
    s3.put_object(Bucket=BUCKET, Key="template.yaml", Body=template.encode())
    cloudformation.create_stack(
        StackName=name,
        TemplateURL=f"{ministack.url}/{BUCKET}/template.yaml",
        Parameters=values,
        Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
    )
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        stack = cloudformation.describe_stacks(StackName=name)["Stacks"][0]
        if stack["StackStatus"] == "CREATE_COMPLETE":
            return {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}
        if stack["StackStatus"] != "CREATE_IN_PROGRESS":
            events = cloudformation.describe_stack_events(StackName=name)["StackEvents"]
            reasons = [
                f"{event['LogicalResourceId']}: {event['ResourceStatusReason']}"
                for event in reversed(events)
                if event["ResourceStatus"].endswith("_FAILED") and "ResourceStatusReason" in event
            ]
            raise Failed(f"the stack is {stack['StackStatus']}: {'; '.join(reasons)}, see {ministack.log}")
        time.sleep(0.1)
    raise Failed(f"the stack was not created within 120 seconds, see {ministack.log}")


def repair_concurrency(lambdas):
    """Sets MaximumConcurrency of each event source mapping again, as a number.

    ministack 1.5.33 stores the parameter's string, and then fails to compare it with a number.
    """
    for mapping in lambdas.list_event_source_mappings()["EventSourceMappings"]:
        if concurrency := mapping.get("ScalingConfig", {}).get("MaximumConcurrency"):
            lambdas.update_event_source_mapping(
                UUID=mapping["UUID"], ScalingConfig={"MaximumConcurrency": int(concurrency)}
            )


def wait_for_end(ended):
    """Returns when standard input ends, or `ended` is set by a signal."""

    def read():
        # A thread that holds the lock of sys.stdin would abort the interpreter's shutdown.
        while os.read(0, 4096):
            pass
        ended.set()

    threading.Thread(target=read, daemon=True).start()
    ended.wait()


def main():
    options = arguments()
    values = parameters(options.parameter)
    state = (options.state or pathlib.Path(tempfile.mkdtemp(prefix="tidings-ministack-"))).resolve()
    ended = threading.Event()

    def end(*_):
        if not ended.is_set():
            ended.set()
            # Also interrupts a wait for ministack or for the stack.
            raise SystemExit(0)

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, end)
    ministack = Ministack(options.port or free_port(), state, options.auth)
    try:
        ministack.wait_until_healthy()
        template = upload(ministack.client("s3"), options.template, options.lambda_dir)
        outputs = create_stack(ministack, options.stack, template, values)
        repair_concurrency(ministack.client("lambda"))
        description = {
            "url": ministack.url,
            "host": outputs["ApiUrl"].partition("://")[2],
            "endpoint": ministack.url,
            "region": REGION,
            "access_key_id": KEY,
            "secret_access_key": KEY,
            "outputs": outputs,
            "log": str(ministack.log),
        }
        print(json.dumps(description), flush=True)
        wait_for_end(ended)
    except SystemExit:
        pass
    finally:
        ministack.stop()
    # Only after a requested end: a failure keeps the log.
    if not options.state:
        shutil.rmtree(state, ignore_errors=True)


if __name__ == "__main__":
    try:
        main()
    except (Failed, OSError, botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError) as error:
        sys.exit(f"deploy.py: {error}")
