//! Tensors in host memory as slices and back, for the fused operations.
//! Neither direction copies the values of a contiguous tensor.
use candle_core::{Device, Result, Shape, Storage, Tensor, bail};

/// Calls `work` with the values of `x`, an f32 tensor in host memory.
pub(crate) fn with_slice<R>(x: &Tensor, work: impl FnOnce(&[f32]) -> Result<R>) -> Result<R> {
    let x = x.contiguous()?;
    let (storage, layout) = x.storage_and_layout();
    let Storage::Cpu(storage) = &*storage else { bail!("the tensor is on a device") };
    let Some((start, end)) = layout.contiguous_offsets() else { bail!("the tensor is not contiguous") };
    work(&storage.as_slice::<f32>()?[start..end])
}

/// A tensor around `values`, without copying them.
pub(crate) fn tensor(values: Vec<f32>, shape: impl Into<Shape>) -> Result<Tensor> {
    Tensor::from_vec(values, shape.into(), &Device::Cpu)
}
