//! The vision tower: SigLIP-so400m, a transformer over a plain grid of patches with learned positions, without class
//! token and without head. Pixels beyond the last whole patch are not seen.
use candle_core::{D, Tensor};
use checkpoint::VisionConfig;
use kernels::Linear;

use crate::LoadError;
use crate::ledger::Part;
use crate::weights::Loader;

const EPS: f64 = 1e-6;

pub struct Siglip {
    patch_embed: Linear,
    /// [patches, width]
    pos_embed: Tensor,
    blocks: Vec<Block>,
    norm: LayerNorm,
    config: VisionConfig,
}

struct Block {
    norm1: LayerNorm,
    qkv: Linear,
    proj: Linear,
    norm2: LayerNorm,
    fc1: Linear,
    fc2: Linear,
    heads: usize,
}

struct LayerNorm {
    weight: Tensor,
    bias: Tensor,
}

impl Siglip {
    pub fn load(config: &VisionConfig, loader: &mut Loader) -> Result<Self, LoadError> {
        let (width, patch) = (config.width, config.patch_size);
        let places = config.grid() * config.grid();
        let positions = loader.table(Part::Vision, "vision.pos_embed", &[1, places, width])?;
        let pos_embed = Tensor::from_vec(positions, (places, width), loader.device())?;
        let patch_embed = loader.flat_linear(
            Part::Vision,
            "vision.patch_embed.proj",
            [width, 3 * patch * patch],
            &[width, 3, patch, patch],
        )?;
        let blocks = (0..config.layers)
            .map(|layer| Block::load(config, &format!("vision.blocks.{layer}"), loader))
            .collect::<Result<_, _>>()?;
        let norm = LayerNorm::load(loader, "vision.norm", width)?;
        Ok(Self { patch_embed, pos_embed, blocks, norm, config: *config })
    }

    /// One tile `pixels` [3, side, side] -> [patches, width]. `cancelled` is asked before each layer.
    pub fn forward(
        &self,
        pixels: &[f32],
        cancelled: &dyn Fn() -> bool,
    ) -> candle_core::Result<Option<Tensor>> {
        let (grid, columns) = (self.config.grid(), 3 * self.config.patch_size * self.config.patch_size);
        let patches =
            Tensor::from_vec(self.patches(pixels), (grid * grid, columns), self.pos_embed.device())?;
        let mut x = (self.patch_embed.forward(&patches)? + &self.pos_embed)?;
        for block in &self.blocks {
            if cancelled() {
                return Ok(None);
            }
            x = block.forward(&x)?;
        }
        Ok(Some(self.norm.forward(&x)?))
    }

    /// Patch after patch, each plane by plane: what a convolution without overlap multiplies.
    fn patches(&self, pixels: &[f32]) -> Vec<f32> {
        let (side, patch, grid) = (self.config.image_size, self.config.patch_size, self.config.grid());
        let mut out = Vec::with_capacity(grid * grid * 3 * patch * patch);
        for at in 0..grid * grid {
            let (top, left) = (at / grid * patch, at % grid * patch);
            for plane in pixels.chunks_exact(side * side) {
                for row in top..top + patch {
                    out.extend_from_slice(&plane[row * side + left..][..patch]);
                }
            }
        }
        out
    }
}

impl Block {
    fn load(config: &VisionConfig, name: &str, loader: &mut Loader) -> Result<Self, LoadError> {
        let (width, inner) = (config.width, config.inner);
        let mut linear =
            |part: &str, shape| loader.linear(Part::Vision, &format!("{name}.{part}"), shape, true);
        let qkv = linear("attn.qkv", [3 * width, width])?;
        let proj = linear("attn.proj", [width, width])?;
        let fc1 = linear("mlp.fc1", [inner, width])?;
        let fc2 = linear("mlp.fc2", [width, inner])?;
        let norm1 = LayerNorm::load(loader, &format!("{name}.norm1"), width)?;
        let norm2 = LayerNorm::load(loader, &format!("{name}.norm2"), width)?;
        Ok(Self { norm1, qkv, proj, norm2, fc1, fc2, heads: config.heads })
    }

    fn forward(&self, x: &Tensor) -> candle_core::Result<Tensor> {
        let x = (x + self.attend(&self.norm1.forward(x)?)?)?;
        // Candle's `gelu` is the one with tanh.
        let inner = self.fc1.forward(&self.norm2.forward(&x)?)?.gelu()?;
        &x + self.fc2.forward(&inner)?
    }

    /// Every patch sees every other. `x` [T, width] -> [T, width].
    fn attend(&self, x: &Tensor) -> candle_core::Result<Tensor> {
        let (rows, width) = x.dims2()?;
        let head = width / self.heads;
        // [3, heads, T, head]
        let qkv = self.qkv.forward(x)?.reshape((rows, 3, self.heads, head))?.permute((1, 2, 0, 3))?;
        let part = |at: usize| qkv.get(at)?.contiguous();
        let (q, k, v) = ((part(0)? * (head as f64).powf(-0.5))?, part(1)?, part(2)?);
        let scores = q.matmul(&k.transpose(1, 2)?.contiguous()?)?;
        let weights = softmax(&scores)?;
        let seen = weights.matmul(&v)?.transpose(0, 1)?.reshape((rows, width))?;
        self.proj.forward(&seen)
    }
}

fn softmax(x: &Tensor) -> candle_core::Result<Tensor> {
    let exp = x.broadcast_sub(&x.max_keepdim(D::Minus1)?)?.exp()?;
    exp.broadcast_div(&exp.sum_keepdim(D::Minus1)?)
}

impl LayerNorm {
    fn load(loader: &mut Loader, name: &str, width: usize) -> Result<Self, LoadError> {
        let weight = loader.vector(Part::Vision, &format!("{name}.weight"), width)?;
        let bias = loader.vector(Part::Vision, &format!("{name}.bias"), width)?;
        let device = loader.device();
        Ok(Self { weight: Tensor::new(weight, device)?, bias: Tensor::new(bias, device)? })
    }

    fn forward(&self, x: &Tensor) -> candle_core::Result<Tensor> {
        let centred = x.broadcast_sub(&x.mean_keepdim(D::Minus1)?)?;
        let spread = (centred.sqr()?.mean_keepdim(D::Minus1)? + EPS)?.sqrt()?;
        centred.broadcast_div(&spread)?.broadcast_mul(&self.weight)?.broadcast_add(&self.bias)
    }
}
