//! Values of a chat request that are outside their range or contradict each other.
//! Values that plain completions have too are in `sampling_params`; messages are checked with their template.
use protocol::openai::ChatCompletionRequest;
use serde_json::Value;

use crate::error::ApiError;
use crate::sampling_params;

/// # Errors
/// A value outside its range, named.
pub fn check(request: &ChatCompletionRequest) -> Result<(), ApiError> {
    sampling_params::check(&request.sampling)?;
    if request.messages.is_empty() {
        return Err(ApiError::invalid("messages", "messages is empty"));
    }
    if request.top_logprobs.is_some_and(|count| count > 20) {
        return Err(ApiError::invalid("top_logprobs", "at most 20 alternatives are returned"));
    }
    if !request.logprobs && request.top_logprobs.is_some_and(|count| count > 0) {
        return Err(ApiError::invalid("top_logprobs", "top_logprobs needs logprobs: true"));
    }
    if !request.chat_template_kwargs.is_null() && !request.chat_template_kwargs.is_object() {
        return Err(ApiError::invalid(
            "chat_template_kwargs",
            "chat_template_kwargs must be an object of template variables",
        ));
    }
    let has_name = |tool: &Value| tool["type"] == "function" && tool["function"]["name"].is_string();
    if !request.tools.iter().all(has_name) {
        return Err(ApiError::invalid("tools", "each tool must be a function with a name"));
    }
    Ok(())
}
