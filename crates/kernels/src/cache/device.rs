//! Pages in tensors, for devices whose memory the CPU cannot address: the parts of a record are tensors of
//! their own, so that tensor operations write and read them. A slot is the index of a token, as in vLLM's
//! slot mapping: `page * 64 + position % 64`.
use candle_core::{DType, Device, Result, Tensor};
use formats::E4M3;
use half::bf16;

use super::{CacheDtype, E4M3_MAX, PAGE_TOKENS, RecordLayout};

/// The least exponent in the table of scales: that of the least normal f32.
const LOWEST_EXPONENT: i32 = -126;

pub struct DevicePages {
    layout: RecordLayout,
    device: Device,
    /// The parts of a record in order, per layer, each [slots, part].
    layers: Vec<Vec<Tensor>>,
    /// The 256 values of e4m3.
    values: Tensor,
    /// Powers of two from 2^-126 to 2^127.
    powers_of_two: Tensor,
}

/// One part of a record.
struct Part {
    count: usize,
    dtype: DType,
}

fn parts(layout: &RecordLayout) -> Vec<Part> {
    let all = [
        (if layout.dtype == CacheDtype::Fp8 { layout.quantised } else { 0 }, DType::U8),
        (if layout.dtype == CacheDtype::Fp8 { layout.groups() } else { 0 }, DType::F32),
        (if layout.dtype == CacheDtype::F32 { layout.width() } else { 0 }, DType::F32),
        match layout.dtype {
            CacheDtype::F32 => (0, DType::BF16),
            CacheDtype::Bf16 => (layout.width(), DType::BF16),
            CacheDtype::Fp8 => (layout.unquantised, DType::BF16),
        },
    ];
    let filled = all.into_iter().filter(|(count, _)| *count > 0);
    filled.map(|(count, dtype)| Part { count, dtype }).collect()
}

impl DevicePages {
    pub fn new(layout: RecordLayout, layers: usize, pages: usize, device: &Device) -> Result<Self> {
        let slots = pages * PAGE_TOKENS;
        let layer = || {
            let tensors = parts(&layout).into_iter();
            tensors.map(|part| Tensor::zeros((slots, part.count), part.dtype, device)).collect()
        };
        let powers_of_two: Vec<f32> = (LOWEST_EXPONENT..=127).map(|e| 2f32.powi(e)).collect();
        Ok(Self {
            layout,
            device: device.clone(),
            layers: (0..layers).map(|_| layer()).collect::<Result<_>>()?,
            values: Tensor::from_slice(&E4M3, 256, device)?,
            powers_of_two: Tensor::new(powers_of_two, device)?,
        })
    }

    pub fn device(&self) -> &Device {
        &self.device
    }

    /// Writes `rows` [T, width], page by page.
    pub fn write(&self, pages: &[u32], layer: usize, first: usize, rows: &Tensor) -> Result<()> {
        let encoded = self.encode(rows)?;
        let (mut done, tokens) = (0, rows.dim(0)?);
        while done < tokens {
            let position = first + done;
            let offset = position % PAGE_TOKENS;
            let run = (PAGE_TOKENS - offset).min(tokens - done);
            let slot = pages[position / PAGE_TOKENS] as usize * PAGE_TOKENS + offset;
            for (store, part) in self.layers[layer].iter().zip(&encoded) {
                store.slice_set(&part.narrow(0, done, run)?, 0, slot)?;
            }
            done += run;
        }
        Ok(())
    }

    /// The rows [tokens, width] of `tokens` positions from `first` on, in f32.
    pub fn gather(&self, pages: &[u32], layer: usize, first: usize, tokens: usize) -> Result<Tensor> {
        let slot = |position: usize| {
            pages[position / PAGE_TOKENS] * PAGE_TOKENS as u32 + (position % PAGE_TOKENS) as u32
        };
        let slots: Vec<u32> = (first..first + tokens).map(slot).collect();
        let slots = Tensor::new(slots, &self.device)?;
        let parts: Vec<Tensor> =
            self.layers[layer].iter().map(|part| part.index_select(&slots, 0)).collect::<Result<_>>()?;
        self.decode(&parts)
    }

    pub fn copy_page(&self, from: u32, to: u32) -> Result<()> {
        if from == to {
            return Ok(());
        }
        for part in self.layers.iter().flatten() {
            let page = part.narrow(0, from as usize * PAGE_TOKENS, PAGE_TOKENS)?.copy()?;
            part.slice_set(&page, 0, to as usize * PAGE_TOKENS)?;
        }
        Ok(())
    }

    pub fn read_page(&self, page: u32) -> Result<Vec<u8>> {
        let mut bytes = Vec::with_capacity(self.layers.len() * PAGE_TOKENS * self.layout.bytes());
        for layer in &self.layers {
            let mut columns = Vec::new();
            for part in layer {
                let cells = part.narrow(0, page as usize * PAGE_TOKENS, PAGE_TOKENS)?.flatten_all()?;
                let cells: Vec<u8> = match part.dtype() {
                    DType::U8 => cells.to_vec1()?,
                    DType::BF16 => cells.to_vec1::<bf16>()?.iter().flat_map(|x| x.to_le_bytes()).collect(),
                    _ => cells.to_vec1::<f32>()?.iter().flat_map(|x| x.to_le_bytes()).collect(),
                };
                columns.push(cells);
            }
            for token in 0..PAGE_TOKENS {
                for cells in &columns {
                    let width = cells.len() / PAGE_TOKENS;
                    bytes.extend_from_slice(&cells[token * width..][..width]);
                }
            }
        }
        Ok(bytes)
    }

    /// `bytes` must have the length of a page.
    pub fn restore_page(&self, page: u32, bytes: &[u8]) -> Result<()> {
        let record = self.layout.bytes();
        for (layer, bytes) in self.layers.iter().zip(bytes.chunks_exact(PAGE_TOKENS * record)) {
            let mut start = 0;
            for part in layer {
                let count = part.dim(1)?;
                let width = count * part.dtype().size_in_bytes();
                let cells: Vec<u8> =
                    bytes.chunks_exact(record).flat_map(|r| &r[start..start + width]).copied().collect();
                let cells =
                    Tensor::from_raw_buffer(&cells, part.dtype(), &[PAGE_TOKENS, count], &self.device)?;
                part.slice_set(&cells, 0, page as usize * PAGE_TOKENS)?;
                start += width;
            }
        }
        Ok(())
    }

    fn encode(&self, rows: &Tensor) -> Result<Vec<Tensor>> {
        let RecordLayout { quantised, unquantised, .. } = self.layout;
        match self.layout.dtype {
            CacheDtype::F32 => Ok(vec![rows.contiguous()?]),
            CacheDtype::Bf16 => Ok(vec![rows.to_dtype(DType::BF16)?.contiguous()?]),
            CacheDtype::Fp8 => {
                let grouped = self.grouped(&rows.narrow(1, 0, quantised)?)?; // [T, groups, group]
                let scales = self.scales(&grouped.abs()?.max_keepdim(2)?)?; // [T, groups, 1]
                let codes = e4m3_codes(&grouped.broadcast_div(&scales)?)?;
                let tokens = rows.dim(0)?;
                let codes = codes.reshape((tokens, ()))?.narrow(1, 0, quantised)?.contiguous()?;
                let mut parts = vec![codes, scales.squeeze(2)?.contiguous()?];
                if unquantised > 0 {
                    parts.push(rows.narrow(1, quantised, unquantised)?.to_dtype(DType::BF16)?.contiguous()?);
                }
                Ok(parts)
            }
        }
    }

    fn decode(&self, parts: &[Tensor]) -> Result<Tensor> {
        if self.layout.dtype != CacheDtype::Fp8 {
            return parts[0].to_dtype(DType::F32);
        }
        let (tokens, quantised) = parts[0].dims2()?;
        let values = self.values.index_select(&parts[0].flatten_all()?, 0)?.reshape((tokens, quantised))?;
        let values = self.grouped(&values)?.broadcast_mul(&parts[1].unsqueeze(2)?)?;
        let values = values.reshape((tokens, ()))?.narrow(1, 0, quantised)?;
        match parts.get(2) {
            None => values.contiguous(),
            Some(unquantised) => Tensor::cat(&[&values, &unquantised.to_dtype(DType::F32)?], 1),
        }
    }

    /// [T, quantised] -> [T, groups, group], the last group padded with zeros.
    fn grouped(&self, quantised: &Tensor) -> Result<Tensor> {
        let (tokens, width) = quantised.dims2()?;
        let (groups, group) = (self.layout.groups(), self.layout.group);
        let filled = quantised.pad_with_zeros(1, 0, groups * group - width)?;
        filled.contiguous()?.reshape((tokens, groups, group))
    }

    /// The smallest power of two that is not below `largest / 448`. The logarithm gives an exponent that may
    /// be off by one in either direction; the table keeps the powers exact.
    fn scales(&self, largest: &Tensor) -> Result<Tensor> {
        let target = (largest / f64::from(E4M3_MAX))?;
        let shape = target.shape().clone();
        let target = target.flatten_all()?.clamp(f32::MIN_POSITIVE, f32::MAX / 2.0)?;
        let guess = (target.log()? / std::f64::consts::LN_2)?.ceil()?.clamp(-125f32, 126f32)?;
        let index = (guess - f64::from(LOWEST_EXPONENT))?.to_dtype(DType::U32)?;
        let guess = self.powers_of_two.index_select(&index, 0)?;
        let (half, double) = ((&guess * 0.5)?, (&guess * 2.0)?);
        let up = target.gt(&guess)?.where_cond(&double, &guess)?;
        target.le(&half)?.where_cond(&half, &up)?.reshape(shape)
    }
}

/// The nearest e4m3 codes of values within 448, ties to even, in tensor operations.
fn e4m3_codes(x: &Tensor) -> Result<Tensor> {
    let magnitude = x.abs()?;
    // The number of powers 2^-5 .. 2^8 that a magnitude reaches is its exponent; subnormals and 2^-6 have
    // zero.
    let mut exponent = magnitude.zeros_like()?;
    let mut step = (magnitude.ones_like()? * 2f64.powi(-9))?;
    for e in -5..=8 {
        let reaches = magnitude.ge(2f32.powi(e))?.to_dtype(DType::F32)?;
        exponent = (exponent + &reaches)?;
        step = (&step + (&step * &reaches)?)?;
    }
    // Adding 1.5 * 2^23 leaves no fraction bits, so the addition rounds to the nearest even integer.
    let magic = 12_582_912.0;
    let steps = (((magnitude / step)? + magic)? - magic)?;
    let sign = (x.lt(0f32)?.to_dtype(DType::F32)? * 128.0)?;
    ((exponent * 8.0)? + steps + sign)?.to_dtype(DType::U8)
}
