//! The fixed parts of a deployment, read from the template.

/// The template.
const TEMPLATE: &str = include_str!("../../../infra/template.yaml");

/// Resources of the template that have a fixed price, and the settings that affect prices.
pub(crate) struct Deployment {
    /// The number of alarm metrics.
    pub(crate) alarms: f64,
    /// The number of dashboards.
    pub(crate) dashboards: f64,
    /// Default retention of logs in days.
    pub(crate) log_days: f64,
}

impl Deployment {
    /// Reads the template.
    pub(crate) fn read() -> Self {
        let count = |text: &str| f64::from(u32::try_from(TEMPLATE.matches(text).count()).unwrap_or(u32::MAX));
        Self {
            // An alarm on metric math is billed for each metric that it reads.
            alarms: count("MetricName: "),
            dashboards: count("Type: AWS::CloudWatch::Dashboard"),
            log_days: number_after("  LogRetentionDays:", "Default:").unwrap_or(f64::NAN),
        }
    }

    /// Returns the memory of a function in GB. `function` is its name in the template without `Function`.
    pub(crate) fn memory_gb(function: &str) -> f64 {
        number_after(&format!("  {function}Function:"), "MemorySize:").unwrap_or(f64::NAN) / 1024.0
    }
}

/// Returns the number of the first member `name` after the line `start`.
fn number_after(start: &str, name: &str) -> Option<f64> {
    let mut lines = TEMPLATE.lines().skip_while(|line| *line != start);
    let line = lines.find_map(|line| line.trim().strip_prefix(name))?;
    line.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_template_has_the_values_that_the_cost_model_reads() {
        for function in ["Ingest", "Query", "Fanout", "Deliver", "Pack"] {
            assert!((0.1..=10.0).contains(&Deployment::memory_gb(function)), "{function}");
        }
        assert!(Deployment::read().log_days >= 1.0);
        assert!(Deployment::read().alarms >= 1.0 && Deployment::read().dashboards >= 1.0);
    }

    #[test]
    fn the_template_matches_the_assumptions() {
        let count = |text: &str| TEMPLATE.matches(text).count();
        assert_eq!(
            count("SSESpecification: !If [HasTableKey,"),
            count("Type: AWS::DynamoDB::Table"),
            "`key_requests` in bill.rs assumes that DynamoDB owns the key of every table"
        );
        assert_eq!(
            count("SystemLogLevel: WARN"),
            count("Type: AWS::Serverless::Function"),
            "`logs` in bill.rs assumes that Lambda logs only warnings"
        );
        assert_eq!(
            count("PointInTimeRecoveryEnabled: true") + 1,
            count("Type: AWS::DynamoDB::Table"),
            "`storage` in bill.rs assumes that only the segments have no point-in-time recovery"
        );
        assert!(
            TEMPLATE.contains("Schedule: rate(1 minute)"),
            "PACK_INTERVAL_SECONDS in assumptions.rs differs from the template's schedule"
        );
    }

    #[test]
    fn tracing_matches_the_template() {
        let traced = TEMPLATE.matches("Tracing: !If [IsTraced, Active, PassThrough]").count();
        assert_eq!(traced, 3, "`traces` in bill.rs assumes tracing of ingest, fanout and deliver");
        let parameter = TEMPLATE.split("\n  TracePercent:\n").nth(1).expect("the parameter TracePercent");
        let default = parameter.lines().find_map(|line| line.trim().strip_prefix("Default: "));
        assert_eq!(default, Some("\"0\""), "Scenario::default() assumes that tracing is off");
    }
}
