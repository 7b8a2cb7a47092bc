//! Renders a conversation to a prompt: guards untrusted text, tries the render options that the template
//! accepts, and checks that no message is dropped.
//!
//! Knows nothing of Jinja; a template is a function from messages to text here.
use serde_json::Value;

use crate::barriers::{Barriers, texts};
use crate::message::{ToolCallEncoding, known_role};
use crate::template::{ChatTemplate, Conversation};
use crate::{Message, Prompt, TextError};

/// Marker after the message to continue while the template is applied. The text behind it closes the turn and
/// is cut.
const CONTINUE_MARKER: &str = "CONTINUE_FINAL_MESSAGE_TAG ";
const THINK: &str = "<think>";
const THINK_TAGS: [&str; 2] = [THINK, "</think>"];

/// How a conversation is passed to a template.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct RenderOptions {
    tool_calls: ToolCallEncoding,
    /// Tool calls and tool outputs are written into the messages' content.
    inline_calls: bool,
    /// All system messages are merged into one at the beginning.
    merge_system: bool,
    /// Tools are described in the system message instead of passed as `tools`.
    tools_in_system: bool,
}

/// The input of a template, with barriers in untrusted text.
struct GuardedInput<'a> {
    messages: Vec<Message>,
    tools: Vec<Value>,
    template_kwargs: Option<Value>,
    conversation: &'a Conversation<'a>,
}

impl ChatTemplate {
    /// Renders the prompt of a conversation. Tools that the template ignores are described in the system
    /// message, and tool calls that it cannot write become content.
    ///
    /// # Errors
    /// The template raises an error, drops a message, or cuts the message to continue; an unknown role.
    pub fn render(&self, conversation: &Conversation) -> Result<Prompt, TextError> {
        let mut messages = conversation.messages.to_vec();
        for (index, message) in messages.iter_mut().enumerate() {
            let role = known_role(&message.role)
                .ok_or_else(|| TextError::UnknownRole { index, role: message.role.clone() })?;
            message.role = role.to_owned();
        }
        let untrusted: Vec<&str> = messages
            .iter()
            .flat_map(untrusted_texts)
            .chain(conversation.tools.iter().flat_map(texts))
            .chain(conversation.template_kwargs.into_iter().flat_map(texts))
            .chain([self.source()])
            .collect();
        let barriers = Barriers::new(self.control_tokens(), untrusted.iter().copied())?;
        let input = |keep_tags: bool| GuardedInput {
            messages: messages
                .iter()
                .enumerate()
                .map(|(at, message)| {
                    let continued = conversation.continue_final_message && at + 1 == messages.len();
                    let keep = continued || (keep_tags && message.role == "assistant");
                    guard_message(message, &barriers, if keep { &THINK_TAGS } else { &[] })
                })
                .collect(),
            tools: conversation.tools.iter().map(|tool| barriers.insert_in_json(tool)).collect(),
            template_kwargs: conversation
                .template_kwargs
                .filter(|kwargs| kwargs.is_object())
                .map(|kwargs| barriers.insert_in_json(kwargs)),
            conversation,
        };
        // Templates search for the tags to drop reasoning from history. If this template does not, the tags
        // are text.
        let tags = messages.iter().any(|message| {
            message.role == "assistant" && THINK_TAGS.iter().any(|tag| message.content.contains(tag))
        });
        let as_text =
            self.render_guarded(&input(false)).map(|(text, thinking)| (barriers.strip(&text), thinking));
        let (guarded, thinking) = match as_text {
            as_text if !tags || !self.handles_reasoning() => as_text?,
            as_text => {
                let (text, thinking) = self.render_guarded(&input(true))?;
                let cut = (barriers.strip(&text), thinking);
                match as_text {
                    Ok(as_text) if as_text.0.text == cut.0.text => as_text,
                    _ => cut,
                }
            }
        };
        let question = !conversation.continue_final_message
            && messages.last().is_some_and(|message| message.role == "user");
        let decided = THINK_TAGS.iter().any(|tag| guarded.text.trim_end().ends_with(tag));
        Ok(Prompt { guarded, thinking, undecided: question && !decided })
    }

    /// Renders with the first options for which the template drops no message. The error is that of the first
    /// try.
    fn render_guarded(&self, input: &GuardedInput) -> Result<(String, bool), TextError> {
        let mut first_error = None;
        for options in self.candidate_options(input) {
            let messages = apply_options(&input.messages, options, self);
            let error = match self.find_dropped(&messages, input, options) {
                Ok(None) => match self.render_with(&messages, input, options) {
                    Ok(prompt) => return Ok(prompt),
                    Err(error) => error,
                },
                Ok(Some(index)) => {
                    let role = input.conversation.messages[index].role.clone();
                    TextError::MessageDropped { index, role }
                }
                Err(error) => error,
            };
            first_error.get_or_insert(error);
        }
        Err(first_error.expect("at least one set of options"))
    }

    /// Options to try, best guess first: the one detected when the template was loaded.
    fn candidate_options(&self, input: &GuardedInput) -> Vec<RenderOptions> {
        let first = RenderOptions {
            tool_calls: self.tool_call_encoding(),
            inline_calls: !self.writes_calls(),
            merge_system: false,
            tools_in_system: !self.describes_tools(),
        };
        let mut candidates = vec![first];
        let mut add = |change: &dyn Fn(&mut RenderOptions)| {
            for at in 0..candidates.len() {
                let mut options = candidates[at];
                change(&mut options);
                if !candidates.contains(&options) {
                    candidates.push(options);
                }
            }
        };
        let messages = &input.messages;
        if !input.tools.is_empty() {
            add(&|options| options.tools_in_system = true);
        }
        if messages.iter().any(Message::is_only_tool_calls) {
            add(&|options| options.tool_calls.null_content = !options.tool_calls.null_content);
        }
        if messages.iter().any(|message| message.role == "tool" || !message.tool_calls.is_empty()) {
            add(&|options| options.inline_calls = true);
        }
        if messages.iter().skip(1).any(|message| message.role == "system") {
            add(&|options| options.merge_system = true);
        }
        candidates
    }

    /// The first message that is missing from the prompt, found by appending a unique probe word to each
    /// message.
    fn find_dropped(
        &self,
        messages: &[(usize, Message)],
        input: &GuardedInput,
        options: RenderOptions,
    ) -> Result<Option<usize>, TextError> {
        let probe = |kind: &str, at: usize| format!("wd{kind}{at}q");
        let mut probed: Vec<Message> = messages.iter().map(|(_, message)| message.clone()).collect();
        // The message to continue is checked in `render_with`.
        let checked =
            probed.len() - usize::from(input.conversation.continue_final_message && !probed.is_empty());
        if checked == 0 {
            return Ok(None);
        }
        for (at, message) in probed[..checked].iter_mut().enumerate() {
            if !message.content.trim().is_empty() {
                message.content += &probe("text", at);
            }
            if let Some(call) = message.tool_calls.last_mut() {
                call.name += &probe("call", at);
            }
        }
        let text = self.apply_with(&probed[..checked], input, options, true)?;
        for (at, message) in probed[..checked].iter().enumerate() {
            let found = message.content.trim().is_empty() || text.contains(&probe("text", at));
            if !found || !(message.tool_calls.is_empty() || text.contains(&probe("call", at))) {
                return Ok(Some(messages[at].0));
            }
        }
        Ok(None)
    }

    /// The prompt up to the start of the answer, or up to the end of the message to continue; and whether it
    /// ends inside `<think>`.
    fn render_with(
        &self,
        messages: &[(usize, Message)],
        input: &GuardedInput,
        options: RenderOptions,
    ) -> Result<(String, bool), TextError> {
        let mut messages: Vec<Message> = messages.iter().map(|(_, message)| message.clone()).collect();
        if !input.conversation.continue_final_message {
            let text = self.apply_with(&messages, input, options, true)?;
            let thinking = ends_in_think(&text);
            return Ok((text, thinking));
        }
        let last = messages.last().filter(|message| message.role == "assistant").cloned();
        let last = last
            .ok_or_else(|| TextError::Template("only a final assistant message can be continued".into()))?;
        if !last.reasoning.is_empty() {
            // Templates drop reasoning: render without this message and append its reasoning and content.
            messages.pop();
            return Ok(append_partial_answer(self.apply_with(&messages, input, options, true)?, &last));
        }
        if let Some(message) = messages.last_mut() {
            message.content += CONTINUE_MARKER;
        }
        let text = cut_at_marker(self.apply_with(&messages, input, options, false)?)
            .ok_or_else(|| TextError::Template("the template drops the message to continue".into()))?;
        let before = text.strip_suffix(last.content.as_str()).unwrap_or(&text);
        let opened = ends_in_think(before) || last.content.contains(THINK);
        Ok((text, opened && !last.content.contains("</think>")))
    }

    fn apply_with(
        &self,
        messages: &[Message],
        input: &GuardedInput,
        options: RenderOptions,
        answer: bool,
    ) -> Result<String, TextError> {
        let mut values: Vec<Value> =
            messages.iter().map(|message| Value::Object(message.fields(options.tool_calls))).collect();
        if !answer && let Some(last) = values.last_mut() {
            last["prefix"] = true.into();
        }
        let mut tools = input.tools.as_slice();
        if options.tools_in_system && !tools.is_empty() {
            append_system(&mut values, &self.tool_call_format().description(tools));
            tools = &[];
        }
        let text = self.apply(&values, tools, input.template_kwargs.as_ref(), answer)?;
        let name = |tool: &&Value| tool["function"]["name"].as_str().is_some_and(|name| !text.contains(name));
        match tools.iter().find(name) {
            Some(tool) => {
                let name = &tool["function"]["name"];
                Err(TextError::Template(format!("the template does not write the function {name}")))
            }
            None => Ok(text),
        }
    }
}

/// All untrusted texts of a message.
fn untrusted_texts(message: &Message) -> Vec<&str> {
    let calls = message.tool_calls.iter().flat_map(|call| [&call.id, &call.name, &call.arguments]);
    let own = [&message.content, &message.reasoning].into_iter();
    let named = message.tool_call_id.iter().chain(&message.name);
    own.chain(calls).chain(named).map(String::as_str).collect()
}

fn guard_message(message: &Message, barriers: &Barriers, kept: &[&str]) -> Message {
    let put = |text: &String| barriers.insert(text, &[]);
    let mut guarded = message.clone();
    guarded.content = barriers.insert(&message.content, kept);
    guarded.reasoning = put(&message.reasoning);
    guarded.tool_call_id = message.tool_call_id.as_ref().map(put);
    guarded.name = message.name.as_ref().map(put);
    for call in &mut guarded.tool_calls {
        (call.id, call.name, call.arguments) = (put(&call.id), put(&call.name), put(&call.arguments));
    }
    guarded
}

/// The messages changed as the options ask, each with its index in the request.
fn apply_options(
    messages: &[Message],
    options: RenderOptions,
    template: &ChatTemplate,
) -> Vec<(usize, Message)> {
    let mut list: Vec<(usize, Message)> = Vec::new();
    for (at, message) in messages.iter().enumerate() {
        let message =
            if options.inline_calls { template.tool_call_format().inline(message) } else { message.clone() };
        if !options.merge_system || message.role != "system" {
            list.push((at, message));
            continue;
        }
        match list.first_mut() {
            Some((_, first)) if first.role == "system" => {
                first.content = format!("{}\n\n{}", first.content.trim_end(), message.content);
            }
            _ => list.insert(0, (at, message)),
        }
    }
    list
}

fn ends_in_think(prompt: &str) -> bool {
    prompt.trim_end().ends_with(THINK)
}

/// Appends a partial answer to the prompt. The flag says whether it ends inside its reasoning.
fn append_partial_answer(mut text: String, last: &Message) -> (String, bool) {
    if !ends_in_think(&text) {
        text += "<think>\n";
    }
    text += &last.reasoning;
    if last.content.is_empty() {
        return (text, true);
    }
    text.truncate(text.trim_end().len());
    text += "\n</think>\n\n";
    text += &last.content;
    (text, false)
}

/// Appends to the leading system message, or inserts one.
fn append_system(values: &mut Vec<Value>, text: &str) {
    match values.first_mut().filter(|first| first["role"] == "system") {
        Some(first) => {
            let existing = first["content"].as_str().unwrap_or_default().trim_end().to_owned();
            first["content"] = Value::from(if existing.is_empty() {
                text.to_owned()
            } else {
                format!("{existing}\n\n{text}")
            });
        }
        None => {
            let system = Message::new("system", text).fields(ToolCallEncoding::default());
            values.insert(0, Value::Object(system));
        }
    }
}

/// The prompt up to the marker. A template that trims the message also trims the marker's trailing space.
fn cut_at_marker(mut text: String) -> Option<String> {
    let at = text.rfind(CONTINUE_MARKER.trim_end())?;
    let spaced = text[at..].starts_with(CONTINUE_MARKER);
    text.truncate(at);
    if !spaced {
        text.truncate(text.trim_end().len());
    }
    Some(text)
}
