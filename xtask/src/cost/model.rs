//! From an installation to its bill.

use super::assumed::{
    CONFIG_SECONDS, DAYS, HEADERS, HOURS, KEY_ROUNDS, LOG_ACCESS, LOG_CALL, LOG_DELIVERY, LOG_INGEST, LOG_SEARCH,
    METRICS, MS, NEW_PROCESS, PACK_ROUNDS, PAGE, PAGE_COMPRESSED, POLLS, QUEUES, RECEIVER_MS, SAMPLED, TABLE_KEYS,
};
use super::facts::{Deployed, Units};
use super::prices;
use super::search::{per_segment, search_reads};

/// What API Gateway counts as one request.
const HTTP_CHUNK: f64 = 512.0 * 1024.0;

/// What `EventBridge` counts as one event.
const BUS_CHUNK: f64 = 64.0 * 1024.0;

/// Lambda's most messages of a batch, here.
const MESSAGES: f64 = 10.0;

/// The line of metrics, alarms and dashboards.
const WATCHING: &str = "metrics, alarms, dashboards";

/// An installation.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Case {
    /// Events of a month.
    pub(crate) events: f64,
    /// Bytes of an event's payload.
    pub(crate) bytes: f64,
    /// Targets that want each event.
    pub(crate) targets: f64,
    /// For how many days events are kept.
    pub(crate) retention_days: f64,
    /// Searches of a month.
    pub(crate) searches: f64,
    /// Events of a request.
    pub(crate) per_request: f64,
    /// Events that fanout, and messages that deliver, find in a batch.
    pub(crate) batch: f64,
    /// Milliseconds that a receiver takes.
    pub(crate) receiver_ms: f64,
    /// Of a hundred events, how many have a trace of their own.
    pub(crate) trace_percent: f64,
}

impl Default for Case {
    /// A million events, each sent, handled and delivered by itself.
    fn default() -> Self {
        Self {
            events: 1e6,
            bytes: 2000.0,
            targets: 1.0,
            retention_days: 365.0,
            searches: 0.0,
            per_request: 1.0,
            batch: 1.0,
            receiver_ms: RECEIVER_MS,
            trace_percent: 0.0,
        }
    }
}

/// The lines of a bill, in dollars a month.
#[derive(Debug, Default)]
pub(crate) struct Bill {
    /// Each with what it is for.
    pub(crate) lines: Vec<(&'static str, f64)>,
}

impl Bill {
    /// All of it.
    pub(crate) fn total(&self) -> f64 {
        self.lines.iter().map(|line| line.1).sum()
    }

    /// A line.
    pub(crate) fn line(&self, name: &str) -> f64 {
        self.lines.iter().filter(|line| line.0 == name).map(|line| line.1).sum()
    }

    /// The bill without what an installation costs that does nothing, and without what is watched: that costs
    /// the same with one event an hour and with a million.
    pub(crate) fn without(mut self, idle: &Self) -> Self {
        self.lines.retain(|(name, _)| *name != WATCHING);
        for (name, dollars) in &mut self.lines {
            *dollars = (*dollars - idle.line(name)).max(0.0);
        }
        self
    }
}

/// How much of everything a case uses in a month; what the bill is made of.
struct Use {
    requests: f64,
    fan_outs: f64,
    deliveries: f64,
    batches: f64,
    segments: f64,
}

impl Use {
    fn of(case: &Case) -> Self {
        let deliveries = case.events * case.targets;
        Self {
            requests: case.events / case.per_request,
            fan_outs: case.events / case.batch.clamp(1.0, 100.0),
            deliveries,
            batches: deliveries / case.batch.clamp(1.0, MESSAGES),
            segments: case.events / per_segment(case.bytes),
        }
    }
}

/// The bill of a month in which as much expires as comes in.
pub(crate) fn bill(case: &Case, units: &Units, deployed: &Deployed) -> Bill {
    let used = Use::of(case);
    let lines = vec![
        ("storing events", prices::WRITE.of(case.events * units.of_size(case.bytes, "/store/all"))),
        ("recording deliveries", prices::WRITE.of(used.deliveries * units.of_size(case.bytes, "/deliver/one/write"))),
        ("segments", packing(case, &used, units)),
        ("reading to deliver", prices::READ.of(delivery_reads(case, &used, units))),
        ("searches", prices::READ.of(case.searches * search_reads(case, units))),
        ("keys and sources", prices::READ.of(config_reads(case, &used, units))),
        ("storage", storage(case, units)),
        ("Lambda", lambda(case, &used, units)),
        ("SQS", queues(case, &used, units)),
        ("API Gateway", gateway(case, &used)),
        ("logs", logs(case, &used, deployed)),
        (WATCHING, watching(case, deployed)),
        ("traces", traces(case, &used)),
        ("KMS", prices::KEY.of(1.0) + prices::KEY_REQUEST.of(key_requests(case, &used))),
        ("data out", transfer(case, &used)),
    ];
    Bill { lines }
}

/// Writing segments, and reading what they are made of: each round looks at what is in none yet, half a segment on
/// average.
fn packing(case: &Case, used: &Use, units: &Units) -> f64 {
    let (full, idle) = (per_segment(case.bytes), units.of_size(case.bytes, "/pack_idle"));
    let each = units.of_event(case.bytes, "/pack/read") - units.of_event(case.bytes, "/pack_idle");
    let waiting = PACK_ROUNDS * full.min(case.events) / 2.0;
    let read = PACK_ROUNDS * idle + each * case.events.max(waiting);
    prices::WRITE.of(used.segments * units.of_size(case.bytes, "/pack/write")) + prices::READ.of(read)
}

fn delivery_reads(case: &Case, used: &Use, units: &Units) -> f64 {
    let fan_out = used.fan_outs * units.of_targets(case.targets, "/one/read");
    let config = used.batches * units.of_targets(case.targets, "/deliver_config");
    let each = if case.targets > 0.0 { units.of_size(case.bytes, "/deliver/one/read") } else { 0.0 };
    fan_out + config.max(0.0) + used.deliveries * each
}

fn config_reads(case: &Case, used: &Use, units: &Units) -> f64 {
    let most = HOURS * 3600.0 / CONFIG_SECONDS;
    let read = used.requests.min(most) + case.searches.min(most);
    read * units.once("/once/config_read_by_a_new_process")
}

/// Events, their indexes, segments and records of deliveries, for as long as they are kept; recovery is charged for
/// tables and not for their indexes.
fn storage(case: &Case, units: &Units) -> f64 {
    let of = |name: &str| units.of_size(case.bytes, &format!("/bytes/{name}"));
    let kept = case.events * case.retention_days / DAYS;
    let tables = of("table") + of("segments") + case.targets * of("delivery");
    let indexes = of("indexes") + case.targets * of("delivery_indexes");
    prices::STORAGE.of(kept * (tables + indexes)) + prices::RECOVERY.of(kept * tables)
}

fn lambda(case: &Case, used: &Use, units: &Units) -> f64 {
    let sends = sends(case, units);
    let kb = case.per_request * case.bytes / 1000.0;
    let segments_a_round = used.segments / PACK_ROUNDS;
    let functions = [
        ("Ingest", used.requests, MS.ingest + MS.ingest_more * (kb + case.per_request - 1.0)),
        ("Fanout", used.fan_outs, MS.fanout + MS.fanout_send * sends * case.events / used.fan_outs.max(1.0)),
        ("Deliver", used.batches, MS.deliver + case.receiver_ms),
        ("Query", case.searches, MS.query + MS.query_unit * search_reads(case, units)),
        ("Pack", PACK_ROUNDS, MS.pack + MS.pack_segment * segments_a_round),
    ];
    functions.iter().map(|(function, calls, ms)| invocations(function, *calls, *ms)).sum()
}

/// So many calls of a function, each of these milliseconds.
fn invocations(function: &str, calls: f64, ms: f64) -> f64 {
    let seconds = calls * (ms + NEW_PROCESS * MS.start) / 1000.0;
    prices::LAMBDA_REQUEST.of(calls) + prices::LAMBDA_TIME.of(seconds * Deployed::memory(function))
}

/// What so many searches cost that take these read units each: the units, Lambda, the request and the log.
pub(crate) fn searches(count: f64, units: f64, deployed: &Deployed) -> f64 {
    let lambda = invocations("Query", count, MS.query + MS.query_unit * units);
    let lines = count * (LOG_CALL + LOG_ACCESS + LOG_SEARCH);
    prices::READ.of(count * units) + lambda + prices::HTTP_REQUEST.of(count) + written(lines, deployed)
}

/// Calls that send an event's messages.
fn sends(case: &Case, units: &Units) -> f64 {
    if case.batch > 1.0 {
        units.of_targets(case.targets, "/ten/sends") / 10.0
    } else {
        units.of_targets(case.targets, "/one/sends")
    }
}

/// Sent, received and deleted; and the polls that find nothing.
fn queues(case: &Case, used: &Use, units: &Units) -> f64 {
    let handled = case.events * sends(case, units) + 2.0 * used.batches;
    prices::SQS_REQUEST.of(handled + POLLS * QUEUES) + prices::SQS_FAIR.of(handled)
}

fn gateway(case: &Case, used: &Use) -> f64 {
    let chunks = (case.bytes * case.per_request / HTTP_CHUNK).ceil().max(1.0);
    prices::HTTP_REQUEST.of(used.requests * chunks + case.searches)
}

fn logs(case: &Case, used: &Use, deployed: &Deployed) -> f64 {
    let api = used.requests + case.searches;
    let calls = api + used.fan_outs + used.batches + PACK_ROUNDS;
    let lines = used.requests * LOG_INGEST + case.searches * LOG_SEARCH + used.deliveries * LOG_DELIVERY;
    let bytes = calls * LOG_CALL + api * LOG_ACCESS + lines;
    written(bytes, deployed)
}

/// So many bytes of log lines.
fn written(bytes: f64, deployed: &Deployed) -> f64 {
    prices::LOG.of(bytes) + prices::LOG_KEPT.of(bytes * deployed.log_days / DAYS)
}

/// A metric is charged for the hours in which it is told of.
fn watching(case: &Case, deployed: &Deployed) -> f64 {
    let calls = case.events + case.searches;
    let metrics = METRICS * (calls / HOURS).min(1.0);
    prices::METRIC.of(metrics) + prices::ALARM.of(deployed.alarms) + prices::DASHBOARD.of(deployed.dashboards)
}

/// Events' own traces; and where there are any, those that Lambda makes of the three functions, of which nobody can
/// choose how many: of the first invocation of each second, and of a twentieth of the others.
fn traces(case: &Case, used: &Use) -> f64 {
    if case.trace_percent <= 0.0 {
        return 0.0;
    }
    let sampled = |calls: f64| {
        let first = calls.min(HOURS * 3600.0);
        first + SAMPLED * (calls - first)
    };
    let own = case.events * case.trace_percent / 100.0;
    prices::TRACE.of(own + [used.requests, used.fan_outs, used.batches].map(sampled).iter().sum::<f64>())
}

/// `DynamoDB`'s requests for the tables' keys, and deliver's for the key of the targets' secrets, once in a process.
fn key_requests(case: &Case, used: &Use) -> f64 {
    let tables = [
        (used.requests, TABLE_KEYS.ingest),
        (used.fan_outs, TABLE_KEYS.fanout),
        (used.batches, TABLE_KEYS.deliver),
        (case.searches, TABLE_KEYS.query),
        (PACK_ROUNDS, TABLE_KEYS.pack),
    ];
    tables.iter().map(|(calls, tables)| calls.min(KEY_ROUNDS) * tables).sum::<f64>() + NEW_PROCESS * used.batches
}

/// Webhooks, pages, and the answers to producers.
fn transfer(case: &Case, used: &Use) -> f64 {
    let webhooks = used.deliveries * (case.bytes + HEADERS);
    let pages = case.searches * (PAGE * (case.bytes + HEADERS) * PAGE_COMPRESSED + HEADERS);
    prices::TRANSFER.of(webhooks + pages + used.requests * HEADERS)
}

/// The same events through `EventBridge`: an HTTP API in front, a bus, an archive, API destinations.
pub(crate) fn event_bridge(case: &Case) -> Bill {
    let chunks = (case.bytes / BUS_CHUNK).ceil().max(1.0);
    let archived = case.events * case.bytes;
    let lines = vec![
        (
            "API Gateway",
            gateway(
                &Case { per_request: 1.0, searches: 0.0, ..*case },
                &Use { requests: case.events, fan_outs: 0.0, deliveries: 0.0, batches: 0.0, segments: 0.0 },
            ),
        ),
        ("events", prices::BUS_EVENT.of(case.events * chunks)),
        ("API destinations", prices::BUS_DELIVERY.of(case.events * case.targets)),
        ("archive taken in", prices::BUS_ARCHIVED.of(archived)),
        ("archive kept", prices::BUS_ARCHIVE.of(archived * case.retention_days / DAYS)),
        ("data out", prices::TRANSFER.of(case.events * (case.targets * (case.bytes + HEADERS) + HEADERS))),
    ];
    Bill { lines }
}

#[cfg(test)]
#[path = "model_tests.rs"]
mod tests;
