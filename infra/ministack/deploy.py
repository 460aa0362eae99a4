#!/usr/bin/env python3
"""Deploys infra/template.yaml on ministack: AWS on loopback, with the functions' real binaries.

    cargo lambda build --profile lambda --x86-64
    python infra/ministack/deploy.py -p ManageKeySha256=$(printf %s secret | sha256sum | cut -d' ' -f1)

Prints one line of JSON once the stack stands, and then stays until its standard input ends or it
gets SIGINT or SIGTERM, so that whoever started it owns it:

    {"url": "http://127.0.0.1:4566",           where to send requests to the API ...
     "host": "1a2b3c4d.execute-api.localhost:4566",      ... with this as their Host header
     "endpoint": "http://127.0.0.1:4566",      AWS_ENDPOINT_URL for an AWS client
     "region": "us-east-1", "access_key_id": "test", "secret_access_key": "test",
     "outputs": {"ApiUrl": ..., "EventsTable": ...},     the stack's outputs
     "log": "<state>/ministack.log"}           ministack's log, with all that the functions print

What goes wrong is one line on standard error and exit code 1.
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
    """What is reported without a traceback."""


def arguments():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--port", type=int, default=0, help="ministack's port on loopback; 0 takes a free one")
    parser.add_argument("--state", type=pathlib.Path, help="directory for logs and unpacked code (default: a new one, removed at the end)")
    parser.add_argument("--template", type=pathlib.Path, default=INFRA / "template.yaml")
    parser.add_argument("--lambda-dir", type=pathlib.Path, default=INFRA.parent / "target" / "lambda",
                        help="where `cargo lambda build` put <function>/bootstrap.zip")
    parser.add_argument("--stack", default="tidings", help="the stack's name")
    parser.add_argument("--auth", action="store_true", help="enforce IAM: a function may do what its role allows")
    parser.add_argument("-p", "--parameter", action="append", default=[], metavar="KEY=VALUE",
                        help="a stack parameter, repeatable; Architecture=x86_64 and ProtectData=false are set here")
    return parser.parse_args()


def parameters(given):
    """The stack's parameters: what is given over what a stack here needs."""
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
    """Asks Linux to kill the caller when its parent dies, even by SIGKILL."""
    if sys.platform == "linux":
        PR_SET_PDEATHSIG = 1
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


class Ministack:
    """A running ministack and the processes of the functions in it."""

    def __init__(self, port, state, auth):
        self.url = f"http://127.0.0.1:{port}"
        self.log = state / "ministack.log"
        for folder in ("tmp", "data", "s3"):
            (state / folder).mkdir(parents=True, exist_ok=True)
        # Nothing else of our environment: functions inherit ministack's, and on AWS they would not
        # see it either.
        environment = {
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": str(state),
            "TMPDIR": str(state / "tmp"),
            "STATE_DIR": str(state / "data"),
            "S3_DATA_DIR": str(state / "s3"),
            "BIND_HOST": "127.0.0.1",
            "GATEWAY_PORT": str(port),
            # Passed on to the functions, whose AWS clients come back here.
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
                # A group of its own, which the functions' processes belong to as well.
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
        """Ends ministack and every function, politely first."""
        for number, patience in ((signal.SIGTERM, 5), (signal.SIGKILL, 5)):
            try:
                os.killpg(self.process.pid, number)
            except ProcessLookupError:
                break
            try:
                self.process.wait(patience)
            except subprocess.TimeoutExpired:
                continue
        # The group outlives its leader while a function does.
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass


def upload(s3, template, lambda_dir):
    """Uploads each function's zip, as `sam deploy` does; the template that points at them."""
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
    # ministack 1.5.33 makes no alarms on metric math. In the template, blank lines part resources.
    blocks = [block for block in text.split("\n\n")
              if "Type: AWS::CloudWatch::Alarm" not in block or "\n      Metrics:\n" not in block]
    text = "\n\n".join(blocks)
    # AWS authorises a batch as the single sends in it; ministack 1.5.33 looks for an action that
    # AWS does not have.
    return text.replace("Action: sqs:SendMessage\n", "Action: [sqs:SendMessage, sqs:SendMessageBatch]\n")


def create_stack(ministack, name, template, values):
    """Creates the stack and waits for it; its outputs."""
    s3, cloudformation = ministack.client("s3"), ministack.client("cloudformation")
    # By address, since the API takes no more than 51,200 bytes of template in the request.
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
    """Sets each mapping's MaximumConcurrency again, as a number.

    ministack 1.5.33 keeps the text that a parameter is, and then fails to compare it.
    """
    for mapping in lambdas.list_event_source_mappings()["EventSourceMappings"]:
        if concurrency := mapping.get("ScalingConfig", {}).get("MaximumConcurrency"):
            lambdas.update_event_source_mapping(
                UUID=mapping["UUID"], ScalingConfig={"MaximumConcurrency": int(concurrency)}
            )


def wait_for_the_end(ended):
    """Returns when standard input ends, or `ended` is set by a signal."""

    def read():
        # Not through sys.stdin: its lock, held here, would abort the interpreter's own end.
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
            # Also out of a wait for ministack or the stack.
            raise SystemExit(0)

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, end)
    ministack = Ministack(options.port or free_port(), state, options.auth)
    try:
        ministack.wait_until_healthy()
        template = upload(ministack.client("s3"), options.template, options.lambda_dir)
        outputs = create_stack(ministack, options.stack, template, values)
        repair_concurrency(ministack.client("lambda"))
        answer = {
            "url": ministack.url,
            "host": outputs["ApiUrl"].partition("://")[2],
            "endpoint": ministack.url,
            "region": REGION,
            "access_key_id": KEY,
            "secret_access_key": KEY,
            "outputs": outputs,
            "log": str(ministack.log),
        }
        print(json.dumps(answer), flush=True)
        wait_for_the_end(ended)
    except SystemExit:
        pass
    finally:
        ministack.stop()
    # Only after an end that was asked for: what failed leaves its log behind.
    if not options.state:
        shutil.rmtree(state, ignore_errors=True)


if __name__ == "__main__":
    try:
        main()
    except (Failed, OSError, botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError) as error:
        sys.exit(f"deploy.py: {error}")
