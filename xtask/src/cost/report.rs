//! The data of all tables: measured units and the deployment.

use super::bill::{Bill, monthly_bill};
use super::deployment::Deployment;
use super::measured_units::MeasuredUnits;
use super::scenario::Scenario;
use crate::process::Result;

/// Payload sizes that the tables compare.
pub(crate) const PAYLOAD_SIZES: [f64; 4] = [1000.0, 4000.0, 16_000.0, 64_000.0];

/// Measured units and the deployment.
pub(crate) struct CostReport {
    pub(crate) units: MeasuredUnits,
    pub(crate) deployment: Deployment,
}

impl CostReport {
    /// Reads the measured units and the template.
    pub(crate) fn read() -> Result<Self> {
        Ok(Self { units: MeasuredUnits::read()?, deployment: Deployment::read() })
    }

    /// Returns the bill of a month.
    pub(crate) fn bill(&self, scenario: &Scenario) -> Bill {
        monthly_bill(scenario, &self.units, &self.deployment)
    }

    /// Returns the bill of a month without the cost of an idle installation.
    pub(crate) fn bill_of_events(&self, scenario: &Scenario) -> Bill {
        let idle = Scenario { events: 0.0, targets: 0.0, ..Scenario::default() };
        self.bill(scenario).without(&self.bill(&idle))
    }
}
