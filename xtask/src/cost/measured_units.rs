//! Capacity units and bytes that the tests measured.

use serde_json::Value;

use crate::process::Result;

/// The record that `tests/local/costs.rs` writes.
const RECORD: &str = include_str!("../../../tests/units.json");

/// Measured capacity units, requests and bytes.
pub(crate) struct MeasuredUnits(Value);

impl MeasuredUnits {
    /// Reads the record.
    pub(crate) fn read() -> Result<Self> {
        serde_json::from_str(RECORD).map(Self).map_err(|error| format!("tests/units.json: {error}"))
    }

    /// Creates units from a test's own record.
    #[cfg(test)]
    pub(crate) fn from_record(record: Value) -> Self {
        Self(record)
    }

    /// Returns a number that depends on neither size nor targets, by its JSON pointer.
    pub(crate) fn constant(&self, pointer: &str) -> f64 {
        self.0.pointer(pointer).and_then(Value::as_f64).unwrap_or(f64::NAN)
    }

    /// Returns a number for a payload of `bytes`, interpolated between the measured sizes.
    pub(crate) fn for_payload(&self, bytes: f64, pointer: &str) -> f64 {
        self.interpolate("sizes", bytes, |value| value.pointer(pointer)?.as_f64())
    }

    /// Returns a number per event of a full segment, for payloads of `bytes`.
    pub(crate) fn per_event(&self, bytes: f64, pointer: &str) -> f64 {
        self.interpolate("sizes", bytes, |value| {
            Some(value.pointer(pointer)?.as_f64()? / value.pointer("/pack/events")?.as_f64()?)
        })
    }

    /// Returns a number for this many targets, interpolated between the measured counts.
    pub(crate) fn for_targets(&self, targets: f64, pointer: &str) -> f64 {
        self.interpolate("targets", targets, |value| value.pointer(pointer)?.as_f64())
    }

    fn interpolate(&self, series: &str, x: f64, number: impl Fn(&Value) -> Option<f64>) -> f64 {
        let point = |(key, value): (&String, &Value)| Some((key.parse().ok()?, number(value)?));
        let mut points: Vec<(f64, f64)> = self.0[series].as_object().into_iter().flatten().filter_map(point).collect();
        points.sort_by(|a, b| a.0.total_cmp(&b.0));
        interpolate(&points, x)
    }
}

/// Returns the value at `x` on the line through sorted points. It is constant before the first point, and continues the
/// last line after the last point.
fn interpolate(points: &[(f64, f64)], x: f64) -> f64 {
    let Some(first) = points.first() else { return f64::NAN };
    if x <= first.0 || points.len() < 2 {
        return first.1;
    }
    let next = points.iter().position(|point| x <= point.0).unwrap_or(points.len() - 1).max(1);
    let ((x0, y0), (x1, y1)) = (points[next - 1], points[next]);
    y0 + (y1 - y0) * (x - x0) / (x1 - x0)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_between_points_are_interpolated() {
        let points = [(1.0, 10.0), (3.0, 20.0), (5.0, 20.0), (7.0, 40.0)];
        let values = [0.0, 1.0, 2.0, 4.0, 6.0, 9.0].map(|x| interpolate(&points, x));
        let expected = [10.0, 10.0, 15.0, 20.0, 30.0, 60.0];
        assert!(values.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-9), "{values:?}");
    }

    #[test]
    fn units_of_a_segment_are_divided_among_its_events() {
        let segment = |events, head| json!({ "pack": { "events": events }, "segment": { "head": head } });
        let record = json!({ "sizes": { "1000": segment(1000, 50_000), "3000": segment(300, 45_000) } });
        let units = MeasuredUnits::from_record(record);
        let values = [1000.0, 2000.0, 3000.0].map(|bytes| units.per_event(bytes, "/segment/head"));
        assert!(values.iter().zip([50.0, 100.0, 150.0]).all(|(a, b)| (a - b).abs() < 1e-9), "{values:?}");
    }
}
