//! An answer as a use case: start, retry, continue and stop. Read this file from top to bottom, then the
//! files in the order of the modules: the checks, the two messages, the prompt, the backend, the calls of
//! tools, the events, the recorder. `ARCHITECTURE.md` has the whole way of a prompt.

pub(crate) mod turn;

mod messages;

mod prompt;
mod prompt_message;

mod backend;
mod backend_error;

mod rounds;
mod tool_loop;

mod event;

mod recorder;
mod repetition;
mod subscribers;
mod title;
mod trace;

use std::sync::Arc;
use std::time::Instant;

use contract::{AnswerEvent, AppEvent, ErrorCode, ErrorView, MessageState, SendRequest, ToolCallState};
use futures_util::stream::BoxStream;
use futures_util::{Stream, StreamExt, stream};
use history::is_temporary;
use tokio::sync::mpsc;

use self::messages::{StartedAnswer, add_messages};
use self::recorder::Recorder;
use self::rounds::Rounds;
use self::title::write_title;
use self::tool_loop::ToolLoop;
use crate::App;
use crate::chats::title_of;
use crate::convert::{chat_view, history_error, message_view};
use crate::documents::{DocumentMode, Library, with_documents};
use crate::folder_prompt::FolderPrompt;
use crate::images::ImagePolicy;
use crate::tools::OfferedTools;

pub(crate) use self::backend::Backend;
pub(crate) use self::event::{AnswerText, BackendEvent, BackendStream};
pub(crate) use self::prompt::{Prompt, prompt_messages, thinking_param};
pub(crate) use self::prompt_message::PromptMessage;
pub(crate) use self::subscribers::Subscribers;
pub(crate) use self::trace::{Traces, draft_stats, expert_layers};
pub(crate) use self::turn::{RunningAnswers, Turn};

/// How what is attached to the messages goes into a prompt.
#[derive(Debug, Clone, Copy)]
struct PromptPolicy {
    images: ImagePolicy,
    documents: DocumentMode,
}

/// Receives the events of one answer.
pub type OnAnswer = Box<dyn Fn(AnswerEvent) + Send + Sync>;

impl App {
    /// Returns once both messages are stored; the events follow until a terminal one. A worker that does not
    /// run, or has failed, is started first.
    pub async fn answer_start(&self, request: SendRequest, on_event: OnAnswer) -> Result<(), ErrorView> {
        let attached = !request.pictures.is_empty() || !request.documents.is_empty();
        if attached && is_temporary(&request.chat_id) {
            let message = "send the message: a temporary chat takes no files, because files are stored";
            return Err(ErrorView::new(ErrorCode::TemporaryChatFiles, message));
        }
        if request.continue_of.is_some() {
            self.check_continuation(&request.chat_id).await?;
        }
        let images = self.check_images(&request).await?;
        let (chat_id, when_busy) = (request.chat_id.clone(), request.when_busy);
        let model_id = self.chat_model(&chat_id).await?;
        self.check_worker_free(&model_id, &chat_id, when_busy).await?;
        let offered = self.tools_of(&request, &model_id).await?;
        let functions = offered.as_ref().map(OfferedTools::descriptions).unwrap_or_default();
        let documents = self.check_length(&request, &model_id, images, functions.clone()).await?;
        let history = self.chats_file.writable_of(&chat_id)?;
        let ask = |prompt: Prompt| {
            let (waits, waiting) = mpsc::unbounded_channel();
            let on_wait = move || drop(waits.send(Ok(BackendEvent::Waiting)));
            let backend = self.backend(&prompt.model_id, &chat_id, when_busy, on_wait);
            let prompt = Prompt { tools: functions, ..prompt };
            let answer = deferred(async move {
                let backend = backend.await?;
                match offered {
                    None => backend.stream(prompt, history).await,
                    Some(offered) => Ok(ToolLoop { backend, offered }.stream(prompt)),
                }
            });
            stream::select(received(waiting), answer)
        };
        self.answer_with(request, PromptPolicy { images, documents }, on_event, ask).await
    }

    /// The tools that a request is offered; `None` without any.
    async fn tools_of(
        &self,
        request: &SendRequest,
        model_id: &str,
    ) -> Result<Option<OfferedTools>, ErrorView> {
        if !request.tools {
            return Ok(None);
        }
        let context = self.context_of(model_id).await?;
        self.offered_tools(&request.chat_id, context).await
    }

    /// Asks the answer of this chat to stop. Without an answer it does nothing.
    pub async fn answer_stop(&self, chat_id: &str) -> Result<(), ErrorView> {
        self.running.stop(chat_id);
        Ok(())
    }

    /// The events of an answer in progress: first its text so far, then each new event. False when there is
    /// none.
    pub async fn answer_follow(&self, chat_id: &str, on_event: OnAnswer) -> Result<bool, ErrorView> {
        Ok(self.subscribers.add(chat_id, on_event))
    }

    /// Stores the passages of documents that an answer is given, so that its citations stay.
    async fn keep_passages(&self, started: &AnswerEvent) -> Result<(), ErrorView> {
        let AnswerEvent::Started { assistant, .. } = started else { return Ok(()) };
        if assistant.passages.is_empty() {
            return Ok(());
        }
        let passages = serde_json::to_string(&assistant.passages)
            .map_err(|error| ErrorView::new(ErrorCode::Internal, error.to_string()))?;
        let id = assistant.id.clone();
        self.with_history_of(&assistant.id, move |history| history.message_passages(&id, &passages)).await
    }

    /// Stores the messages, asks, and records the answer in the background.
    async fn answer_with<S>(
        &self,
        request: SendRequest,
        policy: PromptPolicy,
        on_event: OnAnswer,
        ask: impl FnOnce(Prompt) -> S,
    ) -> Result<(), ErrorView>
    where
        S: Stream<Item = Result<BackendEvent, ErrorView>> + Send + 'static,
    {
        let trace = request.trace;
        let new = request.retry_of.is_none() && request.continue_of.is_none();
        let attached = !request.pictures.is_empty() || !request.documents.is_empty();
        if new && request.text.trim().is_empty() && !attached {
            return Err(ErrorView::new(ErrorCode::InvalidInput, "send the message: it is empty"));
        }
        let chat_id = request.chat_id.clone();
        let history = self.chats_file.writable_of(&chat_id)?;
        let turn = Arc::new(self.running.begin(&chat_id)?);
        let (started, folder, library) = self
            .with_history_of(&chat_id, move |history| {
                let folder = FolderPrompt::of_chat(history, &request.chat_id)?;
                let started = add_messages(history, &request)?;
                let library = Library::load(history, &started.path, &folder.document_ids())?;
                Ok((started, folder, library))
            })
            .await?;
        let name = match &started.user {
            _ if is_temporary(&chat_id) => String::new(),
            Some(user) if started.chat.title.is_empty() => title_of(&user.text),
            _ => started.chat.title.clone(),
        };
        let message_id = started.assistant.id.clone();
        let thought_before_ms = started.assistant.thinking_ms;
        let (start_event, prompt) = prompt_of(started, &folder, &library, policy)?;
        self.keep_passages(&start_event).await?;
        let temporary = is_temporary(&chat_id);
        // The worker writes its prefix cache to the disk, except what has a salt.
        let cache_salt = temporary.then(|| chat_id.clone());
        let prompt = Prompt { trace, cache_salt, ..prompt };
        let events = ask(prompt.clone());
        let AnswerEvent::Started { assistant, .. } = &start_event else { return Ok(()) };
        self.subscribers.begin(&chat_id, assistant);
        let partial = AnswerText { text: assistant.text.clone(), reasoning: assistant.reasoning.clone() };
        let (boxes, calls) = (assistant.boxes.clone(), assistant.calls.clone());
        on_event(start_event);
        self.host.emit(AppEvent::ChatsChanged);

        let (host, stop, ended_turn) = (self.host.clone(), turn.stop.clone(), turn.clone());
        let subscribers = self.subscribers.clone();
        let title = if temporary { None } else { self.title_backend(&prompt.model_id) };
        let (titled, title_host) = ((history.clone(), chat_id.clone()), self.host.clone());
        let asked = Instant::now();
        let recorder = Recorder {
            history,
            message_id,
            model_id: prompt.model_id,
            partial,
            boxes,
            calls,
            box_target: prompt.box_target,
            thought_before_ms,
            on_event: move |event: AnswerEvent| {
                let terminal = matches!(event, AnswerEvent::Finished { .. } | AnswerEvent::Failed { .. });
                if terminal {
                    // Before the event, so that its receiver may send the next message at once.
                    ended_turn.end();
                }
                subscribers.send(&chat_id, &event);
                let complete = matches!(&event, AnswerEvent::Finished { message }
                    if message.state == MessageState::Done);
                on_event(event);
                if terminal {
                    host.emit(AppEvent::ChatsChanged);
                    let (chat_id, title) = (chat_id.clone(), name.clone());
                    let seconds = asked.elapsed().as_secs_f64();
                    host.emit(AppEvent::AnswerEnded { chat_id, title, seconds, complete });
                }
            },
        };
        tokio::spawn(async move {
            recorder.run(events, stop).await;
            drop(turn);
            if let Some(backend) = title {
                let (history, chat_id) = titled;
                write_title(backend, history, chat_id, title_host).await;
            }
        });
        Ok(())
    }
}

/// The first event and the prompt.
fn prompt_of(
    started: StartedAnswer,
    folder: &FolderPrompt,
    library: &Library,
    policy: PromptPolicy,
) -> Result<(AnswerEvent, Prompt), ErrorView> {
    let StartedAnswer { chat, user, assistant, path } = started;
    let user = user.map(message_view).transpose()?;
    let mut assistant = message_view(assistant)?;
    // Nothing of an answer that is continued goes on by itself.
    for call in assistant.calls.iter_mut().filter(|call| rounds::is_open(call.state)) {
        call.state = ToolCallState::Stopped;
    }
    let chat = chat_view(chat)?;
    let path = path.into_iter().map(message_view).collect::<Result<Vec<_>, _>>()?;
    let shared = folder.document_views()?;
    let (path, passages) = with_documents(path, &shared, library, policy.documents).map_err(history_error)?;
    assistant.passages = passages;
    let mut messages = prompt_messages(&folder.system_prompt(&chat.system_prompt), path, policy.images);
    let Rounds { messages: earlier, rest: partial } = Rounds::of(&assistant);
    messages.extend(earlier);
    let next_round = assistant.calls.last().map_or(0, |call| call.round + 1);
    let prompt = Prompt { next_round, ..Prompt::new(chat.model_id, chat.sampling, messages, partial) };
    Ok((AnswerEvent::Started { user, assistant }, prompt))
}

/// The stream once it is open. An error that prevents it is its only item.
fn deferred(
    events: impl Future<Output = Result<BackendStream, ErrorView>> + Send + 'static,
) -> BackendStream {
    let events = async move { events.await.unwrap_or_else(|error| stream::iter([Err(error)]).boxed()) };
    stream::once(events).flatten().boxed()
}

fn received<T: Send + 'static>(channel: mpsc::UnboundedReceiver<T>) -> BoxStream<'static, T> {
    stream::unfold(channel, |mut channel| async { Some((channel.recv().await?, channel)) }).boxed()
}

#[cfg(test)]
mod tests;
