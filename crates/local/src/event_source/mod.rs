//! Lambda's event source mappings on a laptop: pollers that call a function with the records of a table's stream or
//! the messages of a queue, and delete the ones that it processed.

mod queue_poller;
mod stream_poller;
#[cfg(test)]
mod test_poller;

pub(crate) use queue_poller::QueuePoller;
pub(crate) use stream_poller::StreamPoller;
