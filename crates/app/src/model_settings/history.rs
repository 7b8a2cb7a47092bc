//! What models of this computer took of memory, run by run, beside what was computed for them; and the
//! correction of the next forecast that follows from it. Knows neither settings nor workers.
use std::path::Path;

use contract::{CacheKind, ErrorCode, ErrorView, MemoryRecord};
use serde::{Deserialize, Serialize};

use crate::list_file::{ListFile, ListKind};

static KIND: ListKind = ListKind {
    list: store::ListKind { file: "memory.json", field: "runs", name: "measured memory" },
    unreadable: ErrorCode::MemoryUnreadable,
};
/// Runs of one model that are kept.
const KEPT: usize = 20;
/// Runs that a correction is the median of.
const RECENT: usize = 5;

/// One run. Bytes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Run {
    pub model_id: String,
    pub at: jiff::Timestamp,
    pub context: u32,
    pub sequences: u32,
    pub cache: CacheKind,
    pub card: Option<String>,
    pub computed: f64,
    pub measured: f64,
}

pub(crate) struct MemoryHistory(ListFile<Run>);

impl MemoryHistory {
    /// As [`ListFile::open`].
    pub(crate) fn open(data_dir: &Path) -> (Self, Option<ErrorView>) {
        let (list, problem) = ListFile::open(data_dir, &KIND);
        (Self(list), problem)
    }

    /// Adds a run, or updates the measurement of the one that it continues.
    pub(crate) fn put(&self, run: Run) -> Result<(), ErrorView> {
        self.0.change(|runs| {
            let same = |known: &Run| known.model_id == run.model_id && known.at == run.at;
            match runs.iter_mut().find(|known| same(known)) {
                Some(known) => known.measured = run.measured,
                None => runs.push(run.clone()),
            }
            let own = runs.iter().filter(|known| known.model_id == run.model_id).count();
            let mut extra = own.saturating_sub(KEPT);
            runs.retain(|known| {
                let old = extra > 0 && known.model_id == run.model_id;
                extra -= usize::from(old);
                !old
            });
        })
    }

    /// The newest first.
    pub(super) fn of(&self, model_id: &str) -> Vec<Run> {
        let all = self.0.all().unwrap_or_default();
        all.into_iter().rev().filter(|run| run.model_id == model_id).collect()
    }
}

/// The median of what recent runs on this card, or in main memory, took more than was computed.
pub(super) fn correction(runs: &[Run], card: Option<&str>) -> f64 {
    let alike = runs.iter().filter(|run| run.card.as_deref() == card);
    let mut apart: Vec<f64> = alike.take(RECENT).map(|run| run.measured - run.computed).collect();
    apart.sort_by(f64::total_cmp);
    if apart.is_empty() { 0.0 } else { apart[apart.len() / 2] }
}

pub(super) fn record(run: &Run) -> MemoryRecord {
    MemoryRecord {
        at: run.at.to_string(),
        context: run.context,
        sequences: run.sequences,
        cache: run.cache,
        card: run.card.clone(),
        foreseen: run.computed,
        measured: run.measured,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(model_id: &str, second: i64, measured: f64, card: Option<&str>) -> Run {
        Run {
            model_id: model_id.into(),
            at: jiff::Timestamp::from_second(second).expect("a time"),
            context: 2048,
            sequences: 2,
            cache: CacheKind::Bf16,
            card: card.map(Into::into),
            computed: 100.0,
            measured,
        }
    }

    #[test]
    fn the_last_runs_of_each_model_are_kept_and_one_run_is_one_entry() {
        let folder = tempfile::tempdir().expect("a folder");
        let (history, problem) = MemoryHistory::open(folder.path());
        assert_eq!(problem, None);
        history.put(run("b", 1, 1.0, None)).expect("is written");
        for second in 0..30 {
            history.put(run("a", second, 1.0, None)).expect("is written");
            history.put(run("a", second, 110.0, None)).expect("is written");
        }
        let kept = history.of("a");
        assert_eq!((kept.len(), history.of("b").len()), (KEPT, 1));
        assert_eq!(kept[0], run("a", 29, 110.0, None));
        assert_eq!(kept[KEPT - 1].at.as_second(), 10);
    }

    #[test]
    fn a_correction_is_the_median_of_recent_runs_in_the_same_place() {
        let runs = [90.0, 130.0, 110.0, 900.0].map(|measured| run("a", 0, measured, None));
        assert_eq!(correction(&runs[..3], None), 10.0);
        assert_eq!(correction(&runs, Some("L40S")), 0.0);
        assert_eq!(correction(&[run("a", 0, 60.0, Some("L40S"))], Some("L40S")), -40.0);
    }
}
