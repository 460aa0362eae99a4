//! The monthly bill of an installation.

use super::assumptions::{
    ACCESS_LOG_BYTES, COLD_START_SHARE, CONFIG_CACHE_SECONDS, DAYS_PER_MONTH, EVENTS_PER_PAGE, FENCE_CACHE_SECONDS,
    FUNCTION_MS, HOURS_PER_MONTH, HTTP_OVERHEAD_BYTES, LAMBDA_SAMPLE_SHARE, LOG_BYTES_PER_DELIVERY,
    LOG_BYTES_PER_FANOUT, LOG_BYTES_PER_INGEST, LOG_BYTES_PER_SEARCH, METRIC_COUNT, PACK_RUNS_PER_MONTH,
    PACK_SCANS_PER_MONTH, PAGE_COMPRESSION_RATIO, POLLS_PER_QUEUE, QUEUE_COUNT, UNITS_PER_CLAIM_READ,
    UNITS_PER_NUDGED_EVENT, UNITS_PER_PACK_RUN,
};
use super::deployment::Deployment;
use super::measured_units::MeasuredUnits;
use super::packed_log::events_per_segment;
use super::prices;
use super::scenario::Scenario;
use super::search_units::average_search_units;

/// Bytes that API Gateway bills as one request.
const HTTP_REQUEST_BYTES: f64 = 512.0 * 1024.0;

/// Bytes that `EventBridge` bills as one event.
const BUS_EVENT_BYTES: f64 = 64.0 * 1024.0;

/// Maximum events of a batch of fanout, as the template sets it.
const MAX_EVENTS_PER_BATCH: f64 = 100.0;

/// Maximum messages of a batch of deliver, as the template sets it.
const MAX_MESSAGES_PER_BATCH: f64 = 10.0;

/// Name of the line of metrics, alarms and dashboards.
const MONITORING: &str = "metrics, alarms, dashboards";

/// A bill in dollars a month.
#[derive(Debug, Default)]
pub(crate) struct Bill {
    /// Lines: name and dollars.
    pub(crate) lines: Vec<(&'static str, f64)>,
}

impl Bill {
    /// Returns the sum of all lines.
    pub(crate) fn total(&self) -> f64 {
        self.lines.iter().map(|line| line.1).sum()
    }

    /// Returns the dollars of the line `name`.
    pub(crate) fn line(&self, name: &str) -> f64 {
        self.lines.iter().filter(|line| line.0 == name).map(|line| line.1).sum()
    }

    /// Subtracts the bill of an idle installation, and removes monitoring, whose cost does not depend on the number of
    /// events.
    pub(crate) fn without(mut self, idle: &Self) -> Self {
        self.lines.retain(|(name, _)| *name != MONITORING);
        for (name, dollars) in &mut self.lines {
            *dollars = (*dollars - idle.line(name)).max(0.0);
        }
        self
    }
}

/// Returns the bill of a month in which as many events expire as arrive.
pub(crate) fn monthly_bill(scenario: &Scenario, units: &MeasuredUnits, deployment: &Deployment) -> Bill {
    Calculation { scenario, usage: Usage::of(scenario), units, deployment }.bill()
}

/// Returns the cost of `count` searches of `units` read units each: read units, Lambda, requests and logs.
pub(crate) fn search_cost(count: f64, units: f64, deployment: &Deployment) -> f64 {
    let lambda = invocation_cost("Query", count, FUNCTION_MS.query + FUNCTION_MS.query_unit * units);
    let log_bytes = count * (ACCESS_LOG_BYTES + LOG_BYTES_PER_SEARCH);
    prices::READ.of(count * units) + lambda + prices::HTTP_REQUEST.of(count) + log_cost(log_bytes, deployment)
}

/// Returns the bill of the same events in `EventBridge`: an HTTP API, a bus, an archive and API destinations.
pub(crate) fn event_bridge_bill(scenario: &Scenario) -> Bill {
    let billed_events = (scenario.payload_bytes / BUS_EVENT_BYTES).ceil().max(1.0);
    let archived = scenario.events * scenario.payload_bytes;
    let webhooks = scenario.targets * (scenario.payload_bytes + HTTP_OVERHEAD_BYTES);
    let lines = vec![
        ("API Gateway", prices::HTTP_REQUEST.of(scenario.events * billed_requests(scenario.payload_bytes))),
        ("events", prices::BUS_EVENT.of(scenario.events * billed_events)),
        ("API destinations", prices::BUS_DELIVERY.of(scenario.events * scenario.targets)),
        ("archive ingestion", prices::BUS_ARCHIVE_INGESTION.of(archived)),
        ("archive storage", prices::BUS_ARCHIVE_STORAGE.of(archived * scenario.retention_days / DAYS_PER_MONTH)),
        ("data out", prices::TRANSFER.of(scenario.events * (webhooks + HTTP_OVERHEAD_BYTES))),
    ];
    Bill { lines }
}

/// Requests, invocations and deliveries of a month.
struct Usage {
    requests: f64,
    fanout_batches: f64,
    deliveries: f64,
    deliver_batches: f64,
    segments: f64,
}

impl Usage {
    fn of(scenario: &Scenario) -> Self {
        let deliveries = scenario.events * scenario.targets;
        Self {
            requests: scenario.events / scenario.events_per_request,
            fanout_batches: scenario.events / scenario.batch_size.clamp(1.0, MAX_EVENTS_PER_BATCH),
            deliveries,
            deliver_batches: deliveries / scenario.batch_size.clamp(1.0, MAX_MESSAGES_PER_BATCH),
            segments: scenario.events / events_per_segment(scenario.payload_bytes),
        }
    }
}

/// The inputs of a bill; a method calculates each line.
struct Calculation<'a> {
    scenario: &'a Scenario,
    usage: Usage,
    units: &'a MeasuredUnits,
    deployment: &'a Deployment,
}

impl Calculation<'_> {
    fn bill(&self) -> Bill {
        let lines = vec![
            ("storing events", prices::WRITE.of(self.scenario.events * self.for_payload("/store/all"))),
            ("recording deliveries", prices::WRITE.of(self.usage.deliveries * self.for_payload("/deliver/one/write"))),
            ("segments", self.packing()),
            ("reading to deliver", prices::READ.of(self.delivery_reads())),
            ("searches", prices::READ.of(self.scenario.searches * self.search_units())),
            ("keys, sources, fence", prices::READ.of(self.config_reads())),
            ("storage", self.storage()),
            ("Lambda", self.lambda()),
            ("SQS", self.queues()),
            ("nudges", self.nudges()),
            ("API Gateway", self.gateway()),
            ("logs", self.logs()),
            (MONITORING, self.monitoring()),
            ("traces", self.traces()),
            ("KMS", prices::KEY.of(1.0) + prices::KEY_REQUEST.of(self.key_requests())),
            ("data out", self.transfer()),
        ];
        Bill { lines }
    }

    fn for_payload(&self, pointer: &str) -> f64 {
        self.units.for_payload(self.scenario.payload_bytes, pointer)
    }

    fn search_units(&self) -> f64 {
        average_search_units(self.scenario, self.units)
    }

    /// Segments are written once. Each scan of pack also reads the unpacked events, half a segment on average.
    fn packing(&self) -> f64 {
        let full_segment = events_per_segment(self.scenario.payload_bytes);
        let idle = self.for_payload("/pack_idle");
        let per_event = self.units.per_event(self.scenario.payload_bytes, "/pack/read")
            - self.units.per_event(self.scenario.payload_bytes, "/pack_idle");
        let unpacked = PACK_SCANS_PER_MONTH * full_segment.min(self.scenario.events) / 2.0;
        let read = PACK_SCANS_PER_MONTH * idle + per_event * self.scenario.events.max(unpacked);
        let written = self.usage.segments * self.for_payload("/pack/write") + PACK_RUNS_PER_MONTH * UNITS_PER_PACK_RUN;
        prices::WRITE.of(written) + prices::READ.of(read)
    }

    fn delivery_reads(&self) -> f64 {
        let Scenario { targets, .. } = *self.scenario;
        let fanout = self.usage.fanout_batches * self.units.for_targets(targets, "/one/read");
        let config = self.usage.deliver_batches * self.units.for_targets(targets, "/deliver_config");
        let per_delivery = if targets > 0.0 { self.for_payload("/deliver/one/read") } else { 0.0 };
        fanout + config.max(0.0) + self.usage.deliveries * per_delivery
    }

    fn config_reads(&self) -> f64 {
        let max_reads = HOURS_PER_MONTH * 3600.0 / CONFIG_CACHE_SECONDS;
        let reads = self.usage.requests.min(max_reads) + self.scenario.searches.min(max_reads);
        let fence_reads = self.usage.requests.min(HOURS_PER_MONTH * 3600.0 / FENCE_CACHE_SECONDS);
        reads * self.units.constant("/once/config_read_by_a_new_process") + fence_reads
    }

    /// Events, their indexes, segments and deliveries are stored until they expire. Point-in-time recovery is billed for
    /// tables, not for their indexes.
    fn storage(&self) -> f64 {
        let bytes = |name: &str| self.for_payload(&format!("/bytes/{name}"));
        let targets = self.scenario.targets;
        let stored = self.scenario.events * self.scenario.retention_days / DAYS_PER_MONTH;
        let recoverable = bytes("table") + targets * bytes("delivery");
        let other = bytes("segments") + bytes("indexes") + targets * bytes("delivery_indexes");
        prices::STORAGE.of(stored * (recoverable + other)) + prices::RECOVERY.of(stored * recoverable)
    }

    fn lambda(&self) -> f64 {
        let Scenario { events, payload_bytes, events_per_request, searches, receiver_ms, .. } = *self.scenario;
        let kb = events_per_request * payload_bytes / 1000.0;
        let sends_per_batch = self.sends_per_event() * events / self.usage.fanout_batches.max(1.0);
        let segments_per_run = self.usage.segments / PACK_RUNS_PER_MONTH;
        let ms = FUNCTION_MS;
        let functions = [
            ("Ingest", self.usage.requests, ms.ingest + ms.ingest_more * (kb + events_per_request - 1.0)),
            ("Fanout", self.usage.fanout_batches, ms.fanout + ms.fanout_send * sends_per_batch),
            ("Deliver", self.usage.deliver_batches, ms.deliver + receiver_ms),
            ("Query", searches, ms.query + ms.query_unit * self.search_units()),
            ("Pack", PACK_RUNS_PER_MONTH, ms.pack + ms.pack_segment * segments_per_run),
        ];
        functions.iter().map(|(function, invocations, ms)| invocation_cost(function, *invocations, *ms)).sum()
    }

    /// SQS calls that send the messages of one event.
    fn sends_per_event(&self) -> f64 {
        if self.scenario.batch_size > 1.0 {
            self.units.for_targets(self.scenario.targets, "/ten/sends") / 10.0
        } else {
            self.units.for_targets(self.scenario.targets, "/one/sends")
        }
    }

    /// Sends, receives, deletes, and the polls of empty queues.
    fn queues(&self) -> f64 {
        let requests = self.scenario.events * self.sends_per_event() + 2.0 * self.usage.deliver_batches;
        prices::SQS_REQUEST.of(requests + POLLS_PER_QUEUE * QUEUE_COUNT) + prices::SQS_FAIR.of(requests)
    }

    /// A nudge for each request, if there is a target: its message, its claim, which the stream reads, the time of ingest,
    /// and the batch of fanout with its reads.
    fn nudges(&self) -> f64 {
        let Scenario { events, targets, batch_size, .. } = *self.scenario;
        if targets <= 0.0 {
            return 0.0;
        }
        let nudges = self.usage.requests;
        let batches = nudges / batch_size.clamp(1.0, MAX_MESSAGES_PER_BATCH);
        let of_batches = batches * self.units.for_targets(targets, "/one/read");
        let read = nudges * UNITS_PER_CLAIM_READ + events * UNITS_PER_NUDGED_EVENT + of_batches;
        let ingest_seconds = nudges * FUNCTION_MS.nudge / 1000.0;
        prices::SQS_REQUEST.of(nudges + 2.0 * batches)
            + prices::WRITE.of(nudges)
            + prices::READ.of(read)
            + prices::LAMBDA_TIME.of(ingest_seconds * Deployment::memory_gb("Ingest"))
            + invocation_cost("Fanout", batches, FUNCTION_MS.fanout)
            + log_cost(batches * LOG_BYTES_PER_FANOUT, self.deployment)
    }

    fn gateway(&self) -> f64 {
        let per_request = billed_requests(self.scenario.payload_bytes * self.scenario.events_per_request);
        prices::HTTP_REQUEST.of(self.usage.requests * per_request + self.scenario.searches)
    }

    fn logs(&self) -> f64 {
        let Usage { requests, fanout_batches, deliveries, .. } = self.usage;
        let searches = self.scenario.searches;
        let functions = requests * LOG_BYTES_PER_INGEST
            + searches * LOG_BYTES_PER_SEARCH
            + fanout_batches * LOG_BYTES_PER_FANOUT
            + deliveries * LOG_BYTES_PER_DELIVERY;
        log_cost((requests + searches) * ACCESS_LOG_BYTES + functions, self.deployment)
    }

    /// AWS bills a custom metric only for hours in which it is emitted.
    fn monitoring(&self) -> f64 {
        let metrics = METRIC_COUNT * ((self.scenario.events + self.scenario.searches) / HOURS_PER_MONTH).min(1.0);
        let alarms = prices::ALARM.of(self.deployment.alarms);
        prices::METRIC.of(metrics) + alarms + prices::DASHBOARD.of(self.deployment.dashboards)
    }

    /// The events' own traces and, if there are any, the traces that Lambda samples of the three functions with active
    /// tracing: the first invocation of each second and a twentieth of the others.
    fn traces(&self) -> f64 {
        if self.scenario.trace_percent <= 0.0 {
            return 0.0;
        }
        let sampled = |invocations: f64| {
            let first_of_seconds = invocations.min(HOURS_PER_MONTH * 3600.0);
            first_of_seconds + LAMBDA_SAMPLE_SHARE * (invocations - first_of_seconds)
        };
        let own = self.scenario.events * self.scenario.trace_percent / 100.0;
        let invocations = [self.usage.requests, self.usage.fanout_batches, self.usage.deliver_batches];
        prices::TRACE.of(own + invocations.map(sampled).iter().sum::<f64>())
    }

    /// One request of each process of deliver for the key of the targets' secrets.
    fn key_requests(&self) -> f64 {
        COLD_START_SHARE * self.usage.deliver_batches
    }

    /// Webhooks, pages of searches, and responses to producers.
    fn transfer(&self) -> f64 {
        let event = self.scenario.payload_bytes + HTTP_OVERHEAD_BYTES;
        let page = EVENTS_PER_PAGE * event * PAGE_COMPRESSION_RATIO + HTTP_OVERHEAD_BYTES;
        let bytes =
            self.usage.deliveries * event + self.scenario.searches * page + self.usage.requests * HTTP_OVERHEAD_BYTES;
        prices::TRANSFER.of(bytes)
    }
}

/// Returns the cost of invocations that take `ms` milliseconds each.
fn invocation_cost(function: &str, invocations: f64, ms: f64) -> f64 {
    let seconds = invocations * (ms + COLD_START_SHARE * FUNCTION_MS.start) / 1000.0;
    prices::LAMBDA_REQUEST.of(invocations) + prices::LAMBDA_TIME.of(seconds * Deployment::memory_gb(function))
}

/// Returns the cost of ingesting and storing log lines.
fn log_cost(bytes: f64, deployment: &Deployment) -> f64 {
    prices::LOG.of(bytes) + prices::LOG_STORAGE.of(bytes * deployment.log_days / DAYS_PER_MONTH)
}

/// Returns the number of requests that API Gateway bills for one request of `bytes`.
fn billed_requests(bytes: f64) -> f64 {
    (bytes / HTTP_REQUEST_BYTES).ceil().max(1.0)
}

#[cfg(test)]
#[path = "bill_tests.rs"]
mod tests;
