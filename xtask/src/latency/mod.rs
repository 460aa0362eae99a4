//! `cargo xtask latency`: a model of the latency on AWS from published distributions. It predicts; only a deployment
//! measures (the metrics `delay_ms` and `nudge_lag_ms`).

mod distribution;

use distribution::{Distribution, Percentiles};

/// A message from SQS to Lambda, with its sending. 1,024 messages in eu-west-1, September 2022:
/// bitesizedserverless.com, "Serverless Messaging: Latency Compared".
const SQS_HOP: Percentiles = Percentiles { p10: 13.7, p50: 16.2, p90: 33.8, p99: 105.0 };

/// A record from a `DynamoDB` stream to Lambda. Same source.
const STREAM_HOP: Percentiles = Percentiles { p10: 118.0, p50: 213.0, p90: 341.0, p99: 552.0 };

/// An event from `EventBridge` to Lambda, for comparison. Same source, after the improvement of February 2023.
const EVENTBRIDGE: Percentiles = Percentiles { p10: 113.0, p50: 148.0, p90: 241.0, p99: 387.0 };

/// A call of `DynamoDB`. AWS documents single-digit milliseconds at any scale; the tail is an assumption.
const DYNAMODB_CALL: Percentiles = Percentiles { p10: 2.5, p50: 4.0, p90: 9.0, p99: 20.0 };

/// A call of SQS that sends a message: an assumption below the shortest hop, which includes it.
const SQS_CALL: Percentiles = Percentiles { p10: 4.0, p50: 6.0, p90: 12.0, p99: 40.0 };

/// Opening a TLS connection to a service of AWS: two round trips within the region and the handshake on 0.58 processors
/// (1,024 MB). An assumption.
const TLS_CONNECT: Percentiles = Percentiles { p10: 5.0, p50: 8.0, p90: 15.0, p99: 30.0 };

/// Processing a batch with one event in a function of 256 MB, which has 0.14 processors: parsing, signing, a log line.
/// An assumption from the microseconds that `cargo xtask bench` measures.
const SMALL_FUNCTION: Percentiles = Percentiles { p10: 2.0, p50: 3.0, p90: 6.0, p99: 15.0 };

/// The initialisation of a Rust function that Lambda reports: 18 to 22 ms with 512 MB for an axum function without
/// calls (fulgurion.com, "Rust on AWS Lambda: cold start", 2026). The tail is an assumption.
const LAMBDA_INIT: Percentiles = Percentiles { p10: 18.0, p50: 19.0, p90: 22.0, p99: 45.0 };

/// Calls that fanout makes one after the other for a nudge: the event, consistently again if the first read misses it,
/// the targets and their states, and the claim.
const CALLS_OF_NUDGED_FANOUT: usize = 4;

/// Calls that fanout makes one after the other for a stream record: the targets and their states.
const CALLS_OF_STREAM_FANOUT: usize = 1;

/// Reads that ingest needs before its first put: keys, sources, the slot key, the fence, and whether a target exists.
const READS_OF_COLD_INGEST: u32 = 5;

/// Those of these reads that follow each other without a warm-up: keys; sources and targets; the slot key and the fence.
const STEPS_OF_COLD_INGEST: usize = 3;

/// A predicted latency.
struct Prediction {
    name: &'static str,
    latency: Distribution,
}

/// Prints the predicted latencies.
pub(crate) fn run() {
    println!("{:<58}{:>8}{:>8}{:>8}", "milliseconds", "p50", "p90", "p99");
    for Prediction { name, latency } in predictions() {
        let [p50, p90, p99] = [50.0, 90.0, 99.0].map(|percent| latency.percentile(percent));
        println!("{name:<58}{p50:>8.0}{p90:>8.0}{p99:>8.0}");
    }
    println!();
    println!("The webhook's latency is from the receipt of the event until deliver sends it, with running processes.");
    println!("A cold 201 is Init Duration plus Duration; AWS does not publish how long it allocates an environment.");
    println!("Sources and assumptions: xtask/src/latency/mod.rs");
}

fn predictions() -> [Prediction; 5] {
    [
        Prediction { name: "webhook, nudged by ingest", latency: webhook_after_nudge() },
        Prediction { name: "webhook, announced by the stream", latency: webhook_after_stream() },
        Prediction { name: "for comparison: one hop of EventBridge", latency: EVENTBRIDGE.one() },
        Prediction { name: "201 of a new ingest process, prepared during its start", latency: cold_response(true) },
        Prediction { name: "201 of a new ingest process, without preparation", latency: cold_response(false) },
    ]
}

fn repeated(percentiles: Percentiles, count: usize) -> Distribution {
    Distribution::sum(std::iter::repeat_n(percentiles.one(), count))
}

fn webhook_after_nudge() -> Distribution {
    let parts = [DYNAMODB_CALL.one(), SQS_HOP.one(), repeated(DYNAMODB_CALL, CALLS_OF_NUDGED_FANOUT)];
    Distribution::sum(parts.into_iter().chain([fan_out_and_deliver()]))
}

fn webhook_after_stream() -> Distribution {
    let parts = [DYNAMODB_CALL.one(), STREAM_HOP.one(), repeated(DYNAMODB_CALL, CALLS_OF_STREAM_FANOUT)];
    Distribution::sum(parts.into_iter().chain([fan_out_and_deliver()]))
}

/// Fanout's processing, the delivery queue, deliver's four reads at the same time, and its processing.
fn fan_out_and_deliver() -> Distribution {
    Distribution::sum([SMALL_FUNCTION.one(), SQS_HOP.one(), DYNAMODB_CALL.longest_of(4), SMALL_FUNCTION.one()])
}

/// The first response of a process of ingest with 1,024 MB, while a target exists.
fn cold_response(prepared: bool) -> Distribution {
    let preparation = if prepared {
        // All connections and reads at the same time, during the initialisation.
        vec![TLS_CONNECT.longest_of(READS_OF_COLD_INGEST + 1), DYNAMODB_CALL.longest_of(READS_OF_COLD_INGEST)]
    } else {
        vec![repeated(TLS_CONNECT, 2), repeated(DYNAMODB_CALL, STEPS_OF_COLD_INGEST)]
    };
    let request = [DYNAMODB_CALL.one(), SQS_CALL.one()];
    Distribution::sum([LAMBDA_INIT.one()].into_iter().chain(preparation).chain(request))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nudged_webhooks_are_faster_than_the_stream_and_eventbridge() {
        let (nudge, stream) = (webhook_after_nudge(), webhook_after_stream());
        assert!(nudge.percentile(50.0) < 100.0, "{}", nudge.percentile(50.0));
        assert!(nudge.percentile(90.0) < 150.0, "{}", nudge.percentile(90.0));
        for percent in [50.0, 90.0, 99.0] {
            assert!(nudge.percentile(percent) < EVENTBRIDGE.one().percentile(percent), "{percent}");
            assert!(nudge.percentile(percent) < stream.percentile(percent), "{percent}");
        }
    }

    #[test]
    fn a_cold_response_takes_less_than_150_ms() {
        for percent in [50.0, 90.0, 99.0] {
            let prepared = cold_response(true).percentile(percent);
            assert!(prepared < 150.0, "{percent}: {prepared}");
        }
    }
}
