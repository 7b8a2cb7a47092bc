//! `ask` and `chat`: one question, or a conversation line by line in a terminal. Ctrl+C stops an answer.
//! The answer goes to standard output, progress to standard error; `ask` keeps no chat.
//! The form for programs, JSON lines in both directions, is in `chat_json`.
use std::collections::VecDeque;
use std::io::{IsTerminal, Write, stdin};

use app::App;
use contract::{
    AnswerEvent, AnswerStats, BoxView, ErrorCode, ErrorView, MessageState, MessageView, PassageView,
    SendRequest, ToolCallState, ToolCallView, ToolDecision, WorkerView,
};
use serde::Serialize;
use tokio::sync::mpsc;

use crate::answer_output::AnswerOutput;
use crate::args::AttachmentArgs;
use crate::context_overflow::{notice, trim_context};
use crate::documents::{attach_documents, discard_documents, print_passages};
use crate::folders::create_chat;
use crate::images::{attach, discard, print_boxes};
use crate::interrupts::Interrupts;
use crate::json::print_json;
use crate::prompt_progress::PromptProgressLine;
use crate::tools::{decision_of, show_call};
use messages::{CliMessage, Lang, grouped};

/// The line that unloads the model. The next question loads it again.
const UNLOAD: &str = "/unload";

/// An answer in JSON output.
#[derive(Serialize)]
struct Answer<'a> {
    text: &'a str,
    reasoning: &'a str,
    boxes: &'a [BoxView],
    /// The passages of documents that the answer cites by number, where they did not fit as a whole.
    passages: &'a [PassageView],
    stats: &'a Option<AnswerStats>,
    /// Where a model of this computer computed: "CPU, 2 threads", or the name of a card.
    place: Option<String>,
    /// Bytes of the card's memory that it took.
    card_memory: Option<f64>,
    /// Why it was not on a card, where there is one.
    card_problem: Option<ErrorView>,
}

pub async fn ask(
    app: &App,
    question: &str,
    attachments: &AttachmentArgs,
    model: &str,
    temperature: Option<f32>,
    json: bool,
    lang: Lang,
) -> Result<(), ErrorView> {
    let attached = attach(app, &attachments.images).await?;
    let documents = attach_documents(app, &attachments.documents).await?;
    let mut chat = app.chat_create(model).await?;
    let result = async {
        if let Some(temperature) = temperature {
            chat.sampling.temperature = temperature;
            app.chat_update(&chat.id, model, "custom", chat.sampling.clone(), "").await?;
        }
        let request = SendRequest {
            chat_id: chat.id.clone(),
            text: question.into(),
            pictures: attached.clone(),
            documents: documents.clone(),
            leave_out_pictures: attachments.leave_out_pictures,
            tools: attachments.tools,
            ..SendRequest::default()
        };
        let mut lines = attachments.tools.then(stdin_lines);
        answer(app, request, (!json).then_some(lang), &mut Interrupts::listen().await, lines.as_mut()).await
    };
    let result = result.await;
    // A single question is not stored.
    app.chat_delete(&chat.id).await?;
    discard(app, &attached).await?;
    discard_documents(app, &documents).await?;
    let WorkerView { place, card_memory, card_problem, .. } = app.worker().await?;
    app.worker_stop().await?;
    let message = result?;
    if json {
        let (text, reasoning, stats) = (&message.text, &message.reasoning, &message.stats);
        let (boxes, passages) = (&message.boxes, &message.passages);
        print_json(&Answer { text, reasoning, boxes, passages, stats, place, card_memory, card_problem });
    } else {
        print_boxes(&message.boxes, lang);
        print_passages(&message, lang);
    }
    Ok(())
}

pub async fn chat(
    app: &App,
    model: &str,
    folder: Option<&str>,
    attachments: &AttachmentArgs,
    leave_out_oldest: bool,
    lang: Lang,
) -> Result<(), ErrorView> {
    let mut attached = attach(app, &attachments.images).await?;
    let mut documents = attach_documents(app, &attachments.documents).await?;
    let chat = create_chat(app, model, folder).await?;
    let interactive = stdin().is_terminal();
    if interactive {
        let hint = CliMessage::ChatKeys.text(lang);
        println!("{hint}");
    }
    let mut lines = stdin_lines();
    let mut interrupts = Interrupts::listen().await;
    let mut parent = None;
    loop {
        if interactive {
            print_flushed(CliMessage::You.text(lang));
        }
        let line = tokio::select! {
            line = lines.recv() => line.transpose(),
            () = interrupts.next() => Ok(None),
        };
        let line =
            line.map_err(|error| ErrorView::new(ErrorCode::InvalidInput, format!("read a line: {error}")))?;
        let Some(line) = line else { break };
        if line.trim().is_empty() {
            continue;
        }
        if line.trim() == UNLOAD {
            app.worker_stop().await?;
            println!("{}", CliMessage::Unloaded.text(lang));
            continue;
        }
        let mut request = SendRequest {
            chat_id: chat.id.clone(),
            parent_id: parent.clone(),
            text: line,
            pictures: attached.clone(),
            documents: documents.clone(),
            leave_out_pictures: attachments.leave_out_pictures,
            tools: attachments.tools,
            ..SendRequest::default()
        };
        let mut result = answer(app, request.clone(), Some(lang), &mut interrupts, Some(&mut lines)).await;
        let is_too_long = |error: &ErrorView| leave_out_oldest && error.code == ErrorCode::PromptTooLong;
        if result.as_ref().is_err_and(is_too_long)
            && let Some(messages) = trim_context(app, &mut request, model).await?
        {
            eprintln!("{}", notice(messages, lang));
            result = answer(app, request, Some(lang), &mut interrupts, Some(&mut lines)).await;
        }
        match result {
            Ok(message) => {
                attached.clear();
                documents.clear();
                print_boxes(&message.boxes, lang);
                print_passages(&message, lang);
                if let Some(stats) = message.stats.as_ref().filter(|_| interactive) {
                    println!("{}", stats_line(stats, lang));
                }
                parent = Some(message.id);
            }
            // The conversation continues; the user may send the line again.
            Err(error) => eprintln!("{}", messages::terminal_text(&error, lang)),
        }
    }
    if interactive {
        println!();
    }
    app.worker_stop().await
}

/// The lines of standard input.
type Lines = mpsc::UnboundedReceiver<std::io::Result<String>>;

/// Reads standard input on its own thread, so that a blocked read does not keep the program from exiting.
pub fn stdin_lines() -> Lines {
    let (sender, lines) = mpsc::unbounded_channel();
    std::thread::spawn(move || stdin().lines().try_for_each(|line| sender.send(line)));
    lines
}

/// Sends the request and returns the stored message. With a language it prints the answer while it streams.
async fn answer(
    app: &App,
    request: SendRequest,
    output_lang: Option<Lang>,
    interrupts: &mut Interrupts,
    lines: Option<&mut Lines>,
) -> Result<MessageView, ErrorView> {
    let (sender, events) = mpsc::unbounded_channel();
    let chat_id = request.chat_id.clone();
    app.answer_start(request, Box::new(move |event| drop(sender.send(event)))).await?;
    let answer = Answering { app, chat_id, lines, waiting: VecDeque::new() };
    follow(events, output_lang, interrupts, answer).await
}

/// An answer in progress as its reader steers it.
struct Answering<'a> {
    app: &'a App,
    chat_id: String,
    /// Where calls are approved.
    lines: Option<&'a mut Lines>,
    /// The calls that wait for a line.
    waiting: VecDeque<String>,
}

impl Steering for Answering<'_> {
    async fn stop(&mut self) -> Result<(), ErrorView> {
        self.app.answer_stop(&self.chat_id).await
    }

    /// Shows a call, and decides about it where nobody can be asked.
    async fn called(&mut self, call: &ToolCallView, lang: Lang) {
        let decision = show_call(call, lang);
        if call.state == ToolCallState::Asking {
            match decision.or_else(|| self.lines.is_none().then_some(ToolDecision::Refuse)) {
                Some(decision) => self.decide(&call.id, decision).await,
                None => self.waiting.push_back(call.id.clone()),
            }
        }
    }

    /// A typed line, while a call waits for one.
    async fn line(&mut self) -> String {
        match (&mut self.lines, self.waiting.is_empty()) {
            (Some(lines), false) => lines.recv().await.and_then(Result::ok).unwrap_or_default(),
            _ => std::future::pending().await,
        }
    }

    async fn typed(&mut self, line: &str) {
        if let Some(call) = self.waiting.pop_front() {
            self.decide(&call, decision_of(line)).await;
        }
    }
}

impl Answering<'_> {
    async fn decide(&self, call: &str, decision: ToolDecision) {
        // A call of an answer that was stopped meanwhile waits no more.
        let _ = self.app.tool_call_decide(&self.chat_id, call, decision).await;
    }
}

/// What the reader of an answer can do while it is written.
trait Steering {
    async fn stop(&mut self) -> Result<(), ErrorView>;
    async fn called(&mut self, call: &ToolCallView, lang: Lang);
    /// Pending while no line is wanted.
    async fn line(&mut self) -> String;
    async fn typed(&mut self, line: &str);
}

/// Reads the events of an answer to its end. Ctrl+C stops it, also when it was pressed during output.
async fn follow(
    mut events: mpsc::UnboundedReceiver<AnswerEvent>,
    output_lang: Option<Lang>,
    interrupts: &mut Interrupts,
    mut answer: impl Steering,
) -> Result<MessageView, ErrorView> {
    let mut progress = output_lang.map(PromptProgressLine::new);
    let mut output = output_lang.map(AnswerOutput::to_stdio);
    loop {
        let event = tokio::select! {
            event = events.recv() => event,
            () = interrupts.next() => {
                answer.stop().await?;
                continue;
            }
            line = answer.line() => {
                answer.typed(&line).await;
                continue;
            }
        };
        if let Some(line) = &mut progress {
            line.follow(event.as_ref());
        }
        match event {
            Some(AnswerEvent::Delta { text, reasoning, .. }) => {
                if let Some(output) = &mut output {
                    output.print(&reasoning, &text);
                }
            }
            Some(AnswerEvent::Called { call, .. }) => {
                answer.called(&call, output_lang.unwrap_or(Lang::En)).await;
            }
            // On standard error, so that a pipe gets the answer alone.
            Some(AnswerEvent::Repeating { .. }) => {
                if let Some(lang) = output_lang {
                    eprintln!("\n{}", CliMessage::RepeatsItself.text(lang));
                }
            }
            Some(AnswerEvent::Finished { message }) => {
                output.iter_mut().for_each(AnswerOutput::end);
                let empty = message.text.trim().is_empty() && message.state == MessageState::Done;
                if let Some(lang) = output_lang.filter(|_| empty) {
                    eprintln!("{}", CliMessage::EmptyAnswer.text(lang));
                }
                return Ok(message);
            }
            Some(AnswerEvent::Failed { error, .. }) => {
                output.iter_mut().for_each(AnswerOutput::end);
                return Err(error);
            }
            Some(_) => {}
            None => {
                return Err(ErrorView::new(ErrorCode::Internal, "read the answer: its events ended early"));
            }
        }
    }
}

/// Ignores a closed pipe.
fn print_flushed(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

fn stats_line(stats: &AnswerStats, lang: Lang) -> String {
    let rate = stats.tokens_per_second;
    let (count, rate) = (grouped(stats.completion_tokens.into()), format!("{rate:.1}"));
    CliMessage::AnswerStats.with(lang, &[("count", &count), ("rate", &rate)])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Only ever stopped, with an error.
    struct Stops(ErrorView);

    impl Steering for Stops {
        async fn stop(&mut self) -> Result<(), ErrorView> {
            Err(self.0.clone())
        }

        async fn called(&mut self, _: &ToolCallView, _: Lang) {}

        async fn line(&mut self) -> String {
            std::future::pending().await
        }

        async fn typed(&mut self, _: &str) {}
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn ctrl_c_between_two_pieces_stops_the_answer() {
        let (_writing, events) = mpsc::unbounded_channel();
        let mut interrupts = Interrupts::listen().await;
        // Pressed before `next` is called, as during output to a slow terminal.
        let pressed =
            std::process::Command::new("kill").args(["-INT", &std::process::id().to_string()]).status();
        assert!(pressed.expect("kill runs").success());
        // The signal is delivered on another thread.
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
        let stopped = ErrorView::new(ErrorCode::Cancelled, "answer: it was stopped");
        let followed = follow(events, None, &mut interrupts, Stops(stopped.clone()));
        let ended = tokio::time::timeout(std::time::Duration::from_secs(20), followed).await;
        assert_eq!(ended.expect("the press is not lost"), Err(stopped));
    }

    #[test]
    fn the_speed_is_said_in_both_languages() {
        let stats = AnswerStats {
            model_id: "guide".into(),
            prompt_tokens: 3,
            completion_tokens: 12,
            first_token_ms: 5.0,
            tokens_per_second: 40.25,
            drafts: None,
        };
        assert_eq!(stats_line(&stats, Lang::En), "(12 tokens, 40.2 per second)");
        let one = AnswerStats { completion_tokens: 1, ..stats.clone() };
        assert_eq!(stats_line(&one, Lang::En), "(1 token, 40.2 per second)");
        assert_eq!(stats_line(&stats, Lang::Zh), "（12 个词元，每秒 40.2 个）");
    }
}
