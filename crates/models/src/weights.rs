//! From named tensors to the layouts of `kernels`: shapes checked, every stored type read, wide types made smaller when
//! asked, bytes counted by what they are for.
use std::sync::Arc;

use candle_core::Device;
use checkpoint::{Dtype, TensorView, WeightError, WeightSource};
use kernels::moe::ExpertWeights;
use kernels::norm::RmsNorm;
use kernels::weight::BLOCK;
use kernels::{Linear, Weight};

use crate::ledger::{Ledger, Part};
use crate::{LoadError, LoadOptions};

/// Hands out a model's weights and reports how far it is.
pub struct Loader<'a> {
    source: &'a dyn WeightSource,
    options: &'a LoadOptions,
    progress: &'a mut dyn FnMut(u64, u64),
    done: u64,
    total: u64,
    ledger: Ledger,
    /// Takes the place of every part while the prediction layer is loaded.
    everything_is: Option<Part>,
    /// Before every name in the file.
    prefix: &'static str,
}

/// Keeps the mapped file alive as long as a weight reads it.
struct Mapped(TensorView);

impl AsRef<[u8]> for Mapped {
    fn as_ref(&self) -> &[u8] {
        self.0.bytes()
    }
}

/// The smallest type that a matrix may be shrunk to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Least {
    /// Gates: a chosen expert must not change with the size of the file.
    Never,
    /// The up-projection of latent attention stands on both sides of the softmax; what sees is here too.
    Q8,
    /// The head.
    Q6,
    Any,
}

impl<'a> Loader<'a> {
    pub fn new(
        source: &'a dyn WeightSource,
        options: &'a LoadOptions,
        progress: &'a mut dyn FnMut(u64, u64),
    ) -> Self {
        let total = source.total_bytes();
        progress(0, total);
        let (ledger, everything_is) = (Ledger::default(), None);
        Self { source, options, progress, done: 0, total, ledger, everything_is, prefix: "" }
    }

    /// From now on every name is one under `prefix`.
    pub fn within(self, prefix: &'static str) -> Self {
        Self { prefix, ..self }
    }

    pub fn device(&self) -> &Device {
        &self.options.device
    }

    pub fn has(&self, name: &str) -> bool {
        !matches!(self.source.layout(&format!("{}{name}", self.prefix)), Err(WeightError::Missing(_)))
    }

    /// Books everything that `load` reads under one part.
    pub fn all_as<T>(
        &mut self,
        part: Part,
        load: impl FnOnce(&mut Self) -> Result<T, LoadError>,
    ) -> Result<T, LoadError> {
        self.everything_is = Some(part);
        let loaded = load(self);
        self.everything_is = None;
        loaded
    }

    /// `NAME.weight` [rows, cols], and `NAME.bias` [rows] where the family has one.
    pub fn linear(
        &mut self,
        part: Part,
        name: &str,
        [rows, cols]: [usize; 2],
        bias: bool,
    ) -> Result<Linear, LoadError> {
        let weight = self.weight(part, name, [rows, cols])?;
        let bias = if bias { Some(self.vector(part, &format!("{name}.bias"), rows)?) } else { None };
        Ok(Linear::new(weight, bias)?)
    }

    /// `NAME.weight` [rows, cols] as it is stored, or shrunk.
    pub fn weight(&mut self, part: Part, name: &str, [rows, cols]: [usize; 2]) -> Result<Weight, LoadError> {
        self.shaped(part, name, [rows, cols], &[rows, cols])
    }

    /// A matrix that lies in the file under another shape of as many numbers, with its bias.
    pub fn flat_linear(
        &mut self,
        part: Part,
        name: &str,
        [rows, cols]: [usize; 2],
        stored: &[usize],
    ) -> Result<Linear, LoadError> {
        let weight = self.shaped(part, name, [rows, cols], stored)?;
        Ok(Linear::new(weight, Some(self.vector(part, &format!("{name}.bias"), rows)?))?)
    }

    fn shaped(
        &mut self,
        part: Part,
        name: &str,
        [rows, cols]: [usize; 2],
        stored: &[usize],
    ) -> Result<Weight, LoadError> {
        let full = format!("{name}.weight");
        let view = self.view(&full, stored)?;
        let dtype = view.dtype;
        let scales = if dtype == Dtype::F8E4M3 {
            let blocks = [rows.div_ceil(BLOCK), cols.div_ceil(BLOCK)];
            Some(self.view(&format!("{name}.weight_scale_inv"), &blocks)?.to_f32().into())
        } else {
            None
        };
        let failed =
            |error: candle_core::Error| LoadError::Tensor { name: full.clone(), reason: error.to_string() };
        let bytes = Arc::new(Mapped(view));
        let weight = match self.smaller(name, dtype, cols) {
            None => Weight::new(rows, cols, dtype, bytes, scales, &self.options.device),
            Some(smaller) => Weight::new(rows, cols, dtype, bytes, scales, &Device::Cpu)
                .and_then(|wide| wide.requantised(smaller))
                .and_then(|small| small.to_device(&self.options.device)),
        };
        let weight = weight.map_err(failed)?;
        self.book(part, weight.dtype(), weight.bytes());
        Ok(weight)
    }

    /// A vector in f32.
    pub fn vector(&mut self, part: Part, name: &str, len: usize) -> Result<Vec<f32>, LoadError> {
        self.table(part, name, &[len])
    }

    /// Numbers of any shape in f32.
    pub fn table(&mut self, part: Part, name: &str, shape: &[usize]) -> Result<Vec<f32>, LoadError> {
        let values = self.view(name, shape)?.to_f32();
        self.book(part, Dtype::F32, values.len() as u64 * 4);
        Ok(values)
    }

    pub fn norm(&mut self, part: Part, name: &str, len: usize, eps: f64) -> Result<RmsNorm, LoadError> {
        let weight = self.vector(part, &format!("{name}.weight"), len)?;
        Ok(RmsNorm::new(weight, eps, &self.options.device)?)
    }

    /// gate, up and down of one feed-forward network.
    pub fn network(
        &mut self,
        part: Part,
        prefix: &str,
        hidden: usize,
        inner: usize,
    ) -> Result<ExpertWeights, LoadError> {
        let gate = self.weight(part, &format!("{prefix}.gate_proj"), [inner, hidden])?;
        let up = self.weight(part, &format!("{prefix}.up_proj"), [inner, hidden])?;
        let down = self.weight(part, &format!("{prefix}.down_proj"), [hidden, inner])?;
        Ok(ExpertWeights::new(gate, up, down)?)
    }

    pub fn book(&mut self, part: Part, dtype: Dtype, bytes: u64) {
        self.ledger.add(self.everything_is.unwrap_or(part), dtype, bytes);
    }

    /// Ends the progress: what was not read is not needed (copies that the prediction layer brings).
    pub fn finish(self) -> Ledger {
        (self.progress)(self.total, self.total);
        self.ledger
    }

    fn view(&mut self, name: &str, shape: &[usize]) -> Result<TensorView, LoadError> {
        let name = &format!("{}{name}", self.prefix);
        let view = self.source.tensor(name)?;
        if view.shape != shape {
            let (expected, actual) = (shape.to_vec(), view.shape);
            return Err(LoadError::Shape { name: name.to_owned(), expected, actual });
        }
        self.done += view.bytes().len() as u64;
        (self.progress)(self.done.min(self.total), self.total);
        Ok(view)
    }

    /// What a matrix is shrunk to; nothing when it is small already or its rows are no whole blocks. Rows that miss a
    /// block of 256 but are whole blocks of 32 become Q8_0; the ledger's formats show it.
    fn smaller(&self, name: &str, dtype: Dtype, cols: usize) -> Option<Dtype> {
        let target = self.options.shrink?;
        let bits = |dtype: Dtype| dtype.block_bytes() as f64 / dtype.block_len() as f64;
        let floor = match least(name) {
            Least::Never => return None,
            Least::Q8 => Dtype::Q8_0,
            Least::Q6 => Dtype::Q6K,
            Least::Any => target,
        };
        let wanted = if bits(floor) > bits(target) { floor } else { target };
        let fits = |dtype: &Dtype| cols.is_multiple_of(dtype.block_len());
        let is_wide = matches!(dtype, Dtype::F32 | Dtype::F16 | Dtype::BF16 | Dtype::F8E4M3);
        if is_wide { [wanted, Dtype::Q8_0].into_iter().find(fits) } else { None }
    }
}

fn least(name: &str) -> Least {
    // Nobody has measured what a picture loses below that.
    if name.starts_with("vision.") || name.starts_with("projector.") {
        return Least::Q8;
    }
    match name.rsplit('.').next().unwrap_or_default() {
        "gate" => Least::Never,
        "kv_b_proj" => Least::Q8,
        "lm_head" | "eh_proj" => Least::Q6,
        _ => Least::Any,
    }
}
