//! The tensors of a GGUF file under their published names and in the published row order. Most are views of
//! the file, including the experts of a stack. Two are built on request: de-interleaved heads, and
//! `kv_b_proj` merged from its two parts.
use std::collections::BTreeMap;

use formats::Dtype;

use super::tensor_map::{TensorMapping, map_tensor};
use super::{Gguf, Metadata, MetadataError, architecture, integer, metadata_error};
use crate::{TensorView, WeightError, WeightSource};

/// Far above the 256 of R1. The limit bounds the map, because every expert has three names.
const MAX_EXPERTS: usize = 1024;

/// An open GGUF file as a weight source.
#[derive(Debug)]
pub struct GgufWeights {
    tensors: BTreeMap<String, Entry>,
    total: u64,
}

#[derive(Debug)]
enum Entry {
    Plain(TensorView),
    Expert { stack: TensorView, at: usize },
    InterleavedHeads { view: TensorView, heads: usize },
    KvBProj(KvBProj),
}

/// `kv_b_proj` in two parts, each with a slice per head.
#[derive(Debug)]
struct KvBProj {
    /// [heads, latent, nope]
    keys: TensorView,
    /// [heads, value, latent]
    values: TensorView,
}

#[derive(Default)]
struct KvBParts {
    keys: Option<TensorView>,
    values: Option<TensorView>,
}

impl GgufWeights {
    /// Maps all tensors to their published names.
    ///
    /// # Errors
    /// A tensor with an unknown name or a shape that does not match its name.
    pub fn new(gguf: Gguf) -> Result<Self, WeightError> {
        let Gguf { metadata, tensors, path } = gguf;
        let invalid = |reason: String| WeightError::Invalid { path: path.clone(), reason };
        let architecture = architecture(&metadata).map_err(|error| metadata_error(&path, error))?;
        let heads = Heads { metadata: &metadata, architecture };
        let mut found = BTreeMap::new();
        let mut parts: BTreeMap<u32, KvBParts> = BTreeMap::new();
        let mut add = |name: String, entry| match found.insert(name.clone(), entry) {
            Some(_) => Err(invalid(format!("two of its tensors are {name}"))),
            None => Ok(()),
        };
        for (name, view) in tensors {
            let known = map_tensor(architecture, &name);
            // An unknown tensor is an error: ignoring it would drop a part of the model.
            let known = known.ok_or_else(|| {
                let field = format!("tensor {name}");
                metadata_error(
                    &path,
                    MetadataError::unsupported(field, format!("unknown for {architecture}")),
                )
            })?;
            match known {
                TensorMapping::Plain(published) => add(published, Entry::Plain(view))?,
                TensorMapping::RopeFreqs => {}
                TensorMapping::AttnKB { layer } => parts.entry(layer).or_default().keys = Some(view),
                TensorMapping::AttnVB { layer } => parts.entry(layer).or_default().values = Some(view),
                TensorMapping::InterleavedHeads { name: published, keys } => {
                    let heads = heads.count(keys).filter(|heads| view.shape[0].is_multiple_of(2 * heads));
                    let heads = heads.ok_or_else(|| {
                        invalid(format!(
                            "tensor {name} has {} rows, which its heads do not divide",
                            view.shape[0]
                        ))
                    })?;
                    add(published, Entry::InterleavedHeads { view, heads })?;
                }
                TensorMapping::Experts { before, after } => {
                    if view.shape.len() != 3 || view.shape[0] > MAX_EXPERTS {
                        return Err(invalid(format!(
                            "tensor {name} has shape {:?}, not a stack of experts",
                            view.shape
                        )));
                    }
                    for at in 0..view.shape[0] {
                        add(format!("{before}{at}{after}"), Entry::Expert { stack: view.clone(), at })?;
                    }
                }
            }
        }
        for (layer, parts) in parts {
            let name = format!("model.layers.{layer}.self_attn.kv_b_proj.weight");
            // Some files also have the original kv_b_proj, which is preferred.
            if found.contains_key(&name) {
                continue;
            }
            let joined = parts
                .join(heads.count(false))
                .map_err(|reason| invalid(format!("layer {layer} {reason}")))?;
            found.insert(name, Entry::KvBProj(joined));
        }
        let total = found.values().map(Entry::bytes).sum();
        Ok(Self { tensors: found, total })
    }

    fn entry(&self, name: &str) -> Result<&Entry, WeightError> {
        self.tensors.get(name).ok_or_else(|| WeightError::Missing(name.to_owned()))
    }
}

impl WeightSource for GgufWeights {
    fn names(&self) -> Vec<String> {
        self.tensors.keys().cloned().collect()
    }

    fn tensor(&self, name: &str) -> Result<TensorView, WeightError> {
        Ok(match self.entry(name)? {
            Entry::Plain(view) => view.clone(),
            Entry::Expert { stack, at } => stack.part(*at),
            Entry::InterleavedHeads { view, heads } => deinterleave_heads(view, *heads),
            Entry::KvBProj(joined) => joined.view(),
        })
    }

    fn layout(&self, name: &str) -> Result<(Dtype, Vec<usize>), WeightError> {
        Ok(match self.entry(name)? {
            Entry::Plain(view) | Entry::InterleavedHeads { view, .. } => (view.dtype, view.shape.clone()),
            Entry::Expert { stack, .. } => (stack.dtype, stack.shape[1..].to_vec()),
            Entry::KvBProj(joined) => (joined.dtype(), joined.shape()),
        })
    }

    fn total_bytes(&self) -> u64 {
        self.total
    }
}

impl Entry {
    /// Bytes of the returned tensor.
    fn bytes(&self) -> u64 {
        let bytes = match self {
            Self::Plain(view) | Self::InterleavedHeads { view, .. } => view.bytes().len(),
            Self::Expert { stack, .. } => stack.bytes().len() / stack.shape[0],
            Self::KvBProj(joined) => (joined.keys.len() + joined.values.len()) * joined.dtype().block_bytes(),
        };
        bytes as u64
    }
}

struct Heads<'a> {
    metadata: &'a Metadata,
    architecture: &'a str,
}

impl Heads<'_> {
    fn count(&self, keys: bool) -> Option<usize> {
        let get = |name: &str| integer(self.metadata, &format!("{}.attention.{name}", self.architecture));
        let all = get("head_count");
        let count = if keys { get("head_count_kv").or(all) } else { all };
        count.and_then(|count| usize::try_from(count).ok()).filter(|count| (1..=1 << 16).contains(count))
    }
}

/// De-interleaves rotary pairs: rows (2i, 2i+1) of a head become rows (i, i + half). Only whole rows move, so
/// quantised rows stay valid.
fn deinterleave_heads(view: &TensorView, heads: usize) -> TensorView {
    let bytes = view.bytes();
    let rows = view.shape[0];
    let (row, half) = (bytes.len() / rows, rows / heads / 2);
    let mut out = Vec::with_capacity(bytes.len());
    for head in 0..heads {
        for side in 0..2 {
            for at in 0..half {
                let from = (head * 2 * half + 2 * at + side) * row;
                out.extend_from_slice(&bytes[from..from + row]);
            }
        }
    }
    TensorView::owned(view.dtype, view.shape.clone(), out)
}

impl KvBParts {
    /// Both parts with a dimension for heads, which some converters fold into the rows.
    fn join(self, heads: Option<usize>) -> Result<KvBProj, String> {
        let (Some(keys), Some(values)) = (self.keys, self.values) else {
            return Err("has only one of attn_k_b and attn_v_b, and no attn_kv_b".to_owned());
        };
        let heads = heads.ok_or("has an attention without attention.head_count")?;
        let (keys, values) = (by_heads(keys, heads)?, by_heads(values, heads)?);
        if keys.shape[1] != values.shape[2] {
            return Err(format!(
                "has attn_k_b {:?} and attn_v_b {:?}, which do not match",
                keys.shape, values.shape
            ));
        }
        Ok(KvBProj { keys, values })
    }
}

fn by_heads(view: TensorView, heads: usize) -> Result<TensorView, String> {
    let shape = match *view.shape {
        [first, rows, cols] if first == heads => vec![first, rows, cols],
        [rows, cols] if rows.is_multiple_of(heads) => vec![heads, rows / heads, cols],
        _ => return Err(format!("has a part of kv_b_proj of shape {:?} for {heads} heads", view.shape)),
    };
    Ok(view.reshaped(shape))
}

impl KvBProj {
    /// The type of the merged tensor: that of the parts if it is f32 or bf16, else f16, which is precise
    /// enough for the dequantised values in attention.
    fn dtype(&self) -> Dtype {
        match (self.keys.dtype, self.values.dtype) {
            (Dtype::F32, _) | (_, Dtype::F32) => Dtype::F32,
            (Dtype::BF16, Dtype::BF16) => Dtype::BF16,
            _ => Dtype::F16,
        }
    }

    /// [heads * (nope + value), latent]
    fn shape(&self) -> Vec<usize> {
        let [heads, latent, nope] = self.keys.shape[..] else { unreachable!("made of three dimensions") };
        vec![heads * (nope + self.values.shape[1]), latent]
    }

    /// For each head the key rows, then the value rows.
    fn view(&self) -> TensorView {
        let (keys, values) = (self.keys.to_f32(), self.values.to_f32());
        let (heads, latent, nope) = (self.keys.shape[0], self.keys.shape[1], self.keys.shape[2]);
        let value = self.values.shape[1];
        let mut out = Vec::with_capacity(keys.len() + values.len());
        for head in 0..heads {
            let keys = &keys[head * latent * nope..][..latent * nope];
            for row in 0..nope {
                out.extend((0..latent).map(|at| keys[at * nope + row]));
            }
            out.extend_from_slice(&values[head * value * latent..][..value * latent]);
        }
        let mut bytes = Vec::new();
        formats::encode(self.dtype(), &out, &mut bytes);
        TensorView::owned(self.dtype(), self.shape(), bytes)
    }
}
