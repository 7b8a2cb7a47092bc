//! DeepSeek-VL2, VL2-Small and VL2-Tiny: a vision tower, a projector, and a text model of DeepSeek-V2's class
//! with other defaults. The defaults of the published classes are listed here.
use serde_json::{Map, Value, json};

use super::experts::{Defaults, Experts};
use super::fields::Fields;
use super::images::ImageProcessing;
use super::vision::{ProjectorConfig, VisionConfig};
use super::{ConfigError, Decoder, GroupedAttention, LatentAttention, Result};

#[derive(Debug, Clone)]
pub struct DeepseekVl2Config {
    pub decoder: Decoder,
    pub attention: Vl2Attention,
    pub experts: Option<Experts>,
    pub vision: VisionConfig,
    pub projector: ProjectorConfig,
    /// The global view comes before the local tiles, else after them.
    pub global_view_first: bool,
    pub images: ImageProcessing,
}

#[derive(Debug, Clone, Copy)]
pub enum Vl2Attention {
    Latent(LatentAttention),
    /// Tiny: `use_mla` is false.
    Grouped(GroupedAttention),
}

impl DeepseekVl2Config {
    pub(super) fn read(fields: &Fields) -> Result<Self> {
        fields.require_text("tile_tag", "tile_tag", "2D")?;
        let text = with_defaults(fields.object("language_config")?);
        let text = Fields(&text);
        let decoder = Decoder::read(&text, Some(2048))?;
        let bias = text.flag("attention_bias", false)?;
        let attention = if text.flag("use_mla", true)? {
            Vl2Attention::Latent(LatentAttention::read(&text)?)
        } else {
            let sizes = GroupedAttention::read(&text, &decoder)?;
            Vl2Attention::Grouped(GroupedAttention { qkv_bias: bias, o_bias: bias, ..sizes })
        };
        let experts = Experts::read(&text, &Defaults { scoring_func: "softmax", topk_method: "greedy" })?;
        let (vision, projector) = (Map::new(), Map::new());
        let vision = VisionConfig::read(&fields.object("vision_config")?.unwrap_or(Fields(&vision)))?;
        let projector =
            ProjectorConfig::read(&fields.object("projector_config")?.unwrap_or(Fields(&projector)))?;
        if projector.input_dim != vision.width || projector.n_embed != decoder.hidden_size {
            return Err(ConfigError::invalid(format!(
                "the projector goes from {} to {}, between a vision width of {} and a hidden_size of {}",
                projector.input_dim, projector.n_embed, vision.width, decoder.hidden_size
            )));
        }
        let images = ImageProcessing::read(fields, &vision, &projector)?;
        Ok(Self {
            global_view_first: fields.text("global_view_pos")?.unwrap_or("head") == "head",
            decoder,
            attention,
            experts,
            vision,
            projector,
            images,
        })
    }

    /// Names and shapes of all tensors outside the text model.
    pub fn vision_tensors(&self) -> Vec<(String, Vec<usize>)> {
        let (vision, projector) = (&self.vision, &self.projector);
        let (width, inner) = (vision.width, vision.inner);
        let mut out = Vec::new();
        let mut affine = |name: String, shape: Vec<usize>| {
            out.push((format!("{name}.bias"), vec![shape[0]]));
            out.push((format!("{name}.weight"), shape));
        };
        let patch = vision.patch_size;
        affine("vision.patch_embed.proj".to_owned(), vec![width, 3, patch, patch]);
        for layer in 0..vision.layers {
            let block = format!("vision.blocks.{layer}");
            affine(format!("{block}.norm1"), vec![width]);
            affine(format!("{block}.attn.qkv"), vec![3 * width, width]);
            affine(format!("{block}.attn.proj"), vec![width, width]);
            affine(format!("{block}.norm2"), vec![width]);
            affine(format!("{block}.mlp.fc1"), vec![inner, width]);
            affine(format!("{block}.mlp.fc2"), vec![width, inner]);
        }
        affine("vision.norm".to_owned(), vec![width]);
        for (name, [rows, cols]) in projector.matrices() {
            affine(name, vec![rows, cols]);
        }
        out.push(("vision.pos_embed".to_owned(), vec![1, vision.grid() * vision.grid(), width]));
        out.push(("image_newline".to_owned(), vec![projector.n_embed]));
        out.push(("view_seperator".to_owned(), vec![projector.n_embed]));
        out
    }
}

/// The defaults of the published text model class for absent keys. A key that is `null` stays `null`.
fn with_defaults(given: Option<Fields>) -> Map<String, Value> {
    let defaults = json!({
        "vocab_size": 102400, "hidden_size": 4096, "intermediate_size": 11008, "moe_intermediate_size": 1407,
        "num_hidden_layers": 30, "num_attention_heads": 32, "num_key_value_heads": 32, "kv_lora_rank": 512,
        "q_lora_rank": 1536, "qk_rope_head_dim": 64, "v_head_dim": 128, "qk_nope_head_dim": 128,
    });
    let Value::Object(mut map) = defaults else { unreachable!("it is written as an object") };
    map.extend(given.into_iter().flat_map(|fields| fields.0.clone()));
    map
}
