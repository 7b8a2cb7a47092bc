//! The rotary embedding (RoPE) settings: the base, and the scaling for positions beyond the trained length.
//! Angles are not computed here.
use super::fields::Fields;
use super::{ConfigError, Result};

#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rope {
    pub theta: f64,
    pub scaling: RopeScaling,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub enum RopeScaling {
    Plain,
    /// Every frequency divided by `factor`.
    Linear {
        factor: f64,
    },
    Yarn(YarnConfig),
    Llama3(Llama3Config),
}

/// The YaRN parameters.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct YarnConfig {
    pub factor: f64,
    pub original: f64,
    pub beta_fast: f64,
    pub beta_slow: f64,
    /// DeepSeek's two temperatures; absent in other families.
    pub mscale: Option<f64>,
    pub mscale_all_dim: Option<f64>,
    /// Multiplies cosine and sine, instead of the temperature derived from `factor`.
    pub attention_factor: Option<f64>,
}

/// Llama 3.1: long wavelengths are scaled, short ones kept, those between interpolated.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Llama3Config {
    pub factor: f64,
    pub low_freq_factor: f64,
    pub high_freq_factor: f64,
    pub original: f64,
}

const KNOWN: &str = "default, linear, yarn, llama3";

impl Rope {
    /// Newer files have base and scaling in `rope_parameters`; some also have `rope_scaling`.
    pub(super) fn read(fields: &Fields, positions: usize) -> Result<Self> {
        let parts = match fields.object("rope_parameters")? {
            Some(parts) => Some(parts),
            None => fields.object("rope_scaling")?,
        };
        let outer = fields.positive_or("rope_theta", 10000.0)?;
        let Some(parts) = parts else { return Ok(Self { theta: outer, scaling: RopeScaling::Plain }) };
        let theta = parts.positive_or("rope_theta", outer)?;
        if theta <= 1.0 {
            return Err(ConfigError::invalid(format!("rope_theta is {theta}, not above 1")));
        }
        // `type` is the older name; some converted files have both.
        let kind = match parts.text("rope_type")? {
            Some(kind) => kind,
            None => parts.text("type")?.unwrap_or("default"),
        };
        let scaling = match kind {
            "default" => RopeScaling::Plain,
            "linear" => RopeScaling::Linear { factor: parts.positive("factor")? },
            "yarn" => RopeScaling::Yarn(YarnConfig::read(&parts, positions)?),
            "llama3" => RopeScaling::Llama3(Llama3Config::read(&parts)?),
            other => return Err(ConfigError::unsupported("rope_scaling.rope_type", other, KNOWN)),
        };
        Ok(Self { theta, scaling })
    }
}

impl YarnConfig {
    fn read(parts: &Fields, positions: usize) -> Result<Self> {
        if !parts.flag("truncate", true)? {
            return Err(ConfigError::unsupported("rope_scaling.truncate", false, "true"));
        }
        let factor = parts.positive("factor")?;
        let fast = parts.positive_or("beta_fast", 32.0)?;
        let slow = parts.positive_or("beta_slow", 1.0)?;
        if fast < slow {
            return Err(ConfigError::invalid(format!("beta_fast {fast} is below beta_slow {slow}")));
        }
        // vLLM's `attn_factor` multiplies the default temperature; R1-0528-Qwen3-8B is published with it, so
        // that the product is 1. transformers ignores the key, which would scale that model's attention by
        // 1.14.
        let attention_factor =
            match (parts.positive_opt("attention_factor")?, parts.positive_opt("attn_factor")?) {
                (Some(factor), _) => Some(factor),
                (None, Some(multiplier)) => Some(multiplier * temperature(factor, 1.0)),
                (None, None) => None,
            };
        let original = parts.positive_opt("original_max_position_embeddings")?;
        Ok(Self {
            factor,
            original: original.unwrap_or(positions as f64),
            beta_fast: fast,
            beta_slow: slow,
            mscale: parts.number_opt("mscale")?,
            mscale_all_dim: parts.number_opt("mscale_all_dim")?,
            attention_factor,
        })
    }

    /// The factor of cosine and sine.
    pub fn angle_scale(&self) -> f64 {
        let from_factor = || match (self.mscale.unwrap_or(0.0), self.mscale_all_dim.unwrap_or(0.0)) {
            (mscale, all) if mscale != 0.0 && all != 0.0 => {
                temperature(self.factor, mscale) / temperature(self.factor, all)
            }
            _ => temperature(self.factor, 1.0),
        };
        self.attention_factor.unwrap_or_else(from_factor)
    }

    /// The factor of the softmax scale of MLA; 1 without `mscale_all_dim`.
    pub fn softmax_scale(&self) -> f64 {
        temperature(self.factor, self.mscale_all_dim.unwrap_or(0.0)).powi(2)
    }
}

/// YaRN's temperature (`yarn_get_mscale`).
fn temperature(factor: f64, mscale: f64) -> f64 {
    if factor <= 1.0 { 1.0 } else { 0.1 * mscale * factor.ln() + 1.0 }
}

impl Llama3Config {
    fn read(parts: &Fields) -> Result<Self> {
        let (low, high) = (parts.positive("low_freq_factor")?, parts.positive("high_freq_factor")?);
        if high <= low {
            return Err(ConfigError::invalid(format!(
                "high_freq_factor {high} is not above low_freq_factor {low}"
            )));
        }
        Ok(Self {
            factor: parts.positive("factor")?,
            low_freq_factor: low,
            high_freq_factor: high,
            original: parts.positive("original_max_position_embeddings")?,
        })
    }
}
