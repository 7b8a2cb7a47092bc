//! The tensors of a GGUF file under their published names and in the published order of rows. What lies in the file as it
//! is needed is handed out in place; three things are made when they are asked for: rows put back in order, the two parts
//! of `kv_b_proj` joined, and one expert of a stack (in place too).
use std::collections::BTreeMap;

use formats::Dtype;

use super::names::{Meaning, meaning};
use super::{Gguf, Metadata, Refusal, architecture, integer, refused};
use crate::{TensorView, WeightError, WeightSource};

/// Far above the 256 of R1: every expert has three names.
const MOST_EXPERTS: usize = 1024;

/// An open file as a source of weights.
#[derive(Debug)]
pub struct GgufWeights {
    tensors: BTreeMap<String, Entry>,
    total: u64,
}

#[derive(Debug)]
enum Entry {
    Plain(TensorView),
    Expert { stack: TensorView, at: usize },
    PairedHeads { view: TensorView, heads: usize },
    Joined(Joined),
}

/// `kv_b_proj` in two parts, each with a slice for every head.
#[derive(Debug)]
struct Joined {
    /// [heads, latent, nope]
    keys: TensorView,
    /// [heads, value, latent]
    values: TensorView,
}

#[derive(Default)]
struct Parts {
    keys: Option<TensorView>,
    values: Option<TensorView>,
}

impl GgufWeights {
    /// Gives every tensor its published name.
    ///
    /// # Errors
    /// A tensor of unknown name, or one whose shape is not what its name says.
    pub fn new(gguf: Gguf) -> Result<Self, WeightError> {
        let Gguf { metadata, tensors, path } = gguf;
        let invalid = |reason: String| WeightError::Invalid { path: path.clone(), reason };
        let architecture = architecture(&metadata).map_err(|refusal| refused(&path, refusal))?;
        let heads = Heads { metadata: &metadata, architecture };
        let mut found = BTreeMap::new();
        let mut parts: BTreeMap<u32, Parts> = BTreeMap::new();
        let mut add = |name: String, entry| match found.insert(name.clone(), entry) {
            Some(_) => Err(invalid(format!("two of its tensors are {name}"))),
            None => Ok(()),
        };
        for (name, view) in tensors {
            let known = meaning(architecture, &name);
            // Without it a part of the model would be missing.
            let known = known.ok_or_else(|| {
                let field = format!("tensor {name}");
                refused(&path, Refusal::unsupported(field, format!("unknown for {architecture}")))
            })?;
            match known {
                Meaning::Plain(published) => add(published, Entry::Plain(view))?,
                Meaning::RopeFactors => {}
                Meaning::KeyPart { layer } => parts.entry(layer).or_default().keys = Some(view),
                Meaning::ValuePart { layer } => parts.entry(layer).or_default().values = Some(view),
                Meaning::PairedHeads { name: published, keys } => {
                    let heads = heads.count(keys).filter(|heads| view.shape[0].is_multiple_of(2 * heads));
                    let heads = heads.ok_or_else(|| {
                        invalid(format!(
                            "tensor {name} has {} rows, which its heads do not divide",
                            view.shape[0]
                        ))
                    })?;
                    add(published, Entry::PairedHeads { view, heads })?;
                }
                Meaning::Experts { before, after } => {
                    if view.shape.len() != 3 || view.shape[0] > MOST_EXPERTS {
                        return Err(invalid(format!(
                            "tensor {name} has shape {:?}, no stack of experts",
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
            // Some files keep the whole beside the parts; the whole is what the parts were made of.
            if found.contains_key(&name) {
                continue;
            }
            let joined = parts
                .join(heads.count(false))
                .map_err(|reason| invalid(format!("layer {layer} {reason}")))?;
            found.insert(name, Entry::Joined(joined));
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
            Entry::PairedHeads { view, heads } => halves_from_pairs(view, *heads),
            Entry::Joined(joined) => joined.view(),
        })
    }

    fn layout(&self, name: &str) -> Result<(Dtype, Vec<usize>), WeightError> {
        Ok(match self.entry(name)? {
            Entry::Plain(view) | Entry::PairedHeads { view, .. } => (view.dtype, view.shape.clone()),
            Entry::Expert { stack, .. } => (stack.dtype, stack.shape[1..].to_vec()),
            Entry::Joined(joined) => (joined.dtype(), joined.shape()),
        })
    }

    fn total_bytes(&self) -> u64 {
        self.total
    }
}

impl Entry {
    /// Bytes of what is handed out.
    fn bytes(&self) -> u64 {
        let bytes = match self {
            Self::Plain(view) | Self::PairedHeads { view, .. } => view.bytes().len(),
            Self::Expert { stack, .. } => stack.bytes().len() / stack.shape[0],
            Self::Joined(joined) => (joined.keys.len() + joined.values.len()) * joined.dtype().block_bytes(),
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

/// Rows (2i, 2i+1) of a head become rows (i, i + half): whole rows move, so that quantised ones stay as they are.
fn halves_from_pairs(view: &TensorView, heads: usize) -> TensorView {
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

impl Parts {
    /// The parts with a dimension for heads, which some converters fold into the rows.
    fn join(self, heads: Option<usize>) -> Result<Joined, String> {
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
        Ok(Joined { keys, values })
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

impl Joined {
    /// What the whole is stored as: the parts' type where it is one of numbers, else f16, which holds every value that
    /// a block can stand for closely enough for attention.
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

    /// For each head the rows of keys, then those of values.
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
