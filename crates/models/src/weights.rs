//! From named tensors to the weights of `kernels`: checks shapes, reads every storage type, requantizes wide
//! types on request, and accounts the bytes. Knows nothing of architectures.
use std::sync::Arc;

use checkpoint::memory::requantized;
use checkpoint::{Dtype, TensorView, WeightError, WeightSource};
use kernels::moe::Mlp;
use kernels::rms_norm::RmsNorm;
use kernels::weight::FP8_BLOCK;
use kernels::{Linear, Place, Weight, lane};

use crate::ledger::{Ledger, WeightKind};
use crate::{LoadError, LoadOptions};

/// Loads a model's weights by name and reports the progress.
pub struct Loader<'a> {
    source: &'a dyn WeightSource,
    options: &'a LoadOptions,
    progress: &'a mut dyn FnMut(u64, u64),
    done: u64,
    total: u64,
    ledger: Ledger,
    /// Replaces every kind while the MTP layer is loaded.
    kind_override: Option<WeightKind>,
    /// Prepended to every name.
    prefix: &'static str,
    place: Place,
}

/// Keeps the mapped file alive as long as a weight uses it.
struct Mapped(TensorView);

impl AsRef<[u8]> for Mapped {
    fn as_ref(&self) -> &[u8] {
        self.0.bytes()
    }
}

impl<'a> Loader<'a> {
    pub fn new(
        source: &'a dyn WeightSource,
        options: &'a LoadOptions,
        progress: &'a mut dyn FnMut(u64, u64),
    ) -> Self {
        let total = source.total_bytes();
        progress(0, total);
        let (ledger, kind_override) = (Ledger::default(), None);
        let place = options.place.clone();
        Self { source, options, progress, done: 0, total, ledger, kind_override, prefix: "", place }
    }

    /// Prepends `prefix` to every name from now on.
    pub fn with_prefix(self, prefix: &'static str) -> Self {
        Self { prefix, ..self }
    }

    /// Whether experts are read ahead.
    pub fn reads_ahead(&self) -> bool {
        self.options.read_ahead
    }

    /// Where the weights go.
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// Keeps everything that `load` reads in host memory.
    pub fn on_host<T>(
        &mut self,
        load: impl FnOnce(&mut Self) -> Result<T, LoadError>,
    ) -> Result<T, LoadError> {
        let place = std::mem::take(&mut self.place);
        let loaded = load(self);
        self.place = place;
        loaded
    }

    pub fn has(&self, name: &str) -> bool {
        !matches!(self.source.layout(&format!("{}{name}", self.prefix)), Err(WeightError::Missing(_)))
    }

    /// Accounts everything that `load` reads as one kind.
    pub fn with_kind<T>(
        &mut self,
        kind: WeightKind,
        load: impl FnOnce(&mut Self) -> Result<T, LoadError>,
    ) -> Result<T, LoadError> {
        self.kind_override = Some(kind);
        let loaded = load(self);
        self.kind_override = None;
        loaded
    }

    /// `NAME.weight` [rows, cols], and `NAME.bias` [rows] if `bias`.
    pub fn linear(
        &mut self,
        kind: WeightKind,
        name: &str,
        [rows, cols]: [usize; 2],
        bias: bool,
    ) -> Result<Linear, LoadError> {
        let weight = self.weight(kind, name, [rows, cols])?;
        let bias = if bias { Some(self.vector(kind, &format!("{name}.bias"), rows)?) } else { None };
        Ok(Linear::new(weight, bias, &self.place)?)
    }

    /// `NAME.weight` [rows, cols] as it is stored, or requantized.
    pub fn weight(
        &mut self,
        kind: WeightKind,
        name: &str,
        [rows, cols]: [usize; 2],
    ) -> Result<Weight, LoadError> {
        self.load_matrix(kind, name, [rows, cols], &[rows, cols])
    }

    /// A matrix with bias that is stored under another shape of as many elements, such as a convolution.
    pub fn reshaped_linear(
        &mut self,
        kind: WeightKind,
        name: &str,
        [rows, cols]: [usize; 2],
        stored: &[usize],
    ) -> Result<Linear, LoadError> {
        let weight = self.load_matrix(kind, name, [rows, cols], stored)?;
        let bias = self.vector(kind, &format!("{name}.bias"), rows)?;
        Ok(Linear::new(weight, Some(bias), &self.place)?)
    }

    fn load_matrix(
        &mut self,
        kind: WeightKind,
        name: &str,
        [rows, cols]: [usize; 2],
        stored: &[usize],
    ) -> Result<Weight, LoadError> {
        let full = format!("{name}.weight");
        let view = self.view(&full, stored)?;
        let dtype = view.dtype;
        let scales = if dtype == Dtype::F8E4M3 {
            let blocks = [rows.div_ceil(FP8_BLOCK), cols.div_ceil(FP8_BLOCK)];
            Some(self.view(&format!("{name}.weight_scale_inv"), &blocks)?.to_f32().into())
        } else {
            None
        };
        let failed =
            |error: candle_core::Error| LoadError::Tensor { name: full.clone(), reason: error.to_string() };
        let bytes = Arc::new(Mapped(view));
        let weight = match self.options.requantize.and_then(|target| requantized(name, dtype, cols, target)) {
            None => Weight::new(rows, cols, dtype, bytes, scales, &self.place),
            Some(target) => Weight::new(rows, cols, dtype, bytes, scales, &Place::Host)
                .and_then(|weight| weight.requantize(target))
                .and_then(|weight| weight.to_place(&self.place)),
        };
        let weight = weight.map_err(failed)?.with_activations(self.options.activations);
        self.account(kind, weight.dtype(), weight.bytes());
        Ok(weight)
    }

    /// A vector in f32.
    pub fn vector(&mut self, kind: WeightKind, name: &str, len: usize) -> Result<Vec<f32>, LoadError> {
        self.tensor(kind, name, &[len])
    }

    /// A vector in f32, where the weights are.
    pub fn bias(&mut self, kind: WeightKind, name: &str, len: usize) -> Result<lane::Bias, LoadError> {
        Ok(lane::Bias::new(self.vector(kind, name, len)?, &self.place)?)
    }

    /// A tensor of any shape in f32.
    pub fn tensor(&mut self, kind: WeightKind, name: &str, shape: &[usize]) -> Result<Vec<f32>, LoadError> {
        let values = self.view(name, shape)?.to_f32();
        self.account(kind, Dtype::F32, values.len() as u64 * 4);
        Ok(values)
    }

    pub fn norm(&mut self, kind: WeightKind, name: &str, len: usize, eps: f64) -> Result<RmsNorm, LoadError> {
        let weight = self.vector(kind, &format!("{name}.weight"), len)?;
        Ok(RmsNorm::new(weight, eps, &self.place)?)
    }

    /// gate, up and down projection of a SwiGLU MLP.
    pub fn mlp(
        &mut self,
        kind: WeightKind,
        prefix: &str,
        hidden: usize,
        inner: usize,
    ) -> Result<Mlp, LoadError> {
        let gate = self.weight(kind, &format!("{prefix}.gate_proj"), [inner, hidden])?;
        let up = self.weight(kind, &format!("{prefix}.up_proj"), [inner, hidden])?;
        let down = self.weight(kind, &format!("{prefix}.down_proj"), [hidden, inner])?;
        Ok(Mlp::new(gate, up, down)?)
    }

    fn account(&mut self, kind: WeightKind, dtype: Dtype, bytes: u64) {
        self.ledger.add(self.kind_override.unwrap_or(kind), dtype, bytes);
    }

    /// Waits until everything is at its place and completes the progress. Tensors that were not read are not
    /// needed, such as the MTP layer's copies.
    pub fn finish(self) -> Result<Ledger, LoadError> {
        self.place.finish_uploads()?;
        (self.progress)(self.total, self.total);
        Ok(self.ledger)
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
}
