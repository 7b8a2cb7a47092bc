//! A request of the Messages API as a chat request: names, kinds and the defaults that differ.
//! The messages themselves are in `input`.
use protocol::anthropic::{MessagesRequest, OutputFormat, Tool, ToolChoice};
use protocol::openai::{ChatCompletionRequest, ResponseFormat, SamplingParams, Stop, ThinkingParam};
use serde_json::{Value, json};
use text::Reasoning;

use super::input::messages;
use crate::error::ApiError;
use crate::model::PromptFormat;

/// # Errors
/// A kind that is not known, named by its path.
pub fn chat_request(
    request: MessagesRequest,
    prompt: &PromptFormat,
) -> Result<ChatCompletionRequest, ApiError> {
    let thinking = thinking(&request, prompt)?;
    let format = request.output_config.and_then(|config| config.format).or(request.output_format);
    let choice = request.tool_choice.as_ref();
    Ok(ChatCompletionRequest {
        messages: messages(request.system, request.messages)?,
        tool_choice: choice.map(tool_choice).transpose()?,
        parallel_tool_calls: choice.filter(|choice| choice.disable_parallel_tool_use).map(|_| false),
        tools: request.tools.into_iter().enumerate().map(tool).collect::<Result<_, _>>()?,
        response_format: format.map(response_format).transpose()?,
        thinking,
        model: request.model,
        sampling: SamplingParams {
            max_tokens: request.max_tokens,
            temperature: request.temperature,
            top_p: request.top_p,
            top_k: request.top_k,
            stop: Stop(request.stop_sequences),
            ..SamplingParams::default()
        },
        ..ChatCompletionRequest::default()
    })
}

/// A model that can choose reasons when it is asked to, and not otherwise, as in Anthropic's API. One that
/// cannot does what it does: the field is a permission there, and an answer without thinking is allowed.
fn thinking(request: &MessagesRequest, prompt: &PromptFormat) -> Result<Option<ThinkingParam>, ApiError> {
    let kind = match request.thinking.as_ref().map(|thinking| thinking.kind.as_str()) {
        Some("enabled" | "adaptive") => "enabled",
        Some("disabled") | None => "disabled",
        Some(_) => {
            let message = "thinking.type is enabled, adaptive or disabled";
            return Err(ApiError::invalid("thinking.type", message));
        }
    };
    let switch = matches!(prompt, PromptFormat::Template(template)
        if matches!(template.reasoning(), Reasoning::Switch(_)));
    Ok(switch.then(|| ThinkingParam { kind: kind.to_owned() }))
}

fn tool((at, tool): (usize, Tool)) -> Result<Value, ApiError> {
    if let Some(kind) = tool.kind.as_deref().filter(|kind| *kind != "custom") {
        let message =
            format!("tools[{at}] is {kind}, which Anthropic's servers run: only your own tools work");
        return Err(ApiError::invalid(format!("tools[{at}].type"), message));
    }
    let schema = tool.input_schema.unwrap_or_else(|| json!({"type": "object"}));
    let mut function = json!({"name": tool.name, "parameters": schema});
    if let Some(description) = tool.description {
        function["description"] = description.into();
    }
    Ok(json!({"type": "function", "function": function}))
}

fn tool_choice(choice: &ToolChoice) -> Result<Value, ApiError> {
    match (choice.kind.as_str(), &choice.name) {
        ("auto", _) => Ok("auto".into()),
        ("any", _) => Ok("required".into()),
        ("none", _) => Ok("none".into()),
        ("tool", Some(name)) => Ok(json!({"type": "function", "function": {"name": name}})),
        ("tool", None) => Err(ApiError::invalid("tool_choice.name", "the name of a tool is missing")),
        _ => Err(ApiError::invalid("tool_choice.type", "it must be auto, any, tool or none")),
    }
}

fn response_format(format: OutputFormat) -> Result<ResponseFormat, ApiError> {
    if format.kind != "json_schema" {
        return Err(ApiError::invalid("output_config.format.type", "it must be json_schema"));
    }
    let json_schema = Some(json!({"schema": format.schema}));
    Ok(ResponseFormat { kind: format.kind, json_schema, schema: None })
}
