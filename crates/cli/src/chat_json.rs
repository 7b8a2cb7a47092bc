//! `chat --json`: a conversation for programs. Input lines are `{"text": "…", "images": […]}`, `{"stop":
//! true}` and `{"decide": {"call": "…", "decision": {"kind": "refuse"}}}`. Output lines are the answer events
//! of the contract, and `{"kind": "error", …}` for an invalid line.
use std::collections::VecDeque;
use std::path::PathBuf;

use app::App;
use contract::{AnswerEvent, ErrorCode, ErrorView, SendRequest, ToolCallState, ToolDecision};
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use crate::args::AttachmentArgs;
use crate::chat::stdin_lines;
use crate::context_overflow::trim_context;
use crate::folders::create_chat;
use crate::images::attach;
use crate::interrupts::Interrupts;
use crate::json::print_json;

#[derive(Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct InputLine {
    #[serde(default)]
    text: String,
    /// Paths of image files.
    #[serde(default)]
    images: Vec<PathBuf>,
    #[serde(default)]
    stop: bool,
    decide: Option<CallDecision>,
}

/// What becomes of a call that waits.
#[derive(Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct CallDecision {
    call: String,
    decision: ToolDecision,
}

#[derive(Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum OutputLine<'a> {
    Chat {
        chat_id: &'a str,
        model_id: &'a str,
    },
    /// Number of the oldest messages that are left out from now on.
    LeftOut {
        messages: u32,
    },
    Error {
        error: ErrorView,
    },
}

pub async fn chat(
    app: &App,
    model: &str,
    folder: Option<&str>,
    attachments: &AttachmentArgs,
    leave_out_oldest: bool,
) -> Result<(), ErrorView> {
    let mut attached = attach(app, &attachments.images).await?;
    let chat = create_chat(app, model, folder).await?;
    print_json(&OutputLine::Chat { chat_id: &chat.id, model_id: model });
    let mut lines = stdin_lines();
    let mut interrupts = Interrupts::listen().await;
    let (mut parent, mut waiting) = (None, VecDeque::new());
    while let Some(line) = next_line(&mut waiting, &mut lines, &mut interrupts).await? {
        match parse_line(&line) {
            Ok(InputLine { text, images, .. }) if !text.is_empty() || !images.is_empty() => {
                let result = async {
                    let mut all = attached.clone();
                    all.extend(attach(app, &images).await?);
                    let mut request = SendRequest {
                        chat_id: chat.id.clone(),
                        parent_id: parent.clone(),
                        text,
                        pictures: all,
                        leave_out_pictures: attachments.leave_out_pictures,
                        tools: attachments.tools,
                        ..SendRequest::default()
                    };
                    let first = answer(app, request.clone(), &mut waiting, &mut lines, &mut interrupts).await;
                    match first {
                        Err(error) | Ok(Err(error))
                            if leave_out_oldest && error.code == ErrorCode::PromptTooLong =>
                        {
                            let Some(messages) = trim_context(app, &mut request, model).await? else {
                                return Err(error);
                            };
                            print_json(&OutputLine::LeftOut { messages });
                            answer(app, request, &mut waiting, &mut lines, &mut interrupts).await
                        }
                        first => first,
                    }
                };
                match result.await {
                    Ok(Ok(id)) => {
                        attached.clear();
                        parent = Some(id);
                    }
                    // The failure was printed as an event.
                    Ok(Err(_)) => {}
                    Err(error) => print_json(&OutputLine::Error { error }),
                }
            }
            // A stop without a running answer.
            Ok(_) => {}
            Err(error) => print_json(&OutputLine::Error { error }),
        }
    }
    app.worker_stop().await
}

fn parse_line(line: &str) -> Result<InputLine, ErrorView> {
    let invalid =
        |reason: &str| ErrorView::new(ErrorCode::InvalidInput, format!("read a line of JSON: {reason}"));
    let line: InputLine = serde_json::from_str(line).map_err(|error| invalid(&error.to_string()))?;
    if line.text.trim().is_empty() && line.images.is_empty() && !line.stop && line.decide.is_none() {
        return Err(invalid("there is neither text nor images, stop nor decide"));
    }
    Ok(line)
}

/// The next line that is not empty; `None` at the end of input and at Ctrl+C.
async fn next_line(
    waiting: &mut VecDeque<String>,
    lines: &mut UnboundedReceiver<std::io::Result<String>>,
    interrupts: &mut Interrupts,
) -> Result<Option<String>, ErrorView> {
    if let Some(line) = waiting.pop_front() {
        return Ok(Some(line));
    }
    loop {
        let line = tokio::select! {
            line = lines.recv() => line.transpose(),
            () = interrupts.next() => return Ok(None),
        };
        let line =
            line.map_err(|error| ErrorView::new(ErrorCode::InvalidInput, format!("read a line: {error}")))?;
        match line {
            Some(line) if line.trim().is_empty() => {}
            line => return Ok(line),
        }
    }
}

/// Prints each event and returns the id of the answer, or why it failed. A stop line acts at once; other
/// lines are queued in `waiting`.
async fn answer(
    app: &App,
    request: SendRequest,
    waiting: &mut VecDeque<String>,
    lines: &mut UnboundedReceiver<std::io::Result<String>>,
    interrupts: &mut Interrupts,
) -> Result<Result<String, ErrorView>, ErrorView> {
    let (sender, mut events) = unbounded_channel();
    let chat_id = request.chat_id.clone();
    app.answer_start(request, Box::new(move |event| drop(sender.send(event)))).await?;
    // The calls that wait for a decision.
    let mut asking: Vec<String> = Vec::new();
    let mut open = true;
    loop {
        tokio::select! {
            event = events.recv() => {
                let lost = || ErrorView::new(ErrorCode::Internal, "read the answer: its events ended early");
                let event = event.ok_or_else(lost)?;
                print_json(&event);
                match event {
                    AnswerEvent::Finished { message } => return Ok(Ok(message.id)),
                    AnswerEvent::Failed { error, .. } => return Ok(Err(error)),
                    // At the end of input nobody can approve it.
                    AnswerEvent::Called { call, .. } if call.state == ToolCallState::Asking && !open => {
                        app.tool_call_decide(&chat_id, &call.id, ToolDecision::Refuse).await?;
                    }
                    AnswerEvent::Called { call, .. } => match call.state {
                        ToolCallState::Asking => asking.push(call.id),
                        _ => asking.retain(|id| *id != call.id),
                    },
                    AnswerEvent::Started { .. }
                    | AnswerEvent::Looking { .. }
                    | AnswerEvent::Reading { .. }
                    | AnswerEvent::Waiting { .. }
                    | AnswerEvent::Delta { .. }
                    | AnswerEvent::Traced { .. }
                    | AnswerEvent::Counted { .. }
                    | AnswerEvent::Repeating { .. } => {}
                }
            }
            line = lines.recv(), if open => match line.transpose() {
                Ok(Some(line)) if line.trim().is_empty() => {}
                Ok(Some(line)) if parse_line(&line).is_ok_and(|line| line.stop) => app.answer_stop(&chat_id).await?,
                Ok(Some(line)) => match parse_line(&line).ok().and_then(|line| line.decide) {
                    Some(CallDecision { call, decision }) => {
                        if let Err(error) = app.tool_call_decide(&chat_id, &call, decision).await {
                            print_json(&OutputLine::Error { error });
                        }
                    }
                    None => waiting.push_back(line),
                },
                // At the end of input the running answer is still completed, without calls to approve.
                Ok(None) | Err(_) => {
                    open = false;
                    for call in asking.drain(..) {
                        let _ = app.tool_call_decide(&chat_id, &call, ToolDecision::Refuse).await;
                    }
                }
            },
            () = interrupts.next() => app.answer_stop(&chat_id).await?,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_strictly() {
        let line = |text: &str, stop| InputLine { text: text.into(), images: Vec::new(), stop, decide: None };
        assert_eq!(parse_line("{\"text\": \"hi\"}").expect("a line"), line("hi", false));
        assert_eq!(parse_line("{\"stop\": true}").expect("a line"), line("", true));
        let with_image = parse_line("{\"images\": [\"a.png\"]}").expect("a line");
        assert_eq!(
            with_image,
            InputLine { text: String::new(), images: vec!["a.png".into()], stop: false, decide: None }
        );
        for odd in ["hi", "{\"txt\": \"hi\"}", "{\"text\": 7}", "[]", "{}"] {
            assert_eq!(parse_line(odd).expect_err(odd).code, ErrorCode::InvalidInput);
        }
    }
}
