//! The image preprocessing settings of DeepSeek-VL2: candidate resolutions and colour normalisation. Sizes
//! are in pixels, means and deviations per RGB channel in 0..1. Resizing and tiling are in the crate
//! `vision`.
use serde_json::Value;

use super::fields::Fields;
use super::{ConfigError, ProjectorConfig, Result, VisionConfig};

/// Far more than any published list.
const MAX_RESOLUTIONS: usize = 256;
/// Limit of tiles of one resolution; published models have at most nine.
const MAX_TILES: usize = 64;

#[derive(Debug, Clone, PartialEq)]
pub struct ImageProcessing {
    /// (width, height), multiples of `image_size`; on a tie the first is used.
    pub candidate_resolutions: Vec<(usize, usize)>,
    pub image_size: usize,
    pub patch_size: usize,
    pub downsample_ratio: usize,
    pub image_mean: [f64; 3],
    pub image_std: [f64; 3],
}

impl ImageProcessing {
    /// `processor_config` is the content of processor_config.json and takes precedence, as in the published
    /// code.
    pub(super) fn read(fields: &Fields, vision: &VisionConfig, projector: &ProjectorConfig) -> Result<Self> {
        let own = fields.object("processor_config")?;
        let own = own.as_ref().unwrap_or(fields);
        if own.text("sft_format")?.unwrap_or("deepseek") != "deepseek" {
            return Err(ConfigError::unsupported("sft_format", "another", "deepseek"));
        }
        if !own.flag("normalize", true)? {
            return Err(ConfigError::unsupported("normalize", false, "true"));
        }
        let listed = own.get("candidate_resolutions").or_else(|| fields.get("candidate_resolutions"));
        let frames = match listed {
            None => vec![(vision.image_size, vision.image_size)],
            Some(list) => frames(list)?,
        };
        let side = frames[0].0;
        let patch = own.size_or("patch_size", vision.patch_size)?;
        let ratio = own.size_or("downsample_ratio", projector.downsample_ratio)?;
        if (side, patch, ratio) != (vision.image_size, vision.patch_size, projector.downsample_ratio) {
            return Err(ConfigError::invalid(format!(
                "candidate_resolutions, patch_size and downsample_ratio ({side}, {patch}, {ratio}) are not the vision \
                 tower's and the projector's"
            )));
        }
        let whole = |&(width, height): &(usize, usize)| {
            width.is_multiple_of(side)
                && height.is_multiple_of(side)
                && width / side * (height / side) <= MAX_TILES
        };
        if let Some((width, height)) = frames.iter().find(|frame| !whole(frame)) {
            let reason =
                format!("candidate_resolutions has {width}x{height}, not up to {MAX_TILES} tiles of {side}");
            return Err(ConfigError::invalid(reason));
        }
        Ok(Self {
            candidate_resolutions: frames,
            image_size: side,
            patch_size: patch,
            downsample_ratio: ratio,
            image_mean: colours(own, "image_mean")?,
            image_std: colours(own, "image_std")?,
        })
    }
}

fn frames(list: &Value) -> Result<Vec<(usize, usize)>> {
    let side = |value: &Value| value.as_u64().filter(|side| (1..=1 << 16).contains(side)).map(|s| s as usize);
    let frame = |pair: &Value| Some((side(pair.get(0)?)?, side(pair.get(1)?)?));
    let frames: Option<Vec<_>> = list.as_array().and_then(|list| list.iter().map(frame).collect());
    frames
        .filter(|frames| (1..=MAX_RESOLUTIONS).contains(&frames.len()))
        .ok_or_else(|| ConfigError::invalid("candidate_resolutions is not a list of pairs of sizes"))
}

/// One value per RGB channel.
fn colours(fields: &Fields, key: &'static str) -> Result<[f64; 3]> {
    let Some(value) = fields.get(key) else { return Ok([0.5; 3]) };
    let list: Option<Vec<f64>> = value.as_array().map(|list| list.iter().filter_map(Value::as_f64).collect());
    let numbers: Option<[f64; 3]> = list.and_then(|list| list.try_into().ok());
    numbers
        .filter(|numbers| numbers.iter().all(|n| (1e-6..=1.0).contains(n)))
        .ok_or_else(|| ConfigError::invalid(format!("{key} is not three numbers above 0, at most 1")))
}
