//! The process's cache of segments.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use lru::LruCache;

use super::body::Body;
use super::header::SegmentHeader;
use super::segment_range::SegmentRange;

/// The process's cache of segment ranges, headers and bodies.
#[derive(Debug)]
pub(crate) struct Cache {
    inner: Mutex<Inner>,
    /// Maximum memory in bytes for headers and for compressed bodies.
    max_header_bytes: usize,
    max_body_bytes: usize,
}

#[derive(Debug, Default)]
struct Inner {
    /// Number of segments whose ranges were read. `ranges` lacks those that have expired.
    known_ranges: u64,
    ranges: Vec<SegmentRange>,
    headers: Bounded<SegmentHeader>,
    bodies: Bounded<Body>,
}

impl Cache {
    /// Creates a cache of at most `bytes` bytes. docs/cost.md has the number of events per 256 MB of headers.
    pub(crate) fn new(bytes: usize) -> Self {
        Self { inner: Mutex::default(), max_header_bytes: bytes / 3 * 2, max_body_bytes: bytes / 3 }
    }

    /// Returns the number of segments whose ranges were read.
    pub(crate) fn known_ranges(&self) -> u64 {
        self.lock().known_ranges
    }

    /// Adds ranges, which complete those of the first `count` segments.
    pub(crate) fn insert_ranges(&self, read: Vec<SegmentRange>, count: u64) {
        let mut inner = self.lock();
        let known = inner.known_ranges;
        // Another request may have added the same ranges.
        inner.ranges.extend(read.into_iter().filter(|range| range.number >= known));
        inner.known_ranges = known.max(count);
    }

    /// Returns the ranges of the first `count` segments.
    pub(crate) fn ranges(&self, count: u64) -> Vec<SegmentRange> {
        self.lock().ranges.iter().filter(|range| range.number < count).copied().collect()
    }

    /// Returns whether there are segments, and the headers of all that overlap these ids are cached.
    pub(crate) fn has_cached_headers(&self, (low, high): (u64, u64)) -> bool {
        let inner = self.lock();
        let mut within = inner.ranges.iter().filter(|range| range.low <= high && range.high >= low);
        inner.known_ranges > 0 && within.all(|range| inner.headers.kept.contains(&range.number))
    }

    /// Returns the cached headers and the numbers of the missing ones.
    pub(crate) fn headers(&self, numbers: &[u64]) -> (HashMap<u64, Arc<SegmentHeader>>, Vec<u64>) {
        self.lock().headers.get(numbers)
    }

    pub(crate) fn insert_header(&self, number: u64, header: SegmentHeader) -> Arc<SegmentHeader> {
        let size = header.size();
        self.lock().headers.insert(number, header, size, self.max_header_bytes)
    }

    /// Returns the number of cached headers and their bytes.
    pub(crate) fn cached_headers(&self) -> (usize, usize) {
        let inner = self.lock();
        (inner.headers.kept.len(), inner.headers.size)
    }

    /// Returns the cached bodies and the numbers of the missing ones.
    pub(crate) fn bodies(&self, numbers: &[u64]) -> (HashMap<u64, Arc<Body>>, Vec<u64>) {
        self.lock().bodies.get(numbers)
    }

    pub(crate) fn insert_body(&self, number: u64, body: Body) -> Arc<Body> {
        let size = body.size();
        self.lock().bodies.insert(number, body, size, self.max_body_bytes)
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An LRU cache of values by segment number, bounded by bytes.
#[derive(Debug)]
struct Bounded<T> {
    kept: LruCache<u64, (Arc<T>, usize)>,
    size: usize,
}

impl<T> Default for Bounded<T> {
    fn default() -> Self {
        Self { kept: LruCache::unbounded(), size: 0 }
    }
}

impl<T> Bounded<T>
where
    u64: Hash,
{
    fn get(&mut self, numbers: &[u64]) -> (HashMap<u64, Arc<T>>, Vec<u64>) {
        let (mut found, mut missing) = (HashMap::with_capacity(numbers.len()), Vec::new());
        for number in numbers {
            match self.kept.get(number) {
                Some((value, _)) => drop(found.insert(*number, Arc::clone(value))),
                None => missing.push(*number),
            }
        }
        (found, missing)
    }

    fn insert(&mut self, number: u64, value: T, size: usize, max_size: usize) -> Arc<T> {
        let value = Arc::new(value);
        if let Some((_, (_, evicted))) = self.kept.push(number, (Arc::clone(&value), size)) {
            self.size -= evicted;
        }
        self.size += size;
        while self.size > max_size && self.kept.len() > 1 {
            let Some((_, (_, evicted))) = self.kept.pop_lru() else { break };
            self.size -= evicted;
        }
        value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_recently_used_value_is_evicted_first() {
        let mut kept: Bounded<&str> = Bounded::default();
        kept.insert(1, "one", 40, 100);
        kept.insert(2, "two", 40, 100);
        kept.get(&[1]);
        kept.insert(3, "three", 40, 100);
        let (found, missing) = kept.get(&[1, 2, 3]);
        assert_eq!((found.len(), missing, kept.size), (2, vec![2], 80));
        kept.insert(3, "another three", 50, 100);
        assert_eq!(kept.size, 90, "replaced values are not counted");
    }

    /// docs/cost.md describes this for logs that are larger than the cache.
    #[test]
    fn a_scan_larger_than_the_cache_has_no_hits() {
        let mut kept: Bounded<u64> = Bounded::default();
        let mut unread = |numbers: std::ops::Range<u64>| {
            let read = numbers.filter(|number| {
                let (_, missing) = kept.get(&[*number]);
                for missing in &missing {
                    kept.insert(*missing, *missing, 40, 400);
                }
                !missing.is_empty()
            });
            read.count()
        };
        assert_eq!([unread(0..10), unread(0..10)], [10, 0]);
        assert_eq!([unread(0..11), unread(0..11), unread(0..11)], [1, 11, 11]);
    }
}
