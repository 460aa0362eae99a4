//! The text that `tidings dev` prints when it is ready.

use std::path::Path;

use crate::dev_file::DevFile;

/// Prints the URL, the keys and two commands to begin with.
pub(super) fn print_greeting(dev: &DevFile, dev_file: &Path) {
    let (url, keys) = (&dev.url, &dev.keys);
    println!("Tidings is ready at {url}\n");
    for (source, token) in &keys.ingest {
        println!("  ingest  {token}  posts events as {source}");
    }
    println!("  read    {}  searches and reads", keys.read);
    println!("  manage  {}  changes targets, sources and keys", keys.manage);
    println!("\nThe same for scripts: {}\n", dev_file.display());
    let example = events::catalog("unleash")
        .and_then(|unleash| unleash.event_type("user-created"))
        .and_then(|event_type| event_type.examples.first());
    if let (Some(example), Some(token)) = (example, keys.ingest.get("unleash")) {
        println!("Post an event and search for it:\n");
        println!("  curl {url}/v1/events -H 'Authorization: Bearer {token}' -H 'Content-Type: application/json' \\");
        println!("    -d '{}'\n", example.replace('\'', "'\\''"));
        println!("  curl '{url}/v1/events?type=user-created' -H 'Authorization: Bearer {}'\n", keys.read);
    }
}
