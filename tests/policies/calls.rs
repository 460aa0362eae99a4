//! The AWS calls of each function: the resource, the actions, and the text in the code that calls them.
//!
//! A role allows exactly the listed actions (`rules.rs`), and the code must contain the text of every row
//! (`every_listed_call_exists_in_the_code`). Both checks together find permissions that no code needs any more.

/// The object of an action: a resource of the template, an index of a table, or a kind of the config table (by the
/// condition on its leading key).
pub(crate) type Resource = &'static str;

/// A role, a resource, its actions, and the text of the code that calls them.
pub(crate) type Call = (&'static str, Resource, &'static [&'static str], &'static str);

/// The actions of a search on the segments table.
const SEARCH_SEGMENTS: &[&str] = &["dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:Query"];
const GET: &[&str] = &["dynamodb:GetItem"];
const GET_MANY: &[&str] = &["dynamodb:BatchGetItem"];
const QUERY: &[&str] = &["dynamodb:Query"];
const PUT: &[&str] = &["dynamodb:PutItem"];
const UPDATE: &[&str] = &["dynamodb:UpdateItem"];
const DELETE: &[&str] = &["dynamodb:DeleteItem"];
const SEND: &[&str] = &["sqs:SendMessage"];
const CONNECT: &[&str] = &["sqs:GetQueueAttributes"];
const CHANGE_VISIBILITY: &[&str] = &["sqs:ChangeMessageVisibility"];

/// The calls of our code. A transaction needs the permissions of the puts, updates and deletions in it.
pub(crate) const CODE_CALLS: &[Call] = &[
    ("IngestRole", "EventsTable", PUT, "events.insert("),
    ("IngestRole", "EventsTable", GET_MANY, "events.insert("),
    ("IngestRole", "EventsTable", GET_MANY, "events.insert_deferred("),
    ("IngestRole", "ConfigTable/slots", QUERY, ".with_slot_key("),
    ("IngestRole", "ConfigTable/slots", PUT, ".with_slot_key("),
    ("IngestRole", "EventsTable", GET_MANY, "events.get("),
    ("IngestRole", "QuarantineTable", PUT, "quarantine.put("),
    ("IngestRole", "ConfigTable/sources", QUERY, "CachedRecords<Source>"),
    ("IngestRole", "ConfigTable/keys", QUERY, "Keys::new("),
    ("IngestRole", "ConfigTable/uses", PUT, "Keys::new("),
    ("IngestRole", "ConfigTable/targets", QUERY, "TargetPresence::new("),
    ("IngestRole", "NudgeQueue", SEND, "queue.send_delayed("),
    ("IngestRole", "NudgeQueue", CONNECT, "queue.connect("),
    ("IngestRole", "ConfigTable/deployment", GET, "DeploymentCheck::new("),
    ("QueryRole", "ConfigTable/deployment", GET, "DeploymentCheck::new("),
    ("FanoutRole", "ConfigTable/deployment", GET, "DeploymentCheck::new("),
    ("DeliverRole", "ConfigTable/deployment", GET, "DeploymentCheck::new("),
    ("PackRole", "ConfigTable/deployment", GET, "deployment.store_or_verify("),
    ("PackRole", "ConfigTable/deployment", PUT, "deployment.store_or_verify("),
    ("QueryRole", "EventsTable", GET_MANY, "events.get("),
    ("QueryRole", "EventsTable", QUERY, "log.search("),
    ("QueryRole", "EventsTable/index/by_subject", QUERY, "log.search("),
    ("QueryRole", "EventsTable/index/by_actor", QUERY, "log.search("),
    ("QueryRole", "EventsTable/index/by_project", QUERY, "log.search("),
    ("QueryRole", "EventsTable/index/by_type", QUERY, "log.search("),
    ("QueryRole", "EventsTable/index/by_late", QUERY, "log.search("),
    ("QueryRole", "SegmentsTable", SEARCH_SEGMENTS, "log.search("),
    ("QueryRole", "DeliveriesTable", QUERY, "deliveries.list_by_event("),
    ("QueryRole", "ConfigTable/targets", QUERY, "CachedRecords<Target>"),
    ("QueryRole", "ConfigTable/states", QUERY, "CachedRecords<TargetState>"),
    ("QueryRole", "ConfigTable/keys", QUERY, "Keys::new("),
    ("QueryRole", "ConfigTable/uses", PUT, "Keys::new("),
    ("PackRole", "EventsTable", QUERY, "segments.pack("),
    ("PackRole", "EventsTable", PUT, "segments.pack("),
    ("PackRole", "EventsTable/index/by_late", QUERY, "segments.pack("),
    ("PackRole", "SegmentsTable", GET, "segments.pack("),
    ("PackRole", "SegmentsTable", PUT, "segments.pack("),
    ("ManageRole", "ConfigTable", QUERY, "config.list"),
    ("ManageRole", "ConfigTable", GET, "config.get"),
    ("ManageRole", "ConfigTable", PUT, "config.create_write("),
    ("ManageRole", "ConfigTable", UPDATE, "config.pause_write("),
    ("ManageRole", "ConfigTable", DELETE, "config.remove_write::<"),
    ("ManageRole", "QuarantineTable", QUERY, "quarantine.list("),
    ("ManageRole", "QuarantineTable", GET, "quarantine.get("),
    ("ManageRole", "QuarantineTable", PUT, "quarantine.put("),
    ("ManageRole", "QuarantineTable", DELETE, "quarantine.remove("),
    ("ManageRole", "EventsTable", PUT, "events.write_audited("),
    ("ManageRole", "EventsTable", GET_MANY, "events.get("),
    ("ManageRole", "EventsTable", QUERY, "log.search("),
    ("ManageRole", "EventsTable/index/by_subject", QUERY, "log.search("),
    ("ManageRole", "EventsTable/index/by_actor", QUERY, "log.search("),
    ("ManageRole", "EventsTable/index/by_project", QUERY, "log.search("),
    ("ManageRole", "EventsTable/index/by_type", QUERY, "log.search("),
    ("ManageRole", "EventsTable/index/by_late", QUERY, "log.search("),
    ("ManageRole", "SegmentsTable", SEARCH_SEGMENTS, "log.search("),
    ("ManageRole", "DeliveriesTable", GET_MANY, "deliveries.get("),
    ("ManageRole", "DeliveriesTable", UPDATE, "deliveries.release("),
    ("ManageRole", "DeliveriesTable/index/by_target", QUERY, "deliveries.list("),
    ("ManageRole", "DeliveriesTable/index/by_status", QUERY, "deliveries.count("),
    ("ManageRole", "DeliveryQueue", SEND, "queue.send("),
    ("ManageRole", "SecretsKey", &["kms:GenerateDataKey"], "keyring.seal("),
    ("ManageRole", "SecretsKey", &["kms:Decrypt"], "keyring.open("),
    ("FanoutRole", "ConfigTable/targets", QUERY, "CachedRecords<Target>"),
    ("FanoutRole", "ConfigTable/targets", GET, "config.get::<Target>("),
    ("FanoutRole", "ConfigTable/states", QUERY, "CachedRecords<TargetState>"),
    ("FanoutRole", "ConfigTable/states", GET, "Option<TargetState> = state.config.get("),
    ("FanoutRole", "ConfigTable/replays", GET, "Option<Replay> = state.config.get("),
    ("FanoutRole", "ConfigTable/replays", UPDATE, "config.extend_replay_lease("),
    ("FanoutRole", "EventsTable", GET_MANY, "log.search("),
    ("FanoutRole", "EventsTable", GET_MANY, "events.nudge_claims("),
    ("FanoutRole", "EventsTable", PUT, "events.claim_nudge("),
    ("FanoutRole", "EventsTable", QUERY, "log.search("),
    ("FanoutRole", "EventsTable/index/by_subject", QUERY, "log.search("),
    ("FanoutRole", "EventsTable/index/by_actor", QUERY, "log.search("),
    ("FanoutRole", "EventsTable/index/by_project", QUERY, "log.search("),
    ("FanoutRole", "EventsTable/index/by_type", QUERY, "log.search("),
    ("FanoutRole", "EventsTable/index/by_late", QUERY, "log.search("),
    ("FanoutRole", "SegmentsTable", SEARCH_SEGMENTS, "log.search("),
    ("FanoutRole", "DeliveriesTable", GET_MANY, "deliveries.get_many("),
    ("FanoutRole", "DeliveriesTable", UPDATE, "deliveries.hold("),
    ("FanoutRole", "DeliveriesTable/index/by_status", QUERY, "deliveries.list("),
    ("FanoutRole", "DeliveryQueue", SEND, "queue.send_batch("),
    ("FanoutRole", "ReplayQueue", SEND, "replays.send_delayed("),
    ("FanoutRole", "StreamDeadLetters", SEND, "stream_dead_letters.send_delayed("),
    ("DeliverRole", "EventsTable", GET_MANY, "events.get_many("),
    ("DeliverRole", "EventsTable", PUT, "events.write_audited("),
    ("DeliverRole", "ConfigTable/targets", QUERY, "CachedRecords<Target>"),
    ("DeliverRole", "ConfigTable/targets", GET, "config.get("),
    ("DeliverRole", "ConfigTable/states", QUERY, "CachedRecords<TargetState>"),
    ("DeliverRole", "ConfigTable/states", UPDATE, "config.record_failing("),
    ("DeliverRole", "ConfigTable/slots", QUERY, ".with_slot_key("),
    ("DeliverRole", "ConfigTable/slots", PUT, ".with_slot_key("),
    ("DeliverRole", "DeliveriesTable", GET_MANY, "deliveries.get_many("),
    ("DeliverRole", "DeliveriesTable", PUT, "deliveries.record_attempt("),
    ("DeliverRole", "DeliveriesTable", UPDATE, "deliveries.hold("),
    ("DeliverRole", "DeliveryQueue", SEND, "queues.send("),
    ("DeliverRole", "SlowDeliveryQueue", SEND, "queues.send("),
    ("DeliverRole", "DeliveryQueue", CHANGE_VISIBILITY, "queues.hide("),
    ("DeliverRole", "SlowDeliveryQueue", CHANGE_VISIBILITY, "queues.hide("),
    ("DeliverRole", "SecretsKey", &["kms:Decrypt"], "keyring.open("),
];

const RECEIVE: &[&str] = &["sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"];
const LOG: &[&str] = &["logs:CreateLogStream", "logs:PutLogEvents"];
const TRACE: &[&str] = &["xray:PutTelemetryRecords", "xray:PutTraceSegments"];
const CONNECT_TO_VPC: &[&str] = &[
    "ec2:AssignPrivateIpAddresses",
    "ec2:CreateNetworkInterface",
    "ec2:DeleteNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "ec2:UnassignPrivateIpAddresses",
];
const STREAM: &[&str] =
    &["dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator", "dynamodb:ListStreams"];

/// The calls that Lambda makes with a function's role: for logs, traces and event sources. The text is the template's.
pub(crate) const LAMBDA_CALLS: &[Call] = &[
    ("IngestRole", "IngestLogs", LOG, "LogGroup: !Ref IngestLogs"),
    ("IngestRole", "*", TRACE, "Tracing: !If"),
    ("QueryRole", "QueryLogs", LOG, "LogGroup: !Ref QueryLogs"),
    ("PackRole", "PackLogs", LOG, "LogGroup: !Ref PackLogs"),
    ("ManageRole", "ManageLogs", LOG, "LogGroup: !Ref ManageLogs"),
    ("FanoutRole", "FanoutLogs", LOG, "LogGroup: !Ref FanoutLogs"),
    ("FanoutRole", "*", TRACE, "Tracing: !If"),
    ("FanoutRole", "EventsTable.StreamArn", STREAM, "Stream: !GetAtt EventsTable.StreamArn"),
    ("FanoutRole", "ReplayQueue", RECEIVE, "Queue: !GetAtt ReplayQueue.Arn"),
    ("FanoutRole", "NudgeQueue", RECEIVE, "Queue: !GetAtt NudgeQueue.Arn"),
    ("FanoutRole", "StreamDeadLetters", SEND, "Destination: !GetAtt StreamDeadLetters.Arn"),
    ("DeliverRole", "DeliverLogs", LOG, "LogGroup: !Ref DeliverLogs"),
    ("DeliverRole", "*", TRACE, "Tracing: !If"),
    ("DeliverRole", "*", CONNECT_TO_VPC, "VpcConfig: !If"),
    ("DeliverRole", "DeliveryQueue", RECEIVE, "Queue: !GetAtt DeliveryQueue.Arn"),
    ("DeliverRole", "SlowDeliveryQueue", RECEIVE, "Queue: !GetAtt SlowDeliveryQueue.Arn"),
];

/// Decides if a role's function calls this action.
pub(crate) fn is_called(role: &str, resource: &str, action: &str) -> bool {
    all_calls().any(|(caller, called, actions, _)| (*caller, *called) == (role, resource) && actions.contains(&action))
}

/// Returns the calls of our code and of Lambda.
pub(crate) fn all_calls() -> impl Iterator<Item = &'static Call> {
    CODE_CALLS.iter().chain(LAMBDA_CALLS)
}
