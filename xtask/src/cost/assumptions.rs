//! Assumptions: times on AWS and background activity of AWS, which no test here can measure. Each is a round number that
//! errs on the expensive side, with its source.

/// Hours of a month, as AWS counts them.
pub(crate) const HOURS_PER_MONTH: f64 = 730.0;

/// Days of a month.
pub(crate) const DAYS_PER_MONTH: f64 = HOURS_PER_MONTH / 24.0;

/// Seconds between two runs of the pack function: its schedule in the template.
pub(crate) const PACK_INTERVAL_SECONDS: f64 = 60.0;
pub(crate) const PACK_RUNS_PER_MONTH: f64 = HOURS_PER_MONTH * 3600.0 / PACK_INTERVAL_SECONDS;

/// Runs of pack that look for events to pack: every fourth run is the first after the interval of 220 s.
pub(crate) const PACK_SCANS_PER_MONTH: f64 = PACK_RUNS_PER_MONTH / 4.0;

/// Write units of every run of pack: for the fence and for what is settled.
pub(crate) const UNITS_PER_PACK_RUN: f64 = 2.0;

/// Seconds for which ingest caches the fence. Each read of it takes a read unit.
pub(crate) const FENCE_CACHE_SECONDS: f64 = 1.0;

/// Polls a month of one queue that Lambda reads: five pollers, each with a long poll of 20 seconds, also while the queue
/// is empty (Lambda guide, "Using Lambda with Amazon SQS").
pub(crate) const POLLS_PER_QUEUE: f64 = HOURS_PER_MONTH * 3600.0 / 20.0 * 5.0;

/// The number of queues that Lambda reads.
pub(crate) const QUEUE_COUNT: f64 = 4.0;

/// Read units of the stream for the claim of a nudge, and of a nudge for its event: half a unit, and for every second
/// event a whole one, because the first read misses it.
pub(crate) const UNITS_PER_CLAIM_READ: f64 = 1.0;
pub(crate) const UNITS_PER_NUDGED_EVENT: f64 = 1.0;

/// Seconds for which a process caches keys and sources.
pub(crate) const CONFIG_CACHE_SECONDS: f64 = 30.0;

/// Duration of each function's work in milliseconds. Most of it is waiting for `DynamoDB` (AWS documents single-digit
/// milliseconds per call) and SQS. Validation takes microseconds per KB (`cargo xtask bench`).
pub(crate) struct FunctionTimes {
    /// A request with one event.
    pub(crate) ingest: f64,
    /// Each further KB or event of a request.
    pub(crate) ingest_more: f64,
    /// Sending the nudge of a request.
    pub(crate) nudge: f64,
    /// A batch of fanout.
    pub(crate) fanout: f64,
    /// Each call of SQS by fanout.
    pub(crate) fanout_send: f64,
    /// A batch of deliver, in addition to the receiver's response time.
    pub(crate) deliver: f64,
    /// A search.
    pub(crate) query: f64,
    /// Each read unit of a search.
    pub(crate) query_unit: f64,
    /// A run of pack that finds no work.
    pub(crate) pack: f64,
    /// Each segment that pack writes.
    pub(crate) pack_segment: f64,
    /// A cold start, which AWS bills since August 2025.
    pub(crate) start: f64,
}

pub(crate) const FUNCTION_MS: FunctionTimes = FunctionTimes {
    ingest: 20.0,
    ingest_more: 1.0,
    nudge: 8.0,
    fanout: 20.0,
    fanout_send: 10.0,
    deliver: 30.0,
    query: 100.0,
    query_unit: 1.0,
    pack: 100.0,
    pack_segment: 1000.0,
    start: 200.0,
};

/// Default response time of a receiver in milliseconds. Deliver waits for the response, and the wait is billed.
pub(crate) const DEFAULT_RECEIVER_MS: f64 = 100.0;

/// Share of invocations that are cold starts.
pub(crate) const COLD_START_SHARE: f64 = 0.02;

/// Bytes of a function's log lines for each request, search, batch or delivery, with the 26 bytes that `CloudWatch` adds
/// to each line. The template turns off Lambda's own lines.
pub(crate) const LOG_BYTES_PER_INGEST: f64 = 700.0;
pub(crate) const LOG_BYTES_PER_SEARCH: f64 = 500.0;
pub(crate) const LOG_BYTES_PER_FANOUT: f64 = 500.0;
pub(crate) const LOG_BYTES_PER_DELIVERY: f64 = 400.0;
/// Bytes of a line of the API's access log.
pub(crate) const ACCESS_LOG_BYTES: f64 = 500.0;

/// Bytes of a webhook or a response in addition to its payloads: headers, signature, TLS records.
pub(crate) const HTTP_OVERHEAD_BYTES: f64 = 1000.0;

/// Share of invocations that Lambda traces in a function with `Active` tracing, in addition to the first of each second
/// (X-Ray guide, "Configuring sampling rules"; Lambda does not support another rate).
pub(crate) const LAMBDA_SAMPLE_SHARE: f64 = 0.05;

/// Events of a page of a search.
pub(crate) const EVENTS_PER_PAGE: f64 = 20.0;

/// Compressed size of a page, as a share of its size.
pub(crate) const PAGE_COMPRESSION_RATIO: f64 = 1.0 / 3.0;

/// Percentage of each kind of search; the kinds are those of `tests/units.json`.
pub(crate) const SEARCH_MIX: [(&str, f64); 7] = [
    ("newest", 40.0),
    ("field", 25.0),
    ("field_and_type", 15.0),
    ("text_once", 8.0),
    ("total", 5.0),
    ("facets", 5.0),
    ("timeline", 2.0),
];

/// The number of custom metrics: each name counts once per function that emits it.
pub(crate) const METRIC_COUNT: f64 = 27.0;
