//! The product of a weight with the rows of a prefill, tile by tile: in whole numbers (`panels`) where the
//! weight is quantised, else on AMX where the processor has it. Other weights take `gemv` for all rows.
use std::ops::Range;

#[cfg(target_arch = "x86_64")]
use super::amx::gemm::{self as amx_gemm, PackedA, Split};
use super::output::{OutputTiles, Tile};
use super::panels::{self, PackedActivations};
use crate::{Cancellation, Weight, pool};

/// How a weight is multiplied with the rows of a prefill.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PrefillForm {
    Gemv,
    Panels,
    #[cfg(target_arch = "x86_64")]
    Amx,
}

/// The rows of a prefill, packed for one form.
pub(crate) enum PackedRows {
    Panels(PackedActivations),
    #[cfg(target_arch = "x86_64")]
    Amx(PackedA),
}

impl PackedRows {
    /// `None` for the form that packs nothing.
    pub fn pack(form: PrefillForm, rows: &[&[f32]]) -> Option<Self> {
        match form {
            PrefillForm::Gemv => None,
            PrefillForm::Panels => Some(Self::Panels(PackedActivations::pack(rows))),
            #[cfg(target_arch = "x86_64")]
            PrefillForm::Amx => {
                let cols = rows.first().map_or(0, |row| row.len());
                Some(Self::Amx(PackedA::pack(rows, cols, Split::Bf16x3)))
            }
        }
    }

    /// Parts of the output that are computed at once, each a range of its columns in blocks of 16.
    pub fn tasks(&self, weight: &Weight) -> Vec<Range<usize>> {
        match self {
            Self::Panels(_) => panels::tasks(weight),
            #[cfg(target_arch = "x86_64")]
            Self::Amx(_) => amx_gemm::panels(weight, Split::Bf16x3),
        }
    }

    /// Calls `consume` once for each output tile of a task. After a cancellation some tiles are missing.
    pub fn gemm_task(
        &self,
        weight: &Weight,
        task: Range<usize>,
        cancellation: &Cancellation,
        consume: impl Fn(Tile),
    ) {
        match self {
            Self::Panels(a) => panels::gemm_task(weight, &task, a, cancellation, consume),
            #[cfg(target_arch = "x86_64")]
            Self::Amx(a) => amx_gemm::gemm_panel(weight, task, a, cancellation, |rows, columns, values| {
                consume(Tile { rows, columns, values, stride: super::amx::NR });
            }),
        }
    }

    /// `gemm_task` for all tasks, from several threads.
    pub fn gemm(&self, weight: &Weight, cancellation: &Cancellation, consume: impl Fn(Tile) + Sync) {
        let tasks = self.tasks(weight);
        pool::for_each(tasks.len(), |at| self.gemm_task(weight, tasks[at].clone(), cancellation, &consume));
    }
}

impl Weight {
    pub(crate) fn prefill_form(&self) -> PrefillForm {
        if self.takes_planes() {
            return PrefillForm::Panels;
        }
        #[cfg(target_arch = "x86_64")]
        if super::amx::available() {
            return PrefillForm::Amx;
        }
        PrefillForm::Gemv
    }

    /// The rows of a prefill times this weight; by `gemv` where it has no other form.
    pub(super) fn matmul_tiled(&self, x: &[f32], cancellation: &Cancellation) -> Vec<f32> {
        let rows: Vec<&[f32]> = x.chunks_exact(self.cols()).collect();
        let Some(packed) = PackedRows::pack(self.prefill_form(), &rows) else {
            return self.gemv(x, cancellation);
        };
        let mut y = vec![0.0; rows.len() * self.rows()];
        let out = OutputTiles::new(&mut y, self.rows());
        // SAFETY: each tile is written once.
        packed.gemm(self, cancellation, |tile| unsafe { out.store(&tile) });
        y
    }
}
