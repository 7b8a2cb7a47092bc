//! The answers that use the worker: each holds a lease until it is dropped. Knows the holders by their keys
//! only, neither what they answer nor which model runs.
use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::watch;

/// The holder of leases that nobody waits for: their work may be cut off at any time.
const BACKGROUND: &str = "background";

/// The leases in use, by number.
#[derive(Default)]
pub(super) struct Leases {
    holders: Mutex<(u64, BTreeMap<u64, String>)>,
    pub(super) changed: watch::Sender<()>,
}

/// The right of one answer to the worker, until it is dropped.
pub(crate) struct Lease {
    leases: Arc<Leases>,
    number: u64,
}

impl Leases {
    pub(super) fn take(self: &Arc<Self>, holder: &str) -> Lease {
        let (next, holders) = &mut *self.holders.lock();
        *next += 1;
        holders.insert(*next, holder.to_owned());
        Lease { leases: self.clone(), number: *next }
    }

    /// For work that ends without loss when the worker is replaced.
    pub(super) fn take_background(self: &Arc<Self>) -> Lease {
        self.take(BACKGROUND)
    }

    /// The other holders that are waited for, each once.
    pub(super) fn others(&self, holder: &str) -> Vec<String> {
        let (_, holders) = &*self.holders.lock();
        let waited = |other: &&String| *other != holder && *other != BACKGROUND;
        let mut others: Vec<String> = holders.values().filter(waited).cloned().collect();
        others.dedup();
        others
    }

    pub(super) fn count(&self) -> usize {
        self.holders.lock().1.len()
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.leases.holders.lock().1.remove(&self.number);
        self.leases.changed.send_replace(());
    }
}
