//! Preparing a new process for its first batch.

use std::time::Duration;

use futures::future::join_all;

use crate::client::load_root_certificates;
use crate::state::State;

/// Maximum number of targets whose secrets are decrypted. Targets that share a data key share a call
/// of KMS.
const MAX_PREPARED_TARGETS: usize = 16;

/// Connects to DynamoDB and KMS, reads the targets, decrypts their secrets, and parses the root
/// certificates for their connections. Whatever fails is repeated by the first batch that needs it.
///
/// No connection to a target is opened: a process sends to few of the targets, and each target would receive a
/// connection of every process.
pub async fn warm_up(state: &State) {
    runtime::warm_up(prepare(state)).await;
}

async fn prepare(state: &State) {
    let (read, states, settings) =
        tokio::join!(state.targets.all(Duration::ZERO), state.states.warm_up(), state.deployment.verify());
    if let Some(error) = read.as_ref().err().or(states.as_ref().err()).or(settings.as_ref().err()) {
        tracing::warn!(%error, "failed to prepare for the first batch");
    }
    let targets = read.unwrap_or_default();
    if targets.iter().any(|target| target.address.scheme() == "https" && target.ca_cert.is_none()) {
        load_root_certificates();
    }
    let decrypt = targets.iter().take(MAX_PREPARED_TARGETS).map(|target| async move {
        if let Err(error) = state.keyring.open(&target.name, &target.secrets).await {
            tracing::warn!(%error, target = target.name, "failed to decrypt the secrets of a target");
        }
    });
    join_all(decrypt).await;
}
