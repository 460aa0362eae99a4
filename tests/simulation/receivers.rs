//! A simulated webhook receiver behind a simulated network.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use deliver::{Connect, Io, Network};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, DuplexStream, duplex};
use tokio::time::sleep;

use crate::faults::Faults;
use crate::trace;

/// Bytes that a connection buffers in each direction.
const CONNECTION_BUFFER_BYTES: usize = 64 * 1024;

/// Maximum time in which the receiver responds.
const MAX_RESPONSE_TIME: Duration = Duration::from_secs(2);

/// Time for which a receiver hangs: longer than an attempt.
const HANG_TIME: Duration = Duration::from_secs(30);

/// The network, whose only host is the receiver.
#[derive(Debug, Clone)]
pub(crate) struct Receivers {
    faults: Arc<Faults>,
    /// Number of acknowledged webhooks by event.
    acknowledged: Arc<Mutex<BTreeMap<u64, usize>>>,
    /// Events of all requests, in the order of their arrival.
    arrivals: Arc<Mutex<Vec<u64>>>,
    is_reliable: Arc<AtomicBool>,
}

impl Receivers {
    pub(crate) fn new(faults: Arc<Faults>) -> Self {
        Self { faults, acknowledged: Arc::default(), arrivals: Arc::default(), is_reliable: Arc::default() }
    }

    /// Ends or starts the faults of the receiver and of its network.
    pub(crate) fn set_reliable(&self, is_reliable: bool) {
        self.is_reliable.store(is_reliable, Ordering::Relaxed);
    }

    fn is_faulty(&self) -> bool {
        self.faults.is_active() && !self.is_reliable.load(Ordering::Relaxed)
    }

    /// Returns the events of all requests, in the order of their arrival.
    pub(crate) fn arrivals(&self) -> Vec<u64> {
        self.arrivals.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Returns how many webhooks of each event were acknowledged.
    pub(crate) fn acknowledged(&self) -> BTreeMap<u64, usize> {
        self.acknowledged.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Handles the requests of a connection until it is closed.
    async fn serve(self, stream: DuplexStream) -> io::Result<()> {
        let mut stream = BufReader::new(stream);
        loop {
            let Some(event) = read_request(&mut stream).await? else { return Ok(()) };
            trace::record(format_args!("webhook of {event}"));
            self.arrivals.lock().unwrap_or_else(PoisonError::into_inner).push(event);
            sleep(self.faults.duration(MAX_RESPONSE_TIME)).await;
            let response = match self.is_faulty().then(|| self.faults.below(12)) {
                Some(0) => return Ok(()),
                Some(1) => {
                    sleep(HANG_TIME).await;
                    return Ok(());
                }
                Some(2) => "HTTP/1.1 500 Internal Server Error\r\ncontent-length: 0\r\n\r\n",
                Some(3) => "HTTP/1.1 503 Service Unavailable\r\nretry-after: 7\r\ncontent-length: 0\r\n\r\n",
                _ => {
                    *self.acknowledged.lock().unwrap_or_else(PoisonError::into_inner).entry(event).or_default() += 1;
                    "HTTP/1.1 204 No Content\r\n\r\n"
                }
            };
            stream.write_all(response.as_bytes()).await?;
        }
    }
}

impl Network for Receivers {
    fn connect(&self, _: SocketAddr) -> Connect {
        let receivers = self.clone();
        Box::pin(async move {
            sleep(receivers.faults.duration(Duration::from_millis(100))).await;
            if receivers.is_faulty() && receivers.faults.once_in(10) {
                return Err(io::ErrorKind::ConnectionRefused.into());
            }
            let (client, server) = duplex(CONNECTION_BUFFER_BYTES);
            // An error ends the connection; the client notices that.
            tokio::spawn(async move { drop(receivers.serve(server).await) });
            Ok(Box::new(client) as Box<dyn Io>)
        })
    }
}

/// Reads a request and returns the event that it contains; `None` at the end of the connection.
async fn read_request(stream: &mut BufReader<DuplexStream>) -> io::Result<Option<u64>> {
    let (mut event, mut length) = (None, 0);
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await? == 0 {
            return Ok(None);
        }
        let Some((name, value)) = line.trim_end().split_once(": ") else {
            if line.trim_end().is_empty() {
                break;
            }
            continue;
        };
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.parse().expect("a length"),
            // `msg_<event>_<hash of the target>`
            "webhook-id" => event = value.split('_').nth(1).and_then(|id| id.parse().ok()),
            _ => {}
        }
    }
    stream.read_exact(&mut vec![0; length]).await?;
    Ok(Some(event.expect("a webhook-id with the id of an event")))
}
