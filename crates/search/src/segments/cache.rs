//! What a process has read of the segments.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use lru::LruCache;

use super::body::Body;
use super::header::SegmentHeader;
use super::segment_range::SegmentRange;

/// What a process has read of the segments.
#[derive(Debug)]
pub(crate) struct Cache {
    inner: Mutex<Inner>,
    /// The most memory for heads, and for bodies (packed), in bytes.
    max_heads: usize,
    max_bodies: usize,
}

#[derive(Debug, Default)]
struct Inner {
    /// How many segments stand in `entries`, or are gone.
    known: u64,
    entries: Vec<SegmentRange>,
    heads: Bounded<SegmentHeader>,
    bodies: Bounded<Body>,
}

impl Cache {
    /// A cache of at most so many bytes. Of how many events 256 MB of heads are, docs/cost.md says.
    pub(crate) fn new(bytes: usize) -> Self {
        Self { inner: Mutex::default(), max_heads: bytes / 3 * 2, max_bodies: bytes / 3 }
    }

    /// How many segments are known.
    pub(crate) fn known(&self) -> u64 {
        self.lock().known
    }

    /// Adds where the first `count` segments stand.
    pub(crate) fn add(&self, read: Vec<SegmentRange>, count: u64) {
        let mut inner = self.lock();
        let known = inner.known;
        // Another request may have read the same.
        inner.entries.extend(read.into_iter().filter(|entry| entry.number >= known));
        inner.known = known.max(count);
    }

    /// Where every one of the first `count` segments stands.
    pub(crate) fn entries(&self, count: u64) -> Vec<SegmentRange> {
        self.lock().entries.iter().filter(|entry| entry.number < count).copied().collect()
    }

    /// Whether there are segments, and the heads of all that may have something between these ids are at hand.
    pub(crate) fn has_heads(&self, (low, high): (u64, u64)) -> bool {
        let inner = self.lock();
        let mut within = inner.entries.iter().filter(|entry| entry.low <= high && entry.high >= low);
        inner.known > 0 && within.all(|entry| inner.heads.kept.contains(&entry.number))
    }

    /// The heads that are at hand, and the numbers of the others.
    pub(crate) fn heads(&self, numbers: &[u64]) -> (HashMap<u64, Arc<SegmentHeader>>, Vec<u64>) {
        self.lock().heads.get(numbers)
    }

    pub(crate) fn keep_head(&self, number: u64, head: SegmentHeader) -> Arc<SegmentHeader> {
        let size = head.size();
        self.lock().heads.insert(number, head, size, self.max_heads)
    }

    /// How many heads are at hand, and the bytes that they take.
    pub(crate) fn kept(&self) -> (usize, usize) {
        let inner = self.lock();
        (inner.heads.kept.len(), inner.heads.size)
    }

    /// The bodies that are at hand, and the numbers of the others.
    pub(crate) fn bodies(&self, numbers: &[u64]) -> (HashMap<u64, Arc<Body>>, Vec<u64>) {
        self.lock().bodies.get(numbers)
    }

    pub(crate) fn keep_body(&self, number: u64, body: Body) -> Arc<Body> {
        let size = body.size();
        self.lock().bodies.insert(number, body, size, self.max_bodies)
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Values by number, of which those that were not used for longest go first.
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

    fn insert(&mut self, number: u64, value: T, size: usize, most: usize) -> Arc<T> {
        let value = Arc::new(value);
        if let Some((_, (_, gone))) = self.kept.push(number, (Arc::clone(&value), size)) {
            self.size -= gone;
        }
        self.size += size;
        while self.size > most && self.kept.len() > 1 {
            let Some((_, (_, gone))) = self.kept.pop_lru() else { break };
            self.size -= gone;
        }
        value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_used_for_longest_goes_first() {
        let mut kept: Bounded<&str> = Bounded::default();
        kept.insert(1, "one", 40, 100);
        kept.insert(2, "two", 40, 100);
        kept.get(&[1]);
        kept.insert(3, "three", 40, 100);
        let (found, missing) = kept.get(&[1, 2, 3]);
        assert_eq!((found.len(), missing, kept.size), (2, vec![2], 80));
        kept.insert(3, "drei", 50, 100);
        assert_eq!(kept.size, 90, "what is replaced is not counted");
    }

    /// What docs/cost.md says of logs that there is no room for.
    #[test]
    fn who_goes_through_more_than_there_is_room_for_finds_nothing() {
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
