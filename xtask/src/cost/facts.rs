//! What is known and not assumed: units that the tests measured, and what the template deploys.

use serde_json::Value;

use crate::tools::Result;

/// What `tests/local/costs.rs` measured.
const UNITS: &str = include_str!("../../../tests/units.json");

/// What is deployed.
const TEMPLATE: &str = include_str!("../../../infra/template.yaml");

/// The measured units.
pub(crate) struct Units(Value);

impl Units {
    /// Reads the record.
    pub(crate) fn read() -> Result<Self> {
        serde_json::from_str(UNITS).map(Self).map_err(|error| format!("tests/units.json: {error}"))
    }

    /// A record of a test's own.
    #[cfg(test)]
    pub(crate) fn of(record: Value) -> Self {
        Self(record)
    }

    /// A number that depends on neither size nor targets, by its path.
    pub(crate) fn once(&self, path: &str) -> f64 {
        self.0.pointer(path).and_then(Value::as_f64).unwrap_or(f64::NAN)
    }

    /// A number for payloads of this many bytes: on the line between the sizes that were measured.
    pub(crate) fn of_size(&self, bytes: f64, path: &str) -> f64 {
        self.between("sizes", bytes, path)
    }

    /// The same of each event, where what was measured is of a full segment.
    pub(crate) fn of_event(&self, bytes: f64, path: &str) -> f64 {
        self.along("sizes", bytes, |value| {
            Some(value.pointer(path)?.as_f64()? / value.pointer("/pack/events")?.as_f64()?)
        })
    }

    /// A number for this many targets, in the same way.
    pub(crate) fn of_targets(&self, targets: f64, path: &str) -> f64 {
        self.between("targets", targets, path)
    }

    fn between(&self, of: &str, at: f64, path: &str) -> f64 {
        self.along(of, at, |value| value.pointer(path)?.as_f64())
    }

    fn along(&self, of: &str, at: f64, number: impl Fn(&Value) -> Option<f64>) -> f64 {
        let measured = |(key, value): (&String, &Value)| Some((key.parse().ok()?, number(value)?));
        let mut points: Vec<(f64, f64)> = self.0[of].as_object().into_iter().flatten().filter_map(measured).collect();
        points.sort_by(|a, b| a.0.total_cmp(&b.0));
        line(&points, at)
    }
}

/// The value at `at` on the lines through these points. What is before the first is like the first; what is after
/// the last lies on the last line.
fn line(points: &[(f64, f64)], at: f64) -> f64 {
    let Some(first) = points.first() else { return f64::NAN };
    if at <= first.0 || points.len() < 2 {
        return first.1;
    }
    let next = points.iter().position(|point| at <= point.0).unwrap_or(points.len() - 1).max(1);
    let ((x0, y0), (x1, y1)) = (points[next - 1], points[next]);
    y0 + (y1 - y0) * (at - x0) / (x1 - x0)
}

/// What the template deploys that costs something by itself, and how much memory functions have.
pub(crate) struct Deployed {
    /// Alarms.
    pub(crate) alarms: f64,
    /// Dashboards.
    pub(crate) dashboards: f64,
    /// Days that logs are kept, by default.
    pub(crate) log_days: f64,
}

impl Deployed {
    /// Reads the template.
    pub(crate) fn read() -> Self {
        let count = |what: &str| f64::from(u32::try_from(TEMPLATE.matches(what).count()).unwrap_or(u32::MAX));
        Self {
            // One on metric math costs as many as it looks at.
            alarms: count("MetricName: "),
            dashboards: count("Type: AWS::CloudWatch::Dashboard"),
            log_days: after("  LogRetentionDays:", "Default:").unwrap_or(f64::NAN),
        }
    }

    /// A function's memory in GB, by its name in the template without `Function`.
    pub(crate) fn memory(function: &str) -> f64 {
        after(&format!("  {function}Function:"), "MemorySize:").unwrap_or(f64::NAN) / 1024.0
    }
}

/// The number of the first member `name` behind a line.
fn after(start: &str, name: &str) -> Option<f64> {
    let mut lines = TEMPLATE.lines().skip_while(|line| *line != start);
    let line = lines.find_map(|line| line.trim().strip_prefix(name))?;
    line.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_lies_between_is_on_a_line() {
        let points = [(1.0, 10.0), (3.0, 20.0), (5.0, 20.0), (7.0, 40.0)];
        let at = [0.0, 1.0, 2.0, 4.0, 6.0, 9.0].map(|at| line(&points, at));
        assert!(at.iter().zip([10.0, 10.0, 15.0, 20.0, 30.0, 60.0]).all(|(a, b)| (a - b).abs() < 1e-9), "{at:?}");
    }

    #[test]
    fn the_template_says_what_functions_have() {
        for function in ["Ingest", "Query", "Fanout", "Deliver", "Pack"] {
            assert!((0.1..=10.0).contains(&Deployed::memory(function)), "{function}");
        }
        assert!(Deployed::read().log_days >= 1.0);
        let count = |what: &str| TEMPLATE.matches(what).count();
        assert!(Deployed::read().alarms >= 1.0 && Deployed::read().dashboards >= 1.0);
        assert_eq!(
            count("SSEEnabled: true"),
            count("Type: AWS::DynamoDB::Table"),
            "TABLE_KEYS of assumed.rs is of tables whose key is in KMS"
        );
        assert!(TEMPLATE.contains("Schedule: rate(5 minutes)"), "PACK_ROUNDS of assumed.rs is of another schedule");
    }

    #[test]
    fn what_is_traced_is_in_the_template() {
        let traced = TEMPLATE.matches("Tracing: !If [IsTraced, Active, PassThrough]").count();
        assert_eq!(traced, 3, "ingest, fanout and deliver: `traces` of model.rs is of others");
        assert!(TEMPLATE.contains("million of them.\n    Default: \"0\""), "the default of a case");
    }

    #[test]
    fn what_was_measured_of_a_segment_is_divided_among_its_events() {
        let segment = |events, head| json!({ "pack": { "events": events }, "segment": { "head": head } });
        let units = Units::of(json!({ "sizes": { "1000": segment(1000, 50_000), "3000": segment(300, 45_000) } }));
        let at = [1000.0, 2000.0, 3000.0].map(|bytes| units.of_event(bytes, "/segment/head"));
        assert!(at.iter().zip([50.0, 100.0, 150.0]).all(|(a, b)| (a - b).abs() < 1e-9), "{at:?}");
    }
}
