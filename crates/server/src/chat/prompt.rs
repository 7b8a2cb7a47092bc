//! From the messages of a request to the tokens of a prompt: by the model's chat template, or with images by
//! the published code of the family.
use std::sync::Arc;

use engine::EmbedSpan;
use protocol::ApiErrorCode;
use protocol::openai::{Arguments, ChatCompletionRequest, ChatMessage, MessageContent, ToolCall};
use serde_json::Value;
use text::{ChatTemplate, Conversation, Grammar, Message, OutputParser, Reasoning, TextError};

use crate::error::ApiError;
use crate::images::{ImageFetcher, ImagePrompt, image_urls, text_of};
use crate::model::{LoadedModel, PromptFormat};
use crate::response_format::{GrammarStart, ResponseFormat};
use crate::thinking::ThinkingFields;

/// A prompt and how its answer is parsed and constrained.
pub struct RenderedPrompt {
    pub tokens: Vec<u32>,
    pub spans: Vec<EmbedSpan>,
    pub parser: OutputParser,
    /// The grammar, and from where on the answer is held to it.
    pub grammar: Option<(Grammar, GrammarStart)>,
}

/// By the model's own template.
pub fn render(
    request: &ChatCompletionRequest,
    format: &ResponseFormat,
    template: &ChatTemplate,
    model: &LoadedModel,
) -> Result<RenderedPrompt, ApiError> {
    let tokenizer = &model.tokenizer;
    let messages: Vec<Message> = request.messages.iter().map(message).collect::<Result<_, _>>()?;
    let kwargs =
        ThinkingFields::of(request).template_kwargs(template.reasoning(), &request.chat_template_kwargs)?;
    let prompt = template.render(&Conversation {
        messages: &messages,
        tools: offered_tools(request),
        template_kwargs: Some(&kwargs),
        continue_final_message: request.continue_final_message
            || request.messages.last().is_some_and(|last| last.prefix),
    });
    let refused =
        |error: TextError| ApiError::of("messages", ApiErrorCode::ConversationRefused, error.to_string());
    let prompt = prompt.map_err(refused)?;
    let grammar = match format {
        ResponseFormat::Text => None,
        ResponseFormat::Json(schema) => Some(("response_format", Grammar::json_schema(schema, tokenizer))),
        ResponseFormat::Call(tools) => {
            Some(("tool_choice", Grammar::call(tools, template.tool_call_format(), tokenizer)))
        }
    };
    let grammar = grammar.map(|(param, grammar)| grammar.map_err(|error| grammar_refused(param, &error)));
    let mut parser = OutputParser::new(prompt.thinking, !offered_tools(request).is_empty());
    // An answer with a grammar begins with it.
    if prompt.undecided && model.omits_think_tag && grammar.is_none() {
        parser = parser.undecided();
    }
    let start = if prompt.thinking { GrammarStart::AfterReasoning } else { GrammarStart::First };
    let grammar = match grammar.transpose()? {
        Some(grammar) => Some((grammar, start)),
        None => calls_grammar(offered_tools(request), template, model),
    };
    Ok(RenderedPrompt {
        tokens: tokenizer.encode_prompt(&prompt).map_err(refused)?,
        spans: Vec::new(),
        parser,
        grammar,
    })
}

/// Holds calls that the model may make to the functions' schemas. A schema that no grammar can hold leaves
/// the calls free: the client checks the arguments.
fn calls_grammar(
    tools: &[Value],
    template: &ChatTemplate,
    model: &LoadedModel,
) -> Option<(Grammar, GrammarStart)> {
    // A template that writes no calls does not tell in which format its model was trained.
    if tools.is_empty() || !template.writes_calls() {
        return None;
    }
    match Grammar::calls(tools, template.tool_call_format(), &model.tokenizer) {
        Ok(found) => found.map(|(grammar, begin)| (grammar, GrammarStart::Token(begin))),
        Err(error) => {
            tracing::warn!(%error, "calls are not held to the schemas of the functions");
            None
        }
    }
}

/// With images, which are fetched and decoded here and encoded by the vision tower later.
pub async fn encode_images(
    request: &ChatCompletionRequest,
    format: &ResponseFormat,
    model: Arc<LoadedModel>,
    fetcher: &ImageFetcher,
) -> Result<(ImagePrompt, Option<(Grammar, GrammarStart)>), ApiError> {
    ThinkingFields::of(request).template_kwargs(&Reasoning::Never, &request.chat_template_kwargs)?;
    if !offered_tools(request).is_empty() {
        let message = "this model was not trained to call functions";
        return Err(ApiError::of("tools", ApiErrorCode::ToolsUnsupported, message));
    }
    let grammar = match format {
        ResponseFormat::Json(schema) => {
            let grammar = Grammar::json_schema(schema, &model.tokenizer);
            Some((grammar.map_err(|error| grammar_refused("response_format", &error))?, GrammarStart::First))
        }
        ResponseFormat::Text | ResponseFormat::Call(_) => None,
    };
    let images = fetch(&request.messages, fetcher).await?;
    let messages = request.messages.clone();
    let prompt = tokio::task::spawn_blocking(move || {
        let PromptFormat::Images(encoder) = &model.prompt_format else {
            unreachable!("the model takes images")
        };
        encoder.prompt(&messages, &images, &model.tokenizer, model.engine.context())
    });
    let failed = |error: tokio::task::JoinError| {
        ApiError::new(ApiErrorCode::EngineFailed, format!("decode the images: {error}"))
    };
    Ok((prompt.await.map_err(failed)??, grammar))
}

/// The tokens of the prompt that `completions` would answer, of whatever length. Images are decoded and not
/// encoded.
///
/// # Errors
/// As `completions`, but for a prompt that is too long.
pub async fn prompt_tokens(
    request: ChatCompletionRequest,
    model: Arc<LoadedModel>,
    fetcher: &ImageFetcher,
) -> Result<Vec<u32>, ApiError> {
    let images = match model.prompt_format {
        PromptFormat::Images(_) => fetch(&request.messages, fetcher).await?,
        PromptFormat::Template(_) => Vec::new(),
    };
    let tokens = tokio::task::spawn_blocking(move || match &model.prompt_format {
        PromptFormat::Template(template) => {
            render(&request, &ResponseFormat::Text, template, &model).map(|prompt| prompt.tokens)
        }
        PromptFormat::Images(encoder) => encoder
            .prompt(&request.messages, &images, &model.tokenizer, usize::MAX)
            .map(ImagePrompt::into_tokens),
    });
    let failed = |error| ApiError::new(ApiErrorCode::Internal, format!("count the tokens: {error}"));
    tokens.await.map_err(failed)?
}

async fn fetch(messages: &[ChatMessage], fetcher: &ImageFetcher) -> Result<Vec<Vec<u8>>, ApiError> {
    let mut images = Vec::new();
    for url in image_urls(messages)? {
        images.push(fetcher.fetch(&url).await?);
    }
    Ok(images)
}

/// The tools that the template shows to the model.
fn offered_tools(request: &ChatCompletionRequest) -> &[Value] {
    if request.tool_choice.as_ref().is_some_and(|choice| choice == "none") { &[] } else { &request.tools }
}

/// # Errors
/// When a part is not text: a model with a chat template takes no images.
fn message(message: &ChatMessage) -> Result<Message, ApiError> {
    let content = match &message.content {
        MessageContent::Null => String::new(),
        MessageContent::Text(text) => text.clone(),
        MessageContent::Parts(parts) => parts.iter().map(text_of).collect::<Result<_, _>>()?,
    };
    let reasoning = message.reasoning_content.as_ref().or(message.reasoning.as_ref());
    Ok(Message {
        role: message.role.clone(),
        content,
        reasoning: reasoning.cloned().unwrap_or_default(),
        tool_calls: message.tool_calls.iter().flatten().map(tool_call).collect(),
        tool_call_id: message.tool_call_id.clone(),
        name: message.name.clone(),
    })
}

fn tool_call(call: &ToolCall) -> text::ToolCall {
    let arguments = match &call.function.arguments {
        Arguments::Text(text) => text.clone(),
        // As Python's `json.dumps` writes it, which is what models were trained on.
        Arguments::Object(object) => text::python_json(&Value::Object(object.clone())),
    };
    text::ToolCall { id: call.id.clone(), name: call.function.name.clone(), arguments }
}

fn grammar_refused(param: &'static str, error: &TextError) -> ApiError {
    ApiError::of(param, ApiErrorCode::FormImpossible, error.to_string())
}
