//! An answer that may call tools: the model is asked, the tools that it calls are run once they are approved,
//! and it is asked again with the results, until it calls none. For the recorder all of it is one stream of
//! events. Knows what a tool is from `tools`, and nothing of its server.
use std::time::Instant;

use contract::{ErrorCode, ErrorView, ToolCallState, ToolCallView, ToolDecision, ToolPermission};
use endpoint::CallDelta;
use futures_util::future::join_all;
use futures_util::{StreamExt, stream};
use tokio::sync::mpsc;
use tools::ToolResult;

use super::backend::Backend;
use super::event::{AnswerText, BackendEvent, BackendStream};
use super::prompt::Prompt;
use super::prompt_message::PromptMessage;
use super::rounds::{prompt_call, result_message};
use crate::tools::{Function, OfferedTools, arguments_of};

/// More requests to the model than any task of a chat needs.
const MOST_ROUNDS: u32 = 50;
/// Calls in one round; a model that repeats itself writes them without end.
const MOST_CALLS: usize = 32;
/// Bytes of the arguments of one call.
const MOST_ARGUMENTS: usize = 1 << 20;

/// What the rounds of one answer share.
pub(super) struct ToolLoop {
    pub backend: Backend,
    pub offered: OfferedTools,
}

/// Ends the task of an answer when its stream is dropped.
struct AbortOnDrop(tokio::task::JoinHandle<()>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl ToolLoop {
    /// The events of all rounds. Dropping the stream stops the model and the calls.
    pub(super) fn stream(self, prompt: Prompt) -> BackendStream {
        let (sender, receiver) = mpsc::channel(64);
        let task = AbortOnDrop(tokio::spawn(async move {
            if let Err(error) = self.run(prompt, &sender).await {
                // Nobody listens to an answer that was stopped.
                let _ = sender.send(Err(error)).await;
            }
        }));
        stream::unfold((receiver, task), |(mut receiver, task)| async {
            Some((receiver.recv().await?, (receiver, task)))
        })
        .boxed()
    }

    async fn run(&self, mut prompt: Prompt, events: &Events) -> Result<(), ErrorView> {
        let mut counted = 0;
        for round in (prompt.next_round..).take(MOST_ROUNDS as usize) {
            let asked = self.ask(&prompt, counted, events).await?;
            counted += asked.completion_tokens;
            if asked.calls.is_empty() {
                return Ok(());
            }
            let calls = asked.calls.into_iter().map(|call| self.call(round, call, events));
            let calls: Vec<ToolCallView> = join_all(calls).await.into_iter().collect::<Result<_, _>>()?;
            let partial = std::mem::take(&mut prompt.partial);
            prompt.messages.push(PromptMessage {
                reasoning: partial.reasoning + &asked.text.reasoning,
                calls: calls.iter().map(prompt_call).collect(),
                ..PromptMessage::new(contract::Role::Assistant, partial.text + &asked.text.text)
            });
            prompt.messages.extend(calls.iter().map(result_message));
        }
        let message = "answer: the model calls tools without end";
        Err(ErrorView::new(ErrorCode::ToolTooManyCalls, message).with("rounds", MOST_ROUNDS))
    }

    /// One request to the model. Its end is passed on where it is the end of the answer.
    async fn ask(&self, prompt: &Prompt, counted: u32, events: &Events) -> Result<Asked, ErrorView> {
        let mut stream = self.backend.clone().stream(prompt.clone(), self.offered.history.clone()).await?;
        let mut asked = Asked::default();
        while let Some(event) = stream.next().await {
            let event = match event? {
                BackendEvent::Call(part) => {
                    asked.push(part)?;
                    continue;
                }
                BackendEvent::End { length: false } if !asked.calls.is_empty() => continue,
                // A call that was cut off is none.
                BackendEvent::End { length } => {
                    asked.calls.clear();
                    BackendEvent::End { length }
                }
                BackendEvent::Usage { prompt_tokens, completion_tokens } => {
                    asked.completion_tokens = completion_tokens;
                    BackendEvent::Usage { prompt_tokens, completion_tokens: counted + completion_tokens }
                }
                event => event,
            };
            asked.text.push(&event);
            events.send(Ok(event)).await.map_err(|_| stopped())?;
        }
        Ok(asked)
    }

    /// Approves, runs and reports one call.
    async fn call(&self, round: u32, call: Written, events: &Events) -> Result<ToolCallView, ErrorView> {
        let function = self.offered.find(&call.name);
        let mut view = ToolCallView {
            // Ids of servers repeat between answers; a page of a result is asked for by its id.
            id: format!("call_{}", uuid::Uuid::now_v7().simple()),
            // The recorder knows how much text came before.
            text_before: 0,
            reasoning_before: 0,
            round,
            function: call.name.clone(),
            server_id: function.as_ref().map_or_else(String::new, |function| function.server_id.clone()),
            server: function.as_ref().map_or_else(String::new, |function| function.server.clone()),
            tool: function.as_ref().map_or(call.name, |function| function.tool.clone()),
            arguments: call.arguments,
            edited: false,
            state: ToolCallState::Running,
            result: String::new(),
            read_chars: 0,
            result_chars: 0,
            error: None,
            ms: None,
        };
        let approved = match &function {
            Some(function) => self.approve(function, &mut view, events).await?,
            None => false,
        };
        let started = Instant::now();
        let result = match (&function, approved) {
            (None, _) => Some(Ok(ToolResult::error(format!("There is no tool {}.", view.function)))),
            (Some(_), false) => None,
            (Some(function), true) => match arguments_of(&view.arguments) {
                Ok(arguments) => {
                    self.report(&view, "", events).await?;
                    let result = self.offered.run(function, arguments).await;
                    view.ms = Some(u32::try_from(started.elapsed().as_millis()).unwrap_or(u32::MAX));
                    Some(result)
                }
                Err(error) => Some(Err(error)),
            },
        };
        let whole = self.end(&mut view, result);
        self.report(&view, &whole, events).await?;
        Ok(view)
    }

    /// Whether the call may run, after the user was asked where that is wanted.
    async fn approve(
        &self,
        function: &Function,
        view: &mut ToolCallView,
        events: &Events,
    ) -> Result<bool, ErrorView> {
        match self.offered.permission(function)? {
            ToolPermission::Always => return Ok(true),
            ToolPermission::Never => return Ok(false),
            ToolPermission::Ask => {}
        }
        view.state = ToolCallState::Asking;
        let decision = self.offered.decision(&view.id);
        self.report(view, "", events).await?;
        let decision = decision.await.map_err(|_| stopped())?;
        view.state = ToolCallState::Running;
        match decision {
            ToolDecision::Refuse => Ok(false),
            ToolDecision::Run { arguments, always } => {
                if let Some(arguments) = arguments.filter(|arguments| *arguments != view.arguments) {
                    view.arguments = arguments;
                    view.edited = true;
                }
                if always {
                    self.offered.allow(function)?;
                }
                Ok(true)
            }
        }
    }

    /// Puts the outcome into the view and returns the whole result.
    fn end(&self, view: &mut ToolCallView, result: Option<Result<ToolResult, ErrorView>>) -> String {
        let ToolResult { text, is_error } = match result {
            None => {
                view.state = ToolCallState::Refused;
                return String::new();
            }
            Some(Err(error)) => {
                view.state = ToolCallState::Failed;
                view.error = Some(error);
                return String::new();
            }
            Some(Ok(result)) => result,
        };
        view.state = if is_error { ToolCallState::Failed } else { ToolCallState::Done };
        let count = |text: &str| u32::try_from(text.chars().count()).unwrap_or(u32::MAX);
        view.result = text.chars().take(self.offered.page_chars).collect();
        (view.read_chars, view.result_chars) = (count(&view.result), count(&text));
        text
    }

    async fn report(&self, view: &ToolCallView, result: &str, events: &Events) -> Result<(), ErrorView> {
        let event = BackendEvent::Called { call: view.clone(), result: result.to_owned() };
        events.send(Ok(event)).await.map_err(|_| stopped())
    }
}

type Events = mpsc::Sender<Result<BackendEvent, ErrorView>>;

fn stopped() -> ErrorView {
    ErrorView::new(ErrorCode::Cancelled, "go on with the answer: it was stopped")
}

/// What the model answered to one request.
#[derive(Default)]
struct Asked {
    text: AnswerText,
    calls: Vec<Written>,
    completion_tokens: u32,
}

/// A call as the model writes it.
#[derive(Default)]
struct Written {
    name: String,
    arguments: String,
    /// The server's own number of the call; some number them from 1, or leave gaps.
    index: usize,
}

impl Asked {
    fn push(&mut self, part: CallDelta) -> Result<(), ErrorView> {
        let CallDelta { index, id: _, name, arguments } = part;
        let at = match self.calls.iter().position(|call| call.index == index) {
            Some(at) => at,
            None => {
                self.calls.push(Written { index, ..Written::default() });
                self.calls.len() - 1
            }
        };
        let call = &mut self.calls[at];
        call.name.push_str(&name.unwrap_or_default());
        call.arguments.push_str(&arguments);
        if self.calls.len() > MOST_CALLS || self.calls[at].arguments.len() > MOST_ARGUMENTS {
            let message = "answer: the model writes calls without end";
            return Err(ErrorView::new(ErrorCode::ToolTooManyCalls, message).with("rounds", MOST_CALLS));
        }
        Ok(())
    }
}
