//! One message of a prompt: of a person, of the model with the functions that it calls, or what a call
//! returned. Knows no history and no server.
use contract::{PictureView, Role};
use endpoint::{Arguments, ChatMessage, FunctionCall, ToolCall};

/// One message of a prompt. Its images are still ids of the history.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct PromptMessage {
    pub role: Role,
    pub text: String,
    pub pictures: Vec<PictureView>,
    /// The reasoning before calls, which a model reads until it has answered.
    pub reasoning: String,
    /// The functions that this message of the assistant calls.
    pub calls: Vec<PromptCall>,
    /// The call whose result this message is.
    pub result_of: Option<String>,
}

/// A call as the model wrote it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PromptCall {
    pub id: String,
    pub function: String,
    pub arguments: String,
}

impl PromptMessage {
    pub(crate) fn new(role: Role, text: impl Into<String>) -> Self {
        Self {
            role,
            text: text.into(),
            pictures: Vec::new(),
            reasoning: String::new(),
            calls: Vec::new(),
            result_of: None,
        }
    }

    /// What a call returned.
    pub(crate) fn result(call: String, text: String) -> Self {
        Self { result_of: Some(call), ..Self::new(Role::User, text) }
    }

    /// The role's name in the protocol.
    pub(crate) fn role_name(&self) -> &'static str {
        match (&self.result_of, self.role) {
            (Some(_), _) => "tool",
            (None, Role::System) => "system",
            (None, Role::User) => "user",
            (None, Role::Assistant) => "assistant",
        }
    }

    /// As it is sent, without its images.
    pub(crate) fn to_chat_message(&self) -> ChatMessage {
        let calls = self.calls.iter().map(|call| {
            let arguments = Arguments::Text(call.arguments.clone());
            ToolCall::function(call.id.clone(), FunctionCall { name: call.function.clone(), arguments })
        });
        let calls: Vec<ToolCall> = calls.collect();
        ChatMessage {
            reasoning_content: Some(self.reasoning.clone()).filter(|reasoning| !reasoning.is_empty()),
            tool_calls: Some(calls).filter(|calls| !calls.is_empty()),
            tool_call_id: self.result_of.clone(),
            ..ChatMessage::new(self.role_name(), self.text.clone())
        }
    }
}
