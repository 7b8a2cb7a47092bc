//! SigLIP-so400m: a vision transformer over a grid of patches with learned position embeddings, without class
//! token and head. Pixels beyond the last whole patch are ignored.
//!
//! The layers use fused kernels on slices; the same computation in tensor operations is their reference.
use candle_core::{Device, Tensor};
use checkpoint::VisionConfig;
use kernels::attention::bidirectional;
use kernels::layer_norm::layer_norm;
use kernels::{Epilogue, Linear};

use crate::LoadError;
use crate::ledger::WeightKind;
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

/// Buffers that all layers share: allocating them for each layer takes as long as a matrix product.
#[derive(Default)]
struct Workspace {
    x: Vec<f32>,
    normed: Vec<f32>,
    qkv: Vec<f32>,
    attended: Vec<f32>,
    residual: Vec<f32>,
    inner: Vec<f32>,
}

struct LayerNorm {
    weight: Vec<f32>,
    bias: Vec<f32>,
}

impl Siglip {
    pub fn load(config: &VisionConfig, loader: &mut Loader) -> Result<Self, LoadError> {
        let (width, patch) = (config.width, config.patch_size);
        let patches = config.grid() * config.grid();
        let positions = loader.tensor(WeightKind::Vision, "vision.pos_embed", &[1, patches, width])?;
        let pos_embed = Tensor::from_vec(positions, (patches, width), &Device::Cpu)?;
        let patch_embed = loader.reshaped_linear(
            WeightKind::Vision,
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

    /// One tile `pixels` [3, side, side] -> [patches, width]. `should_continue` gets the number of finished
    /// layers before each layer; `None` when it returns false.
    pub fn forward(
        &self,
        pixels: &[f32],
        should_continue: &dyn Fn(usize) -> bool,
    ) -> candle_core::Result<Option<Tensor>> {
        let positions: Vec<f32> = self.pos_embed.flatten_all()?.to_vec1()?;
        let mut work = Workspace::default();
        self.patch_embed.gemm(&self.patches(pixels), Epilogue::BiasResidual(&positions), &mut work.x)?;
        for (at, block) in self.blocks.iter().enumerate() {
            if !should_continue(at) {
                return Ok(None);
            }
            block.forward(&mut work)?;
        }
        let (rows, width) = self.pos_embed.dims2()?;
        self.norm.forward(&work.x, &mut work.normed);
        Ok(Some(Tensor::from_vec(work.normed, (rows, width), self.pos_embed.device())?))
    }

    pub fn layers(&self) -> usize {
        self.blocks.len()
    }

    /// [patches, 3 * patch * patch]: the input of the patch convolution, whose stride is its size, as a
    /// matrix.
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
            |part: &str, shape| loader.linear(WeightKind::Vision, &format!("{name}.{part}"), shape, true);
        let qkv = linear("attn.qkv", [3 * width, width])?;
        let proj = linear("attn.proj", [width, width])?;
        let fc1 = linear("mlp.fc1", [inner, width])?;
        let fc2 = linear("mlp.fc2", [width, inner])?;
        let norm1 = LayerNorm::load(loader, &format!("{name}.norm1"), width)?;
        let norm2 = LayerNorm::load(loader, &format!("{name}.norm2"), width)?;
        Ok(Self { norm1, qkv, proj, norm2, fc1, fc2, heads: config.heads })
    }

    /// `work.x` [T, width], in place.
    fn forward(&self, work: &mut Workspace) -> candle_core::Result<()> {
        let width = self.proj.weight().rows();
        let Workspace { x, normed, qkv, attended, residual, inner } = work;
        self.norm1.forward(x, normed);
        self.qkv.gemm(normed, Epilogue::Bias, qkv)?;
        bidirectional(qkv, self.heads, width / self.heads, attended)?;
        self.proj.gemm(attended, Epilogue::BiasResidual(x), residual)?;
        self.norm2.forward(residual, normed);
        self.fc1.gemm(normed, Epilogue::BiasGelu, inner)?;
        self.fc2.gemm(inner, Epilogue::BiasResidual(residual), x)
    }
}

impl LayerNorm {
    fn load(loader: &mut Loader, name: &str, width: usize) -> Result<Self, LoadError> {
        let weight = loader.vector(WeightKind::Vision, &format!("{name}.weight"), width)?;
        let bias = loader.vector(WeightKind::Vision, &format!("{name}.bias"), width)?;
        Ok(Self { weight, bias })
    }

    fn forward(&self, x: &[f32], out: &mut Vec<f32>) {
        layer_norm(x, &self.weight, &self.bias, EPS as f32, out);
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use candle_core::D;
    use checkpoint::ModelConfig;
    use kernels::PrefillRows;

    use super::*;
    use crate::LoadOptions;

    /// The same computation in tensor operations.
    impl Siglip {
        fn forward_in_tensors(
            &self,
            pixels: &[f32],
            should_continue: &dyn Fn(usize) -> bool,
        ) -> candle_core::Result<Option<Tensor>> {
            let (grid, columns) = (self.config.grid(), 3 * self.config.patch_size * self.config.patch_size);
            let patches =
                Tensor::from_vec(self.patches(pixels), (grid * grid, columns), self.pos_embed.device())?;
            let mut x = (self.patch_embed.forward(&patches, &PrefillRows::none())? + &self.pos_embed)?;
            for (at, block) in self.blocks.iter().enumerate() {
                if !should_continue(at) {
                    return Ok(None);
                }
                x = block.forward_in_tensors(&x)?;
            }
            Ok(Some(self.norm.forward_in_tensors(&x)?))
        }
    }

    impl Block {
        fn forward_in_tensors(&self, x: &Tensor) -> candle_core::Result<Tensor> {
            let x = (x + self.attend(&self.norm1.forward_in_tensors(x)?)?)?;
            // Candle's `gelu` is the tanh approximation.
            let inner =
                self.fc1.forward(&self.norm2.forward_in_tensors(&x)?, &PrefillRows::none())?.gelu()?;
            &x + self.fc2.forward(&inner, &PrefillRows::none())?
        }

        /// Bidirectional attention. `x` [T, width] -> [T, width].
        fn attend(&self, x: &Tensor) -> candle_core::Result<Tensor> {
            let (rows, width) = x.dims2()?;
            let head = width / self.heads;
            // [3, heads, T, head]
            let qkv = self
                .qkv
                .forward(x, &PrefillRows::none())?
                .reshape((rows, 3, self.heads, head))?
                .permute((1, 2, 0, 3))?;
            let part = |at: usize| qkv.get(at)?.contiguous();
            let (q, k, v) = ((part(0)? * (head as f64).powf(-0.5))?, part(1)?, part(2)?);
            let scores = q.matmul(&k.transpose(1, 2)?.contiguous()?)?;
            let weights = softmax(&scores)?;
            let attended = weights.matmul(&v)?.transpose(0, 1)?.reshape((rows, width))?;
            self.proj.forward(&attended, &PrefillRows::none())
        }
    }

    fn softmax(x: &Tensor) -> candle_core::Result<Tensor> {
        let exp = x.broadcast_sub(&x.max_keepdim(D::Minus1)?)?.exp()?;
        exp.broadcast_div(&exp.sum_keepdim(D::Minus1)?)
    }

    impl LayerNorm {
        fn forward_in_tensors(&self, x: &Tensor) -> candle_core::Result<Tensor> {
            let (weight, bias) =
                (Tensor::new(&self.weight[..], x.device())?, Tensor::new(&self.bias[..], x.device())?);
            let centred = x.broadcast_sub(&x.mean_keepdim(D::Minus1)?)?;
            let spread = (centred.sqr()?.mean_keepdim(D::Minus1)? + EPS)?.sqrt()?;
            centred.broadcast_div(&spread)?.broadcast_mul(&weight)?.broadcast_add(&bias)
        }
    }

    #[test]
    fn the_fused_layers_equal_those_in_tensors() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/vl2/tiny");
        let files = checkpoint::open(&folder).expect("the files are sound");
        let ModelConfig::DeepseekVl2(config) = &files.config else { panic!("not a vision model") };
        let (options, mut progress) = (LoadOptions::default(), |_, _| {});
        let mut loader = Loader::new(&*files.weights, &options, &mut progress);
        let tower = Siglip::load(&config.vision, &mut loader).expect("it loads");
        let len = 3 * config.vision.image_size * config.vision.image_size;
        let pixels: Vec<f32> = (0..len).map(|at| (at * 37 % 255) as f32 / 127.5 - 1.0).collect();
        let values = |features: candle_core::Result<Option<Tensor>>| {
            let features = features.expect("it is encoded").expect("it is not cancelled");
            features.flatten_all().and_then(|features| features.to_vec1::<f32>()).expect("values")
        };
        let fused = values(tower.forward(&pixels, &|_| true));
        let plain = values(tower.forward_in_tensors(&pixels, &|_| true));
        let apart = fused.iter().zip(&plain).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(fused.len() == plain.len() && apart < 1e-4, "{apart}");
    }
}
