//! What no test here can measure: times on AWS, and what AWS does by itself. Each is a round number on the dear side,
//! and says what it is taken from.

/// Hours of a month, as AWS counts one.
pub(crate) const HOURS: f64 = 730.0;

/// Days of a month.
pub(crate) const DAYS: f64 = HOURS / 24.0;

/// How often the pack function is called: every five minutes, as the template says; and how often in a month.
pub(crate) const PACK_SECONDS: f64 = 300.0;
pub(crate) const PACK_ROUNDS: f64 = HOURS * 3600.0 / PACK_SECONDS;

/// How often in a month `DynamoDB` asks KMS anew for the key of a table that a function is at work with: each five
/// minutes (KMS's guide, "How `DynamoDB` uses AWS KMS").
pub(crate) const KEY_ROUNDS: f64 = HOURS * 12.0;

/// How many tables, or streams of them, each function is at work with, as a rule.
pub(crate) struct Tables {
    pub(crate) ingest: f64,
    pub(crate) fanout: f64,
    pub(crate) deliver: f64,
    pub(crate) query: f64,
    pub(crate) pack: f64,
}

pub(crate) const TABLE_KEYS: Tables = Tables { ingest: 2.0, fanout: 2.0, deliver: 3.0, query: 3.0, pack: 2.0 };

/// Polls a month of a queue that Lambda reads: five pollers that each wait for 20 seconds, whether there is
/// something or not (Lambda's guide, "Using Lambda with Amazon SQS").
pub(crate) const POLLS: f64 = HOURS * 3600.0 / 20.0 * 5.0;

/// The queues that Lambda reads.
pub(crate) const QUEUES: f64 = 3.0;

/// How long keys and sources are kept by a process, in seconds: then they are read again.
pub(crate) const CONFIG_SECONDS: f64 = 30.0;

/// Milliseconds of each function's work, most of it waiting for DynamoDB (single-digit milliseconds a call, by
/// AWS's word) and SQS. Validating takes microseconds a KB (`cargo xtask bench`).
pub(crate) struct Times {
    /// A request with one event, and each further KB or event of it.
    pub(crate) ingest: f64,
    pub(crate) ingest_more: f64,
    /// A batch of fanout, and each call of SQS.
    pub(crate) fanout: f64,
    pub(crate) fanout_send: f64,
    /// A batch of deliver, beside the time that the receiver takes.
    pub(crate) deliver: f64,
    /// A search, and each read unit that it takes.
    pub(crate) query: f64,
    pub(crate) query_unit: f64,
    /// A look at what there is to pack, and making one segment.
    pub(crate) pack: f64,
    pub(crate) pack_segment: f64,
    /// The start of a new process, which is charged since August 2025.
    pub(crate) start: f64,
}

pub(crate) const MS: Times = Times {
    ingest: 20.0,
    ingest_more: 1.0,
    fanout: 20.0,
    fanout_send: 10.0,
    deliver: 30.0,
    query: 100.0,
    query_unit: 1.0,
    pack: 100.0,
    pack_segment: 1000.0,
    start: 200.0,
};

/// How long a receiver takes to answer, in milliseconds, where nobody says otherwise. Deliver waits, and is paid.
pub(crate) const RECEIVER_MS: f64 = 100.0;

/// The share of calls that a new process answers.
pub(crate) const NEW_PROCESS: f64 = 0.02;

/// Bytes of log lines at the level info, with the 26 that `CloudWatch` adds to each line: Lambda's own two (start and
/// report) for every call, and the functions' one or two.
pub(crate) const LOG_CALL: f64 = 900.0;
pub(crate) const LOG_INGEST: f64 = 900.0;
pub(crate) const LOG_SEARCH: f64 = 700.0;
pub(crate) const LOG_DELIVERY: f64 = 400.0;
/// A line of the API's access log.
pub(crate) const LOG_ACCESS: f64 = 500.0;

/// Bytes of a webhook and of an answer beside its payloads: headers, signature, TLS records.
pub(crate) const HEADERS: f64 = 1000.0;

/// The share of invocations that Lambda traces of a function that has `Active` tracing, beyond the first of each second
/// (X-Ray's guide, "Configuring sampling rules"; Lambda lets nobody choose another).
pub(crate) const SAMPLED: f64 = 0.05;

/// Events of a search's answer, which is compressed to about a third.
pub(crate) const PAGE: f64 = 20.0;
pub(crate) const PAGE_COMPRESSED: f64 = 1.0 / 3.0;

/// Of a hundred searches, how many are of which kind (the names of `tests/units.json`).
pub(crate) const MIX: [(&str, f64); 7] = [
    ("newest", 40.0),
    ("field", 25.0),
    ("field_and_type", 15.0),
    ("text_once", 8.0),
    ("total", 5.0),
    ("facets", 5.0),
    ("timeline", 2.0),
];

/// Metrics that the functions' logs have: each name for each function that tells of it.
pub(crate) const METRICS: f64 = 25.0;
