//! A request of the Responses API as a chat request: names, kinds and tools.
//! The items of the input are in `input`.
use protocol::openai::{self, ChatCompletionRequest, SamplingParams};
use protocol::responses::{
    ReasoningParam, Response, ResponseStatus, ResponseText, ResponseTextFormat, ResponseTool,
    ResponsesRequest, TextFormat,
};
use serde_json::{Value, json};

use super::input::messages;
use crate::error::ApiError;

/// # Errors
/// A kind that is not known, named by its path.
pub fn chat_request(request: ResponsesRequest) -> Result<ChatCompletionRequest, ApiError> {
    if let Some(most) = request.max_output_tokens.filter(|most| *most < 1) {
        let message = format!("max_output_tokens is {most}; an answer has 1 token at least");
        return Err(ApiError::invalid("max_output_tokens", message));
    }
    let format = request.text.and_then(|text| text.format);
    Ok(ChatCompletionRequest {
        messages: messages(request.instructions, request.input)?,
        tool_choice: request.tool_choice.map(tool_choice),
        parallel_tool_calls: request.parallel_tool_calls.filter(|parallel| !parallel),
        tools: request.tools.into_iter().enumerate().map(tool).collect::<Result<_, _>>()?,
        response_format: format.map(response_format),
        reasoning_effort: request.reasoning.and_then(|reasoning| reasoning.effort),
        model: request.model,
        sampling: SamplingParams {
            max_tokens: request.max_output_tokens,
            temperature: request.temperature,
            top_p: request.top_p,
            ..SamplingParams::default()
        },
        ..ChatCompletionRequest::default()
    })
}

fn tool((at, tool): (usize, ResponseTool)) -> Result<Value, ApiError> {
    let ResponseTool { kind, name, description, parameters, strict } = tool;
    if kind != "function" {
        let message =
            format!("tools[{at}] is of type {kind}: only functions that you run yourself work here");
        return Err(ApiError::invalid(format!("tools[{at}].type"), message));
    }
    let name = name.ok_or_else(|| ApiError::invalid(format!("tools[{at}].name"), "name is missing"))?;
    let parameters = parameters.unwrap_or_else(|| json!({"type": "object"}));
    let mut function = json!({"name": name, "parameters": parameters});
    if let Some(description) = description {
        function["description"] = description.into();
    }
    if let Some(strict) = strict {
        function["strict"] = strict.into();
    }
    Ok(json!({"type": "function", "function": function}))
}

/// Chat puts the name of a function one level deeper.
fn tool_choice(choice: Value) -> Value {
    match choice.get("name") {
        Some(name) => json!({"type": "function", "function": {"name": name}}),
        None => choice,
    }
}

fn response_format(TextFormat { kind, schema }: TextFormat) -> openai::ResponseFormat {
    let json_schema = schema.map(|schema| json!({"schema": schema}));
    openai::ResponseFormat { kind, json_schema, schema: None }
}

/// The response before any output, with what was asked for.
pub fn echo(request: &ResponsesRequest) -> Response {
    let format = request.text.as_ref().and_then(|text| text.format.as_ref());
    Response {
        id: String::new(),
        object: "response",
        created_at: 0,
        status: ResponseStatus::InProgress,
        error: None,
        incomplete_details: None,
        model: String::new(),
        output: Vec::new(),
        usage: None,
        instructions: request.instructions.clone(),
        max_output_tokens: request.max_output_tokens,
        temperature: request.temperature,
        top_p: request.top_p,
        tools: request.tools.clone(),
        tool_choice: request.tool_choice.clone().unwrap_or_else(|| "auto".into()),
        parallel_tool_calls: request.parallel_tool_calls.unwrap_or(true),
        reasoning: ReasoningParam { summary: None, ..request.reasoning.clone().unwrap_or_default() },
        text: ResponseText {
            format: ResponseTextFormat {
                kind: format.map_or_else(|| "text".to_owned(), |format| format.kind.clone()),
                name: format.and_then(|format| format.schema.as_ref()).map(|_| "schema"),
                schema: format.and_then(|format| format.schema.clone()),
            },
        },
        metadata: request.metadata.clone().unwrap_or_else(|| json!({})),
        background: false,
        store: false,
        previous_response_id: None,
        truncation: "disabled",
    }
}
