//! `silu(gate x) * up x` of one expert or of several, as one set of tasks: each multiplies some rows of gate
//! and up and applies the activation, so that no thread waits between the three. And the whole layer of one
//! expert.
use std::ops::Range;

use candle_core::{Result, Tensor, bail};

use super::mlp::Mlp;
use crate::activations::silu_mul;
use crate::gemm::{Input, OutputTiles, PackedRows, PrefillForm, ROW_BLOCK, blocks_of_task};
use crate::slices::{tensor, with_slice};
use crate::{Cancellation, PrefillRows, pool};

impl Mlp {
    /// `x` [n, hidden] -> [n, hidden].
    ///
    /// # Errors
    /// When the width of `x` differs from the hidden size, or the weights are on a card.
    pub fn forward(&self, x: &Tensor, prefill: &PrefillRows, cancellation: &Cancellation) -> Result<Tensor> {
        let (n, cols) = x.dims2()?;
        if cols != self.hidden_size() {
            bail!("shape mismatch: input [{n}, {cols}], hidden size {}", self.hidden_size());
        }
        if !self.gate.is_host() {
            bail!("the weights are on a card");
        }
        with_slice(x, |x| {
            let rows: Vec<&[f32]> = x.chunks_exact(cols).collect();
            let mut inner = Vec::new();
            for (segment, is_prefill) in prefill.segments(n) {
                let mut products = GateUp::new(self, &rows[segment], is_prefill);
                GateUp::run(std::slice::from_mut(&mut products), cancellation);
                // A batch of one kind, as most are, is not copied.
                if inner.is_empty() {
                    inner = products.inner;
                } else {
                    inner.extend(products.inner);
                }
            }
            tensor(self.down.matmul(&inner, prefill, cancellation), (n, cols))
        })
    }
}

/// The products of one expert.
pub struct GateUp<'a> {
    mlp: &'a Mlp,
    rows: Rows<'a>,
    tasks: Vec<Range<usize>>,
    /// [tokens, intermediate]
    pub inner: Vec<f32>,
}

/// The tokens, as gate and up take them; the second is `None` when both take the same.
enum Rows<'a> {
    /// Tasks are ranges of blocks of [`ROW_BLOCK`] rows.
    Gemv(Input<'a>, Option<Input<'a>>),
    /// Tasks are those of [`PackedRows::tasks`].
    Tiled(PackedRows, Option<PackedRows>),
}

impl<'a> GateUp<'a> {
    /// `x` [tokens][hidden], all rows of a prefill or none.
    pub fn new(mlp: &'a Mlp, x: &[&'a [f32]], prefill: bool) -> Self {
        let forms = [mlp.gate.prefill_form(), mlp.up.prefill_form()];
        let width = mlp.intermediate_size();
        let (rows, tasks) = if prefill && !forms.contains(&PrefillForm::Gemv) {
            let pack = |form| PackedRows::pack(form, x).expect("a form that packs");
            let gate = pack(forms[0]);
            // Ranges of 16 columns suit both forms.
            let tasks = gate.tasks(&mlp.gate);
            (Rows::Tiled(gate, (forms[0] != forms[1]).then(|| pack(forms[1]))), tasks)
        } else {
            let own = mlp.gate.takes_planes() != mlp.up.takes_planes();
            let tasks = pool::ranges(width.div_ceil(ROW_BLOCK), blocks_of_task(width)).collect();
            (Rows::Gemv(mlp.gate.input(x.to_vec()), own.then(|| mlp.up.input(x.to_vec()))), tasks)
        };
        Self { mlp, rows, tasks, inner: vec![0.0; x.len() * width] }
    }

    /// Computes the products of all experts.
    pub fn run(all: &mut [Self], cancellation: &Cancellation) {
        let mut tasks = Vec::new();
        let mut parts = Vec::with_capacity(all.len());
        for (at, GateUp { mlp, rows, tasks: own, inner }) in all.iter_mut().enumerate() {
            parts.push((&**mlp, &*rows, OutputTiles::new(inner, mlp.intermediate_size())));
            tasks.extend(own.iter().map(|task| (at, task.clone())));
        }
        pool::for_each(tasks.len(), |at| {
            let (expert, task) = &tasks[at];
            let (mlp, rows, out) = &parts[*expert];
            rows.task(mlp, task.clone(), out, cancellation);
        });
    }
}

impl Rows<'_> {
    fn task(&self, mlp: &Mlp, task: Range<usize>, out: &OutputTiles, cancellation: &Cancellation) {
        match self {
            Self::Gemv(gate, up) => {
                gemv_task(mlp, task, [gate, up.as_ref().unwrap_or(gate)], out, cancellation);
            }
            Self::Tiled(gate, up) => {
                // SAFETY: tasks have other columns, and each tile is written once.
                gate.gemm_task(&mlp.gate, task.clone(), cancellation, |tile| unsafe { out.store(&tile) });
                up.as_ref().unwrap_or(gate).gemm_task(&mlp.up, task, cancellation, |tile| {
                    for (row, up) in tile.rows() {
                        // SAFETY: as above, and the product with the gate is complete.
                        silu_mul(unsafe { out.row_mut(row, tile.columns.clone()) }, up);
                    }
                });
            }
        }
    }
}

fn gemv_task(
    mlp: &Mlp,
    task: Range<usize>,
    [gate_input, up_input]: [&Input; 2],
    out: &OutputTiles,
    cancellation: &Cancellation,
) {
    let (n, width) = (gate_input.len(), mlp.intermediate_size());
    let mut scratch = Vec::new();
    let mut products = vec![0.0; 2 * ROW_BLOCK * n];
    for block in task {
        if cancellation.is_cancelled() {
            return;
        }
        let columns = ROW_BLOCK * block..width.min(ROW_BLOCK * (block + 1));
        let (gate, up) = products[..2 * columns.len() * n].split_at_mut(columns.len() * n);
        mlp.gate.gemv_row_block(columns.start, &mut scratch, gate_input, gate);
        mlp.up.gemv_row_block(columns.start, &mut scratch, up_input, up);
        silu_mul(gate, up);
        // SAFETY: tasks have other columns.
        unsafe { out.store_columns(columns, gate) };
    }
}
