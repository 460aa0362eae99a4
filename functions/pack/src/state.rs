//! The state of the function.

use search::EventLog;
use store::DeploymentCheck;

/// The state of the function.
#[derive(Debug, Clone)]
pub struct State {
    /// The log and its segments.
    pub log: EventLog,
    /// Stores the settings of a new deployment, and compares them with those of an existing one.
    pub deployment: DeploymentCheck,
}
