//! From a conversation to a prompt: text from outside is marked as such, the template is given the form it takes, and
//! nothing is sent that lacks a turn.
//!
//! Knows nothing of Jinja; a template is a function from messages to text here.
use serde_json::Value;

use crate::message::{CallFields, known_role};
use crate::template::{ChatTemplate, Conversation, Prompt};
use crate::untrusted::{Barriers, texts};
use crate::{Message, TextError};

/// Stands after the text to be continued while the template is applied; what follows it is the end of a turn.
const CONTINUE: &str = "CONTINUE_FINAL_MESSAGE_TAG ";
const THINK: &str = "<think>";
const THINK_TAGS: [&str; 2] = [THINK, "</think>"];

/// A way to give a conversation to a template.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Form {
    calls: CallFields,
    /// Calls and what functions gave back are spelled out in the turns' text.
    in_words: bool,
    /// All system texts are one, at the beginning.
    one_system: bool,
    /// Functions are described in the system text.
    described: bool,
}

/// What a template is asked to render, text from outside with barriers.
struct Marked<'a> {
    turns: Vec<Message>,
    tools: Vec<Value>,
    flags: Option<Value>,
    asked: &'a Conversation<'a>,
}

impl ChatTemplate {
    /// The prompt of a conversation. Functions that the template would not mention are described in the system text, and
    /// calls that it could not write are part of the words.
    ///
    /// # Errors
    /// When the template refuses the messages, leaves one out, or cuts away what should be continued; a role that is not
    /// known.
    pub fn render(&self, conversation: &Conversation) -> Result<Prompt, TextError> {
        let mut turns = conversation.messages.to_vec();
        for (turn, message) in turns.iter_mut().enumerate() {
            let role = known_role(&message.role)
                .ok_or_else(|| TextError::UnknownRole { turn, role: message.role.clone() })?;
            message.role = role.to_owned();
        }
        let outside: Vec<&str> = turns
            .iter()
            .flat_map(outside)
            .chain(conversation.tools.iter().flat_map(texts))
            .chain(conversation.flags.into_iter().flat_map(texts))
            .chain([self.source()])
            .collect();
        let barriers = Barriers::new(self.control_names(), outside.iter().copied())?;
        let marked = |keep_tags: bool| Marked {
            turns: turns
                .iter()
                .enumerate()
                .map(|(at, message)| {
                    let continued = conversation.continued && at + 1 == turns.len();
                    let keep = continued || (keep_tags && message.role == "assistant");
                    marked(message, &barriers, if keep { &THINK_TAGS } else { &[] })
                })
                .collect(),
            tools: conversation.tools.iter().map(|tool| barriers.put_in(tool)).collect(),
            flags: conversation.flags.filter(|flags| flags.is_object()).map(|flags| barriers.put_in(flags)),
            asked: conversation,
        };
        // Templates look for the tags to cut reasoning from history; where one does not, they are text like any other.
        let tags = turns
            .iter()
            .any(|turn| turn.role == "assistant" && THINK_TAGS.iter().any(|tag| turn.content.contains(tag)));
        let as_text = self.fitted(&marked(false)).map(|(text, thinking)| (barriers.take(&text), thinking));
        let (guarded, thinking) = match as_text {
            as_text if !tags || !self.cuts_reasoning() => as_text?,
            as_text => {
                let (text, thinking) = self.fitted(&marked(true))?;
                let cut = (barriers.take(&text), thinking);
                match as_text {
                    Ok(as_text) if as_text.0.text == cut.0.text => as_text,
                    _ => cut,
                }
            }
        };
        let asked = !conversation.continued && turns.last().is_some_and(|turn| turn.role == "user");
        let decided = THINK_TAGS.iter().any(|tag| guarded.text.trim_end().ends_with(tag));
        Ok(Prompt { guarded, thinking, undecided: asked && !decided })
    }

    /// The first form in which the template takes the conversation and leaves nothing out.
    fn fitted(&self, marked: &Marked) -> Result<(String, bool), TextError> {
        let mut refused = None;
        for form in self.forms(marked) {
            let turns = formed(&marked.turns, form, self);
            let error = match self.lost(&turns, marked, form) {
                Ok(None) => match self.begun(&turns, marked, form) {
                    Ok(prompt) => return Ok(prompt),
                    Err(error) => error,
                },
                Ok(Some(turn)) => {
                    let role = marked.asked.messages[turn].role.clone();
                    TextError::TurnLost { turn, role }
                }
                Err(error) => error,
            };
            refused.get_or_insert(error);
        }
        Err(refused.expect("there is at least one form"))
    }

    /// Forms to try, the one that this template was found to take first.
    fn forms(&self, marked: &Marked) -> Vec<Form> {
        let first = Form {
            calls: self.call_fields(),
            in_words: !self.writes_calls(),
            one_system: false,
            described: !self.describes_tools(),
        };
        let mut forms = vec![first];
        let mut add = |change: &dyn Fn(&mut Form)| {
            for at in 0..forms.len() {
                let mut form = forms[at];
                change(&mut form);
                if !forms.contains(&form) {
                    forms.push(form);
                }
            }
        };
        let turns = &marked.turns;
        if !marked.tools.is_empty() {
            add(&|form| form.described = true);
        }
        if turns.iter().any(Message::is_silent_call) {
            add(&|form| form.calls.content_is_none = !form.calls.content_is_none);
        }
        if turns.iter().any(|turn| turn.role == "tool" || !turn.tool_calls.is_empty()) {
            add(&|form| form.in_words = true);
        }
        if turns.iter().skip(1).any(|turn| turn.role == "system") {
            add(&|form| form.one_system = true);
        }
        forms
    }

    /// The first turn that does not reach the prompt, found by a word of ours at the end of each.
    fn lost(
        &self,
        turns: &[(usize, Message)],
        marked: &Marked,
        form: Form,
    ) -> Result<Option<usize>, TextError> {
        let word = |kind: &str, at: usize| format!("wd{kind}{at}q");
        let mut traced: Vec<Message> = turns.iter().map(|(_, turn)| turn.clone()).collect();
        // The template's own answer to what is continued is looked at where that is done.
        let whole = traced.len() - usize::from(marked.asked.continued && !traced.is_empty());
        if whole == 0 {
            return Ok(None);
        }
        for (at, turn) in traced[..whole].iter_mut().enumerate() {
            if !turn.content.trim().is_empty() {
                turn.content += &word("text", at);
            }
            if let Some(call) = turn.tool_calls.last_mut() {
                call.name += &word("call", at);
            }
        }
        let text = self.applied(&traced[..whole], marked, form, true)?;
        for (at, turn) in traced[..whole].iter().enumerate() {
            let said = turn.content.trim().is_empty() || text.contains(&word("text", at));
            if !said || !(turn.tool_calls.is_empty() || text.contains(&word("call", at))) {
                return Ok(Some(turns[at].0));
            }
        }
        Ok(None)
    }

    /// The prompt, up to the beginning of an answer or inside of it, and whether it ends in reasoning.
    fn begun(
        &self,
        turns: &[(usize, Message)],
        marked: &Marked,
        form: Form,
    ) -> Result<(String, bool), TextError> {
        let mut turns: Vec<Message> = turns.iter().map(|(_, turn)| turn.clone()).collect();
        if !marked.asked.continued {
            let text = self.applied(&turns, marked, form, true)?;
            let thinking = opens_thinking(&text);
            return Ok((text, thinking));
        }
        let last = turns.last().filter(|message| message.role == "assistant").cloned();
        let last = last.ok_or_else(|| {
            TextError::Template("only a last message of the assistant can be continued".into())
        })?;
        if !last.reasoning.is_empty() {
            // Templates cut reasoning away, so the prompt is the one before it, and both parts are put after that.
            turns.pop();
            return Ok(resumed(self.applied(&turns, marked, form, true)?, &last));
        }
        if let Some(turn) = turns.last_mut() {
            turn.content += CONTINUE;
        }
        let text = before_tag(self.applied(&turns, marked, form, false)?).ok_or_else(|| {
            TextError::Template("the template cuts away the message that should be continued".into())
        })?;
        let before = text.strip_suffix(last.content.as_str()).unwrap_or(&text);
        let opened = opens_thinking(before) || last.content.contains(THINK);
        Ok((text, opened && !last.content.contains("</think>")))
    }

    fn applied(
        &self,
        turns: &[Message],
        marked: &Marked,
        form: Form,
        answer: bool,
    ) -> Result<String, TextError> {
        let mut messages: Vec<Value> =
            turns.iter().map(|turn| Value::Object(turn.fields(form.calls))).collect();
        if !answer && let Some(last) = messages.last_mut() {
            last["prefix"] = true.into();
        }
        let mut tools = marked.tools.as_slice();
        if form.described && !tools.is_empty() {
            describe(&mut messages, &self.call_form().description(tools));
            tools = &[];
        }
        let text = self.apply(&messages, tools, marked.flags.as_ref(), answer)?;
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

/// Every text of a turn that is not ours.
fn outside(message: &Message) -> Vec<&str> {
    let calls = message.tool_calls.iter().flat_map(|call| [&call.id, &call.name, &call.arguments]);
    let own = [&message.content, &message.reasoning].into_iter();
    let named = message.tool_call_id.iter().chain(&message.name);
    own.chain(calls).chain(named).map(String::as_str).collect()
}

fn marked(message: &Message, barriers: &Barriers, kept: &[&str]) -> Message {
    let put = |text: &String| barriers.put(text, &[]);
    let mut marked = message.clone();
    marked.content = barriers.put(&message.content, kept);
    marked.reasoning = put(&message.reasoning);
    marked.tool_call_id = message.tool_call_id.as_ref().map(put);
    marked.name = message.name.as_ref().map(put);
    for call in &mut marked.tool_calls {
        (call.id, call.name, call.arguments) = (put(&call.id), put(&call.name), put(&call.arguments));
    }
    marked
}

/// The turns in a form, each with its number in the request.
fn formed(turns: &[Message], form: Form, template: &ChatTemplate) -> Vec<(usize, Message)> {
    let mut list: Vec<(usize, Message)> = Vec::new();
    for (at, turn) in turns.iter().enumerate() {
        let turn = if form.in_words { template.call_form().in_words(turn) } else { turn.clone() };
        if !form.one_system || turn.role != "system" {
            list.push((at, turn));
            continue;
        }
        match list.first_mut() {
            Some((_, first)) if first.role == "system" => {
                first.content = format!("{}\n\n{}", first.content.trim_end(), turn.content);
            }
            _ => list.insert(0, (at, turn)),
        }
    }
    list
}

fn opens_thinking(prompt: &str) -> bool {
    prompt.trim_end().ends_with(THINK)
}

/// The prompt with the beginning of an answer that was cut, inside or after its reasoning.
fn resumed(mut text: String, last: &Message) -> (String, bool) {
    if !opens_thinking(&text) {
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

/// Adds to the first message when it is the system's, or puts one before it.
fn describe(messages: &mut Vec<Value>, text: &str) {
    match messages.first_mut().filter(|first| first["role"] == "system") {
        Some(first) => {
            let said = first["content"].as_str().unwrap_or_default().trim_end().to_owned();
            first["content"] =
                Value::from(if said.is_empty() { text.to_owned() } else { format!("{said}\n\n{text}") });
        }
        None => {
            let system = Message::new("system", text).fields(CallFields::default());
            messages.insert(0, Value::Object(system));
        }
    }
}

/// The prompt up to the tag. A template that trims the message trims the tag's own space too.
fn before_tag(mut text: String) -> Option<String> {
    let at = text.rfind(CONTINUE.trim_end())?;
    let spaced = text[at..].starts_with(CONTINUE);
    text.truncate(at);
    if !spaced {
        text.truncate(text.trim_end().len());
    }
    Some(text)
}
