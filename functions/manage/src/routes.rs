//! The routes of the function: every operation with its handler.

use web::Routes;

use crate::{State, deliveries, keys, quarantine, replays, sources, targets};

/// Registers every operation with its handler.
pub(crate) fn register_routes<R: Routes<State>>(routes: R) -> R {
    let routes = targets::register_routes(routes);
    let routes = replays::register_routes(routes);
    let routes = deliveries::register_routes(routes);
    let routes = sources::register_routes(routes);
    let routes = keys::register_routes(routes);
    quarantine::register_routes(routes)
}
