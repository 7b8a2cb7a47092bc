//! The vision tower and the projector of DeepSeek-VL2: sizes, with the defaults of the published classes.
//! What they make of an image's pixels is in the crate `models`.
use super::fields::Fields;
use super::{ConfigError, Result};

/// Wider than any published vision tower.
const MAX_VISION_WIDTH: usize = 1 << 14;

/// A vision transformer (SigLIP) without class token and head.
#[derive(Debug, Clone, Copy)]
pub struct VisionConfig {
    pub image_size: usize,
    pub patch_size: usize,
    pub width: usize,
    pub layers: usize,
    pub heads: usize,
    /// Hidden width of the MLP.
    pub inner: usize,
}

/// The MLP projector: concatenates squares of neighbouring features and projects them.
#[derive(Debug, Clone, Copy)]
pub struct ProjectorConfig {
    pub input_dim: usize,
    pub n_embed: usize,
    /// Number of linear layers, at least two.
    pub depth: usize,
    pub mlp_ratio: usize,
    pub downsample_ratio: usize,
}

impl VisionConfig {
    pub(super) fn read(fields: &Fields) -> Result<Self> {
        fields.require_false("class_token")?;
        if !fields.flag("ignore_head", true)? {
            return Err(ConfigError::unsupported("ignore_head", false, "true"));
        }
        fields.require_text("global_pool", "map", "map")?;
        let width = fields.size_or("width", 1024)?;
        let ratio = fields.positive_or("mlp_ratio", 4.0)?;
        let config = Self {
            image_size: fields.size_or("image_size", 384)?,
            patch_size: fields.size_or("patch_size", 16)?,
            width,
            layers: fields.size_or("layers", 24)?,
            heads: fields.size_or("heads", 16)?,
            inner: (width as f64 * ratio) as usize,
        };
        if !width.is_multiple_of(config.heads) {
            return Err(ConfigError::invalid(format!(
                "width {width} is no multiple of {} heads",
                config.heads
            )));
        }
        if config.patch_size > config.image_size || config.image_size > 4096 {
            let (image, patch) = (config.image_size, config.patch_size);
            return Err(ConfigError::invalid(format!("image_size is {image} with patch_size {patch}")));
        }
        if config.layers > 1024
            || width > MAX_VISION_WIDTH
            || !(1..=4 * MAX_VISION_WIDTH).contains(&config.inner)
        {
            let (layers, inner) = (config.layers, config.inner);
            return Err(ConfigError::invalid(format!("layers is {layers}, width {width}, mlp {inner}")));
        }
        Ok(config)
    }

    /// Patches per side. Remaining pixels are ignored.
    pub fn grid(&self) -> usize {
        self.image_size / self.patch_size
    }
}

impl ProjectorConfig {
    pub(super) fn read(fields: &Fields) -> Result<Self> {
        const KIND: &str = "downsample_mlp_gelu";
        fields.require_text("projector_type", KIND, KIND)?;
        fields.require_false("token_pooling")?;
        let config = Self {
            input_dim: fields.size_or("input_dim", 1152)?,
            n_embed: fields.size_or("n_embed", 2048)?,
            depth: fields.size_or("depth", 2)?.max(2),
            mlp_ratio: fields.size_or("mlp_ratio", 1)?,
            downsample_ratio: fields.size_or("downsample_ratio", 2)?,
        };
        if config.depth > 64 || config.mlp_ratio > 64 || config.downsample_ratio > 16 {
            return Err(ConfigError::invalid(format!(
                "depth is {}, mlp_ratio {}, downsample_ratio {}",
                config.depth, config.mlp_ratio, config.downsample_ratio
            )));
        }
        Ok(config)
    }

    /// Every linear layer with rows and columns. The activations between them also have an index.
    pub fn matrices(&self) -> Vec<(String, [usize; 2])> {
        let wide = self.n_embed * self.mlp_ratio;
        let square = self.downsample_ratio * self.downsample_ratio;
        let shape = |at: usize| {
            let rows = if at + 1 == self.depth { self.n_embed } else { wide };
            [rows, if at == 0 { self.input_dim * square } else { wide }]
        };
        (0..self.depth).map(|at| (format!("projector.layers.{}", 2 * at), shape(at))).collect()
    }
}
