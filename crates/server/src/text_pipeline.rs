//! Tokenizer and chat template of a model, opened and tested with one message: at a start, and before an
//! import accepts a model. Reads no weights.
use std::path::Path;

use checkpoint::{Checkpoint, ModelConfig, TokenizerSource};
use protocol::{ErrorCode, WorkerFailure};
use text::{ChatTemplate, Conversation, ImageTemplate, Message, Reasoning, TextError, Tokenizer};
use vision::Tiling;

/// Any message: its text must be in the prompt.
const QUESTION: &str = "Hello";
/// Rows of the embeddings that no token has, as a share of all: published models leave at most 3 of 100 free,
/// and the vocabulary of another DeepSeek model leaves over 20.
const FREE_SHARE: usize = 8;
/// So many rows may be free in any model.
const FREE_ROWS: usize = 1024;

pub struct TextPipeline {
    pub tokenizer: Tokenizer,
    pub prompt: PromptSource,
}

/// How a conversation becomes a prompt.
pub enum PromptSource {
    Template(Box<ChatTemplate>),
    /// With images, by the published code of the family.
    Images(ImageTemplate, Tiling),
}

impl TextPipeline {
    /// Opens both and renders one message with them; `path` is the model's.
    pub fn open(checkpoint: &Checkpoint, path: &Path) -> Result<Self, WorkerFailure> {
        let failed = |error: TextError| text_failure(&error, path);
        let (tokenizer, prompt) = match checkpoint.config.images() {
            None => {
                let tokenizer = Tokenizer::open(&checkpoint.tokenizer).map_err(failed)?;
                let template = ChatTemplate::open(&checkpoint.tokenizer).map_err(|error| match error {
                    TextError::Template(_) => template_failure(&error, path),
                    error => failed(error),
                })?;
                let template = template.for_tokenizer(&tokenizer);
                (tokenizer, PromptSource::Template(Box::new(template)))
            }
            Some(images) => {
                let (tokenizer, template) =
                    Tokenizer::open_with_images(&checkpoint.tokenizer).map_err(failed)?;
                (tokenizer, PromptSource::Images(template, Tiling::from(images)))
            }
        };
        check_vocabulary(&tokenizer, &checkpoint.config, tokenizer_path(&checkpoint.tokenizer, path))?;
        if let PromptSource::Template(template) = &prompt {
            try_template(template, &tokenizer).map_err(|error| template_failure(&error, path))?;
        }
        Ok(Self { tokenizer, prompt })
    }

    /// Whether a request can switch reasoning on and off.
    pub fn switches_reasoning(&self) -> bool {
        match &self.prompt {
            PromptSource::Template(template) => matches!(template.reasoning(), Reasoning::Switch(_)),
            PromptSource::Images(..) => false,
        }
    }
}

/// Every id of the tokenizer must be a row of the embeddings, and most rows must have a token.
fn check_vocabulary(tokenizer: &Tokenizer, config: &ModelConfig, path: &Path) -> Result<(), WorkerFailure> {
    let (tokens, rows) = (tokenizer.size(), config.decoder().vocab_size);
    let free = rows.saturating_sub(tokens);
    if tokens <= rows && free <= (rows / FREE_SHARE).max(FREE_ROWS) {
        return Ok(());
    }
    let message = format!("use the tokenizer: it has {tokens} tokens and the model {rows}");
    let failure = WorkerFailure::new(ErrorCode::TokenizerMismatch, message).with("tokens", tokens);
    Err(failure.with("rows", rows).with("path", text_of(path)))
}

fn try_template(template: &ChatTemplate, tokenizer: &Tokenizer) -> Result<(), TextError> {
    let messages = [Message::new("user", QUESTION)];
    let prompt = template.render(&Conversation { messages: &messages, ..Conversation::default() })?;
    if !prompt.text().contains(QUESTION) {
        return Err(TextError::Template("it omits the user's message".to_owned()));
    }
    tokenizer.encode_prompt(&prompt).map(drop)
}

fn tokenizer_path<'a>(source: &'a TokenizerSource, path: &'a Path) -> &'a Path {
    match source {
        TokenizerSource::Folder(folder) => folder,
        TokenizerSource::Gguf(_) => path,
    }
}

fn template_failure(error: &TextError, path: &Path) -> WorkerFailure {
    WorkerFailure::new(ErrorCode::ChatTemplateInvalid, error.to_string()).with("path", text_of(path))
}

fn text_failure(error: &TextError, model: &Path) -> WorkerFailure {
    let failure = |code| WorkerFailure::new(code, error.to_string());
    match error {
        TextError::Read { path, .. } => failure(ErrorCode::TokenizerUnusable).with("path", text_of(path)),
        TextError::SavedAgain(path) => failure(ErrorCode::TokenizerSavedAgain).with("path", text_of(path)),
        TextError::Unsupported { field, value } => {
            failure(ErrorCode::ModelUnsupported).with("field", *field).with("value", value.clone())
        }
        TextError::NoTemplate(_) => failure(ErrorCode::ChatTemplateMissing).with("path", text_of(model)),
        TextError::Template(_) => failure(ErrorCode::ChatTemplateInvalid).with("path", text_of(model)),
        _ => failure(ErrorCode::TokenizerUnusable).with("path", text_of(model)),
    }
}

fn text_of(path: &Path) -> String {
    path.display().to_string()
}
