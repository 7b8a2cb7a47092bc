//! Which models of the format this version runs, asked before anything else of a file: a sound file of another model is
//! not damaged, whatever its tensors look like.
use super::{Metadata, Value};

/// Why a file cannot become a model here.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Refusal {
    /// The file contradicts itself.
    #[error("{0}")]
    Invalid(String),
    /// Sound, of a model that is not run.
    #[error("general.architecture is {0}, which is not run")]
    NotRun(String),
    /// Sound, of a model that is run, in a way that is not known.
    #[error("{field} is {value}, which is not run")]
    Unsupported { field: String, value: String },
}

impl From<String> for Refusal {
    fn from(reason: String) -> Self {
        Self::Invalid(reason)
    }
}

impl Refusal {
    pub(super) fn unsupported(field: impl Into<String>, value: impl Into<String>) -> Self {
        Self::Unsupported { field: field.into(), value: value.into() }
    }
}

/// The architecture of a file that this version runs.
///
/// # Errors
/// None is named, it is of another model, or the file is an adapter or another addition to a model.
pub fn architecture(metadata: &Metadata) -> Result<&str, Refusal> {
    if let Some(Value::Text(kind)) = metadata.get("general.type")
        && kind != "model"
    {
        return Err(Refusal::unsupported("general.type", kind));
    }
    let name = match metadata.get("general.architecture") {
        Some(Value::Text(name)) => name.as_str(),
        _ => return Err("general.architecture is missing".to_owned().into()),
    };
    let experts = matches!(metadata.get("llama.expert_count"), Some(Value::Integer(1..)));
    match name {
        "llama" if experts => Err(Refusal::NotRun("llama with experts".to_owned())),
        "qwen2" | "qwen3" | "llama" | "deepseek" | "deepseek2" => Ok(name),
        other => Err(Refusal::NotRun(other.to_owned())),
    }
}
