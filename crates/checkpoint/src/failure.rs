//! Maps errors of opening a model to codes of the message catalogue, so that the import dialog and the worker
//! report the same error for the same file. The texts are in the catalogue.
use std::io::{Error, ErrorKind};
use std::path::Path;

use protocol::ErrorCode;

use crate::file_kind::is_named_like_weights;
use crate::{ConfigError, FileKind, OpenError, WeightError};

/// An error code, and the values for its message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    pub code: ErrorCode,
    pub detail: Vec<(&'static str, String)>,
}

/// Display names of common unsupported architectures, by their name in GGUF or config.json.
const UNSUPPORTED: &[(&str, &str)] = &[
    ("deepseek32", "DeepSeek-V3.2"),
    ("DeepseekV32ForCausalLM", "DeepSeek-V3.2"),
    ("deepseek4", "DeepSeek-V4"),
    ("deepseek41", "DeepSeek-V4.1"),
    ("DeepseekV4ForCausalLM", "DeepSeek-V4"),
    ("deepseek2-ocr", "DeepSeek-OCR"),
    ("deepseek2 with the tokenizer kimi-k2", "Kimi K2"),
    ("kimi_k2", "Kimi K2"),
    ("deepseek2 with the tokenizer glm4", "GLM with experts"),
    ("DeepseekOCRForCausalLM", "DeepSeek-OCR"),
    ("DeepseekOCR2ForCausalLM", "DeepSeek-OCR-2"),
    ("MultiModalityCausalLM", "Janus or DeepSeek-VL"),
    ("llama with experts", "Mixtral or another Llama with experts"),
    ("MixtralForCausalLM", "Mixtral"),
    ("gpt-oss", "gpt-oss"),
    ("GptOssForCausalLM", "gpt-oss"),
    ("llama4", "Llama 4"),
    ("qwen2moe", "Qwen2 with experts"),
    ("qwen3moe", "Qwen3 with experts"),
    ("Qwen3MoeForCausalLM", "Qwen3 with experts"),
    ("qwen2vl", "Qwen2-VL"),
    ("qwen3vl", "Qwen3-VL"),
    ("gemma3", "Gemma 3"),
    ("Gemma3ForConditionalGeneration", "Gemma 3"),
    ("glm4moe", "GLM-4 with experts"),
    ("mistral3", "Mistral 3"),
    ("MistralForCausalLM", "Mistral"),
    ("phi3", "Phi-3"),
];

impl Failure {
    fn new(code: ErrorCode, detail: &[(&'static str, &dyn ToString)]) -> Self {
        Self { code, detail: detail.iter().map(|(name, value)| (*name, value.to_string())).collect() }
    }

    /// A valid model of an unsupported architecture, and the engine that runs it.
    fn unsupported_architecture(architecture: &str, engine: &str) -> Self {
        let known = UNSUPPORTED.iter().find(|(name, _)| *name == architecture).map(|(_, name)| *name);
        let name = known.unwrap_or(architecture);
        Self::new(
            ErrorCode::ModelNotRun,
            &[("name", &name), ("architecture", &architecture), ("engine", &engine)],
        )
    }

    fn io(path: &Path, error: &Error) -> Self {
        let code = match error.kind() {
            ErrorKind::NotFound | ErrorKind::NotADirectory => ErrorCode::ModelNotFound,
            ErrorKind::PermissionDenied => ErrorCode::PermissionDenied,
            _ => ErrorCode::ModelFileUnreadable,
        };
        Self::new(code, &[("path", &path.display())])
    }
}

impl OpenError {
    pub fn failure(&self) -> Failure {
        match self {
            Self::Config(error) => error.failure(),
            Self::Weight(error) => error.failure(),
        }
    }
}

impl ConfigError {
    pub fn failure(&self) -> Failure {
        match self {
            Self::Read { path, source } => Failure::io(path, source),
            Self::Invalid { path, reason } => {
                Failure::new(ErrorCode::ModelFileInvalid, &[("path", &path.display()), ("part", reason)])
            }
            Self::Unsupported { field: "architectures", value, .. } => {
                Failure::unsupported_architecture(value, "vLLM")
            }
            Self::Unsupported { field, value, .. } => {
                Failure::new(ErrorCode::ModelUnsupported, &[("field", field), ("value", value)])
            }
        }
    }
}

impl WeightError {
    pub fn failure(&self) -> Failure {
        match self {
            Self::Open { path, source } => Failure::io(path, source),
            Self::NoFiles(path) => Failure::new(ErrorCode::ModelNotFound, &[("path", &path.display())]),
            Self::Truncated { path, expected, actual } => Failure::new(
                ErrorCode::ModelFileTruncated,
                &[("path", &path.display()), ("expected", expected), ("actual", actual)],
            ),
            Self::Invalid { path, reason } => {
                Failure::new(ErrorCode::ModelFileInvalid, &[("path", &path.display()), ("part", reason)])
            }
            Self::Missing(tensor) => Failure::new(ErrorCode::ModelFileInvalid, &[("part", tensor)]),
            Self::UnsupportedArchitecture { architecture, .. } => {
                Failure::unsupported_architecture(architecture, "llama-server")
            }
            Self::Unsupported { field, value, .. } => {
                Failure::new(ErrorCode::ModelUnsupported, &[("field", field), ("value", value)])
            }
            Self::Format { path, tensor, format } => Failure::new(
                ErrorCode::ModelFormatUnsupported,
                &[("path", &path.display()), ("tensor", tensor), ("format", format)],
            ),
            Self::Projector(path) => Failure::new(ErrorCode::ProjectorAlone, &[("path", &path.display())]),
            Self::WrongKind { path, kind } => {
                Failure::new(foreign(path, *kind), &[("path", &path.display())])
            }
            Self::MultipleModels { path, names } => Failure::new(
                ErrorCode::SeveralModels,
                &[("path", &path.display()), ("names", &names.join(", "))],
            ),
            Self::MissingShard { path, number, count } => Failure::new(
                ErrorCode::ModelPartMissing,
                &[("path", &path.display()), ("number", number), ("count", count)],
            ),
        }
    }
}

fn foreign(path: &Path, kind: FileKind) -> ErrorCode {
    match kind {
        FileKind::WebPage => ErrorCode::ModelFileIsPage,
        FileKind::LfsPointer => ErrorCode::ModelFileIsPointer,
        FileKind::Pickle => ErrorCode::ModelFileIsPickle,
        FileKind::Ggml => ErrorCode::ModelFileTooOld,
        _ if is_named_like_weights(path) => ErrorCode::ModelFileInvalid,
        // A file without a weights extension, such as a text file, is not reported as damaged.
        _ => ErrorCode::ModelNotFound,
    }
}
