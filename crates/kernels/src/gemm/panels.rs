//! Many rows times a quantised weight in whole numbers, for any processor with `formats::has_planes`. The
//! rows of activations are packed once; the weight is unpacked 16 rows and some columns at a time, which stay
//! in the L1 cache while all activations are multiplied with them. Results are batch-invariant.
use std::cell::Cell;
use std::ops::Range;

use formats::{
    ACTIVATION_ROWS, ActivationPanel, PANEL_BLOCK, PANEL_ROWS, PanelSums, WeightPanel, panel_product,
};

use super::output::Tile;
use crate::{Cancellation, Weight, pool};

/// Blocks of 256 columns per pass over the activations: a panel of 512 columns and its scales are 20 KiB,
/// which stay in the L1 cache.
const K_BLOCKS: usize = 2;
/// Panels of 16 weight rows of a task, at most: every thread gets several tasks.
const TASK_PANELS: usize = 4;

/// Rows of activations, packed.
pub struct PackedActivations {
    panels: Vec<ActivationPanel>,
    n: usize,
}

/// Scratch memory of a thread.
#[derive(Default)]
struct Workspace {
    unpacked: WeightPanel,
    /// One for each panel of activations.
    sums: Vec<PanelSums>,
}

thread_local! {
    static WORKSPACE: Cell<Workspace> = Cell::default();
}

impl PackedActivations {
    pub fn pack(rows: &[&[f32]]) -> Self {
        let panel = |at: usize| {
            let first = at * ACTIVATION_ROWS;
            ActivationPanel::new(&rows[first..rows.len().min(first + ACTIVATION_ROWS)])
        };
        Self { panels: pool::map(rows.len().div_ceil(ACTIVATION_ROWS), panel), n: rows.len() }
    }
}

/// Ranges of panels of 16 rows, an even share for each thread.
pub fn tasks(weight: &Weight) -> Vec<Range<usize>> {
    let (panels, threads) = (weight.rows().div_ceil(PANEL_ROWS), pool::threads());
    let width = task_panels(panels, threads);
    pool::ranges(panels, width).collect()
}

/// Panels of a task: at most [`TASK_PANELS`], such that every thread gets the same number of tasks.
fn task_panels(panels: usize, threads: usize) -> usize {
    let tasks = panels.div_ceil(TASK_PANELS).next_multiple_of(threads);
    panels.div_ceil(tasks).max(1)
}

/// Calls `consume` once for each output tile of a task. After a cancellation some tiles are missing.
pub fn gemm_task(
    weight: &Weight,
    task: &Range<usize>,
    a: &PackedActivations,
    cancellation: &Cancellation,
    consume: impl Fn(Tile),
) {
    let mut workspace = WORKSPACE.take();
    let Workspace { unpacked, sums } = &mut workspace;
    let blocks = weight.cols().div_ceil(PANEL_BLOCK);
    sums.resize(sums.len().max(a.panels.len()), PanelSums::default());
    for panel in task.clone() {
        let columns = PANEL_ROWS * panel..weight.rows().min(PANEL_ROWS * (panel + 1));
        let rows = weight.encoded_rows(columns.start, columns.len());
        let rows = rows.expect("a weight in host memory without scales");
        for from in (0..blocks).step_by(K_BLOCKS) {
            let range = from..blocks.min(from + K_BLOCKS);
            unpacked.unpack(weight.dtype(), rows, range.clone());
            for (at, (x, sums)) in a.panels.iter().zip(&mut *sums).enumerate() {
                if cancellation.is_cancelled() {
                    return;
                }
                if from == 0 {
                    *sums = PanelSums::default();
                }
                panel_product(unpacked, x, sums);
                if range.end == blocks {
                    let rows = ACTIVATION_ROWS * at..a.n.min(ACTIVATION_ROWS * (at + 1));
                    let (columns, values) = (columns.clone(), sums.as_flattened_mut());
                    consume(Tile { rows, columns, values, stride: PANEL_ROWS });
                }
            }
        }
    }
    WORKSPACE.set(workspace);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tasks_are_shared_evenly() {
        for (panels, threads, expected) in [(96, 2, 4), (96, 16, 3), (88, 16, 3), (1, 16, 1), (10, 2, 3)] {
            assert_eq!(task_panels(panels, threads), expected, "{panels} {threads}");
        }
    }
}
