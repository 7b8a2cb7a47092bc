//! The supported architectures of GGUF. Checked before anything else in a file, so that a valid file of
//! another model is never reported as damaged.
use super::{Metadata, Value};

/// Why the metadata of a file is rejected.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum MetadataError {
    /// The file is inconsistent.
    #[error("{0}")]
    Invalid(String),
    /// Valid, of an unsupported architecture.
    #[error("general.architecture is {0}, which is not supported")]
    UnsupportedArchitecture(String),
    /// Valid, of a supported architecture with an unsupported setting.
    #[error("{field} is {value}, which is not supported")]
    Unsupported { field: String, value: String },
}

impl From<String> for MetadataError {
    fn from(reason: String) -> Self {
        Self::Invalid(reason)
    }
}

impl MetadataError {
    pub(super) fn unsupported(field: impl Into<String>, value: impl Into<String>) -> Self {
        Self::Unsupported { field: field.into(), value: value.into() }
    }
}

/// The architecture of a file, if it is supported.
///
/// # Errors
/// No architecture, an unsupported one, or a file that is not a model, such as an adapter.
pub fn architecture(metadata: &Metadata) -> Result<&str, MetadataError> {
    if let Some(Value::Text(kind)) = metadata.get("general.type")
        && kind != "model"
    {
        return Err(MetadataError::unsupported("general.type", kind));
    }
    let name = match metadata.get("general.architecture") {
        Some(Value::Text(name)) => name.as_str(),
        _ => return Err("general.architecture is missing".to_owned().into()),
    };
    let experts = matches!(metadata.get("llama.expert_count"), Some(Value::Integer(1..)));
    // Other makers' models of DeepSeek's architecture have tokenizers that are not known here.
    if name == "deepseek2"
        && let Some(Value::Text(pre)) = metadata.get("tokenizer.ggml.pre")
        && ["kimi-k2", "glm4"].contains(&pre.as_str())
    {
        let architecture = format!("deepseek2 with the tokenizer {pre}");
        return Err(MetadataError::UnsupportedArchitecture(architecture));
    }
    match name {
        "llama" if experts => Err(MetadataError::UnsupportedArchitecture("llama with experts".to_owned())),
        "qwen2" | "qwen3" | "llama" | "deepseek" | "deepseek2" => Ok(name),
        other => Err(MetadataError::UnsupportedArchitecture(other.to_owned())),
    }
}
