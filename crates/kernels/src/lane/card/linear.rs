//! Embedding, products and dense feed-forward layers. Decode rows use gemv, the rows of a longer prefill the
//! tensor cores; which of them depends on a row's own sequence alone.
use std::ops::Range;

use candle_core::{Result, bail};
use cuda::Ptr;
use cuda::ops::elementwise::{RmsNorm as NormRows, SiluMul};
use cuda::ops::gemm::{self, Product, SplitInput, SplitRows};
use cuda::ops::gemv::{Embed, Gemv};

use super::{CardLane, Rows};
use crate::moe::Mlp;
use crate::rms_norm::RmsNorm;
use crate::{Linear, Weight};

/// A norm as the kernels take it: weight and epsilon.
pub(super) fn norm_params(norm: Option<&RmsNorm>) -> (Ptr<f32>, f32) {
    norm.map_or((Ptr::NULL, 0.0), |norm| (norm.weight.ptr(), norm.eps as f32))
}

/// Rows of activations that were split for the tensor cores. The memory must outlive the launches that read
/// it.
pub(super) struct Split {
    pub input: SplitInput,
    _memory: Rows,
}

impl CardLane<'_> {
    /// A new activation for every row of the batch.
    pub(super) fn new_rows(&self, width: usize) -> Result<Rows> {
        Rows::take(self.memory, self.rows, width)
    }

    pub fn embed(&mut self, weight: &Weight, replaced: &[(usize, &[f32])]) -> Result<Rows> {
        self.rotary()?;
        let out = self.new_rows(weight.cols())?;
        let embed = Embed {
            weight: weight.on_card()?.mat(),
            tokens: self.arrays.tokens,
            out: out.ptr(),
            rows: self.rows as u32,
            out_stride: out.width as u32,
        };
        self.check(embed.launch(self.memory.card()))?;
        for (row, values) in replaced {
            out.write(*row, values)?;
        }
        Ok(out)
    }

    pub fn upload(&mut self, values: &[f32], width: usize) -> Result<Rows> {
        let rows = values.len() / width;
        let fits = values.len() * 4 <= self.scratch.given.bytes();
        let to = match fits {
            true => Rows::fixed(&self.scratch.given, rows, width),
            false => Rows::take(self.memory, rows, width)?,
        };
        to.write(0, values)?;
        Ok(to)
    }

    /// The products of `x`, normed if there is a norm, with each of `linears`, plus `residual` to the first.
    pub fn linears(
        &mut self,
        x: &Rows,
        norm: Option<&RmsNorm>,
        linears: &[&Linear],
        residual: Option<&Rows>,
    ) -> Result<Vec<Rows>> {
        let outs = linears.iter().map(|linear| Rows::take(self.memory, x.rows, linear.weight().rows()));
        let outs = outs.collect::<Result<Vec<_>>>()?;
        for linear in linears {
            if linear.weight().cols() != x.width {
                let (rows, cols) = (linear.weight().rows(), linear.weight().cols());
                bail!("shape mismatch: input [{}, {}], weight [{rows}, {cols}]", x.rows, x.width);
            }
        }
        if residual.is_some_and(|residual| residual.width != outs[0].width) {
            bail!("shape mismatch: residual of another width than the product");
        }
        for (range, on_tensor_cores) in self.product_ranges(x.rows) {
            let part = |rows: &Rows| rows.part(range.start, range.len());
            let x = part(x);
            let residual = residual.map(part);
            let mut products = Vec::with_capacity(linears.len());
            for (linear, out) in linears.iter().zip(&outs) {
                let bias = linear.bias().map_or(Ptr::NULL, |bias| bias.ptr());
                let (weight, y) = (linear.weight().on_card()?.mat(), part(out).ptr());
                products.push(Product { weight, bias, y, y_stride: out.width as u32 });
            }
            if on_tensor_cores {
                let split = self.split(&x, norm)?;
                self.split_products(&split, x.rows, &products, residual.as_ref())?;
            } else {
                self.check(self.gemv(&x, norm, residual.as_ref()).launch(self.memory.card(), &products))?;
            }
        }
        Ok(outs)
    }

    /// The rows of an activation in ranges, each with whether its products are computed on tensor cores. An
    /// activation of fewer rows than the batch is an output, which always uses gemv.
    pub(super) fn product_ranges(&self, rows: usize) -> Vec<(Range<usize>, bool)> {
        if rows != self.rows { vec![(0..rows, false)] } else { self.ranges() }
    }

    pub(super) fn gemv(&self, x: &Rows, norm: Option<&RmsNorm>, residual: Option<&Rows>) -> Gemv {
        let (norm, eps) = norm_params(norm);
        Gemv {
            x: x.ptr(),
            x_stride: x.width as u32,
            rows: x.rows as u32,
            norm,
            eps,
            residual: residual.map_or(Ptr::NULL, Rows::ptr),
            residual_stride: residual.map_or(0, |r| r.width as u32),
        }
    }

    /// Splits the rows of `x` for the tensor cores.
    pub(super) fn split(&self, x: &Rows, norm: Option<&RmsNorm>) -> Result<Split> {
        let memory = Rows::take(self.memory, 1, SplitInput::bytes(x.rows, x.width).div_ceil(4))?;
        let input = SplitInput::at(memory.ptr().cast(), x.rows, x.width);
        let (norm, eps) = norm_params(norm);
        let split = SplitRows {
            x: x.ptr(),
            norm,
            high: input.high,
            low: input.low,
            sums: input.sums,
            inverse: input.inverse,
            rows: x.rows as u32,
            cols: x.width as u32,
            x_stride: x.width as u32,
            width: input.width,
            groups: input.groups,
            eps,
        };
        self.check(split.launch(self.memory.card()))?;
        Ok(Split { input, _memory: memory })
    }

    /// One launch for neighbours of the same format.
    fn split_products(
        &self,
        split: &Split,
        rows: usize,
        products: &[Product],
        residual: Option<&Rows>,
    ) -> Result<()> {
        let mut residual = residual.map_or(Ptr::NULL, Rows::ptr);
        for same in products.chunk_by(|a, b| a.weight.format == b.weight.format) {
            let card = self.memory.card();
            self.check(gemm::products(card, split.input, rows, same, residual))?;
            residual = Ptr::NULL;
        }
        Ok(())
    }

    pub fn concat_linear(
        &mut self,
        parts: [&Rows; 2],
        norms: [&RmsNorm; 2],
        linear: &Linear,
    ) -> Result<Rows> {
        let width = parts[0].width + parts[1].width;
        let pair = Rows::take(self.memory, parts[0].rows, width)?;
        let mut first = 0;
        for (part, norm) in parts.into_iter().zip(norms) {
            self.norm_into(part, norm, pair.ptr().offset(first), width)?;
            first += part.width;
        }
        Ok(self.linears(&pair, None, &[linear], None)?.remove(0))
    }

    /// The norm of `x` as rows of `out`, which are `stride` values apart.
    pub(super) fn norm_into(&self, x: &Rows, norm: &RmsNorm, out: Ptr<f32>, stride: usize) -> Result<()> {
        let (weight, eps) = norm_params(Some(norm));
        let norm = NormRows {
            x: x.ptr(),
            weight,
            out,
            rows: x.rows as u32,
            width: x.width as u32,
            x_stride: x.width as u32,
            out_stride: stride as u32,
            eps,
            pad: 0,
        };
        self.check(norm.launch(self.memory.card()))
    }

    pub fn mlp_add(&mut self, x: &Rows, norm: &RmsNorm, mlp: &Mlp) -> Result<Rows> {
        let out = self.new_rows(x.width)?;
        for (range, on_tensor_cores) in self.ranges() {
            let part = |rows: &Rows| rows.part(range.start, range.len());
            self.mlp(&part(x), Some(norm), mlp, &part(&out), Some(&part(x)), on_tensor_cores)?;
        }
        self.throttle()?;
        Ok(out)
    }

    /// `out = residual + down(silu(gate x) * up x)`.
    pub(super) fn mlp(
        &self,
        x: &Rows,
        norm: Option<&RmsNorm>,
        mlp: &Mlp,
        out: &Rows,
        residual: Option<&Rows>,
        on_tensor_cores: bool,
    ) -> Result<()> {
        if mlp.hidden_size() != x.width {
            bail!("shape mismatch: input of {}, hidden size {}", x.width, mlp.hidden_size());
        }
        let card = self.memory.card();
        let inner = Rows::take(self.memory, x.rows, mlp.intermediate_size())?;
        let product = |weight: &Weight, y: &Rows| -> Result<Product> {
            let weight = weight.on_card()?.mat();
            Ok(Product { weight, bias: Ptr::NULL, y: y.ptr(), y_stride: y.width as u32 })
        };
        let same_format = mlp.gate.dtype() == mlp.up.dtype();
        let up_rows = if same_format { None } else { Some(Rows::take(self.memory, x.rows, inner.width)?) };
        let pair = [product(&mlp.gate, &inner)?, product(&mlp.up, up_rows.as_ref().unwrap_or(&inner))?];
        if on_tensor_cores {
            let split = self.split(x, norm)?;
            match same_format {
                true => self.check(gemm::product_pair(card, split.input, x.rows, pair))?,
                false => self.split_products(&split, x.rows, &pair, None)?,
            }
        } else {
            let gemv = self.gemv(x, norm, None);
            match same_format {
                true => self.check(gemv.launch_silu(card, pair))?,
                false => self.check(gemv.launch(card, &pair))?,
            }
        }
        if let Some(up) = &up_rows {
            let stride = inner.width as u32;
            let silu = SiluMul {
                gate: inner.ptr(),
                up: up.ptr(),
                out: inner.ptr(),
                rows: inner.rows as u32,
                cols: stride,
                gate_stride: stride,
                up_stride: stride,
                out_stride: stride,
                pad: 0,
            };
            self.check(silu.launch(card))?;
        }
        let down = [product(&mlp.down, out)?];
        if on_tensor_cores {
            let split = self.split(&inner, None)?;
            self.split_products(&split, x.rows, &down, residual)
        } else {
            self.check(self.gemv(&inner, None, residual).launch(card, &down))
        }
    }
}
