//! `ask` and `chat`: one question, or a conversation on the lines of a terminal. Ctrl+C stops an answer.
use std::io::{IsTerminal, Write, stdin};

use app::App;
use contract::{
    AnswerEvent, AnswerStats, BoxView, ErrorCode, ErrorView, MessageState, MessageView, SendRequest,
};
use serde::Serialize;
use tokio::sync::mpsc;

use crate::answer_lines::AnswerLines;
use crate::args::Pictures;
use crate::interrupts::Interrupts;
use crate::json::print_json;
use crate::looking::LookingLine;
use crate::pictures::{attach, boxes_shown, discard};
use crate::too_long::{make_room, said};
use app::lang::{Lang, counted};
use app::messages;

/// What a program gets of an answer.
#[derive(Serialize)]
struct Answer<'a> {
    text: &'a str,
    reasoning: &'a str,
    boxes: &'a [BoxView],
    stats: &'a Option<AnswerStats>,
}

pub async fn ask(
    app: &App,
    question: &str,
    pictures: &Pictures,
    model: &str,
    temperature: Option<f32>,
    json: bool,
    lang: Lang,
) -> Result<(), ErrorView> {
    let attached = attach(app, &pictures.images).await?;
    let mut chat = app.chat_create(model).await?;
    let answered = async {
        if let Some(temperature) = temperature {
            chat.sampling.temperature = temperature;
            app.chat_update(&chat.id, model, "custom", chat.sampling.clone(), "").await?;
        }
        let request = SendRequest {
            chat_id: chat.id.clone(),
            text: question.into(),
            pictures: attached.clone(),
            leave_out_pictures: pictures.leave_out_pictures,
            ..SendRequest::default()
        };
        answer(app, request, (!json).then_some(lang), &mut Interrupts::listen().await).await
    };
    let answered = answered.await;
    // A single question is no conversation to come back to.
    app.chat_delete(&chat.id).await?;
    discard(app, &attached).await?;
    app.worker_stop().await?;
    let message = answered?;
    if json {
        let (text, reasoning, stats) = (&message.text, &message.reasoning, &message.stats);
        print_json(&Answer { text, reasoning, boxes: &message.boxes, stats });
    } else {
        boxes_shown(&message.boxes, lang);
    }
    Ok(())
}

pub async fn chat(
    app: &App,
    model: &str,
    pictures: &Pictures,
    leave_out_oldest: bool,
    lang: Lang,
) -> Result<(), ErrorView> {
    let mut attached = attach(app, &pictures.images).await?;
    let chat = app.chat_create(model).await?;
    let person = stdin().is_terminal();
    if person {
        let hint = lang.pick(
            "Write a line and press Enter. Ctrl+C stops an answer, Ctrl+D ends.",
            "输入一行后按回车。Ctrl+C 停止回答，Ctrl+D 结束。",
        );
        println!("{hint}");
    }
    let mut lines = typed_lines();
    let mut interrupts = Interrupts::listen().await;
    let mut parent = None;
    loop {
        if person {
            show(lang.pick("You: ", "你："));
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
        let mut request = SendRequest {
            chat_id: chat.id.clone(),
            parent_id: parent.clone(),
            text: line,
            pictures: attached.clone(),
            leave_out_pictures: pictures.leave_out_pictures,
            ..SendRequest::default()
        };
        let mut answered = answer(app, request.clone(), Some(lang), &mut interrupts).await;
        let too_long = |error: &ErrorView| leave_out_oldest && error.code == ErrorCode::PromptTooLong;
        if answered.as_ref().is_err_and(too_long)
            && let Some(messages) = make_room(app, &mut request, model).await?
        {
            eprintln!("{}", said(messages, lang));
            answered = answer(app, request, Some(lang), &mut interrupts).await;
        }
        match answered {
            Ok(message) => {
                attached.clear();
                boxes_shown(&message.boxes, lang);
                if let Some(stats) = message.stats.as_ref().filter(|_| person) {
                    println!("{}", measured(stats, lang));
                }
                parent = Some(message.id);
            }
            // The conversation goes on: the same line may be sent again.
            Err(error) => eprintln!("{}", messages::terminal_text(&error, lang)),
        }
    }
    if person {
        println!();
    }
    app.worker_stop().await
}

/// On a thread of its own, which a read that never ends cannot keep the program from ending.
pub fn typed_lines() -> mpsc::UnboundedReceiver<std::io::Result<String>> {
    let (sender, lines) = mpsc::unbounded_channel();
    std::thread::spawn(move || stdin().lines().try_for_each(|line| sender.send(line)));
    lines
}

/// Sends, shows the pieces while they come where a language is given for it, and returns the message as it was stored.
async fn answer(
    app: &App,
    request: SendRequest,
    shown: Option<Lang>,
    interrupts: &mut Interrupts,
) -> Result<MessageView, ErrorView> {
    let (sender, events) = mpsc::unbounded_channel();
    let chat_id = request.chat_id.clone();
    app.answer_start(request, Box::new(move |event| drop(sender.send(event)))).await?;
    written(events, shown, interrupts, || app.answer_stop(&chat_id)).await
}

/// Follows an answer to its end; Ctrl+C calls `stop`, also when it came while a piece was shown.
async fn written<S: Future<Output = Result<(), ErrorView>>>(
    mut events: mpsc::UnboundedReceiver<AnswerEvent>,
    shown: Option<Lang>,
    interrupts: &mut Interrupts,
    stop: impl Fn() -> S,
) -> Result<MessageView, ErrorView> {
    let mut looking = shown.map(LookingLine::new);
    let mut lines = shown.map(AnswerLines::of_terminal);
    loop {
        let event = tokio::select! {
            event = events.recv() => event,
            () = interrupts.next() => {
                stop().await?;
                continue;
            }
        };
        if let Some(line) = &mut looking {
            match event {
                // The whole of the last one: what comes now is the answer.
                Some(AnswerEvent::Looking { picture, pictures, percent, .. })
                    if picture < pictures || percent < 100 =>
                {
                    line.show(picture, pictures, percent)
                }
                _ => line.end(),
            }
        }
        match event {
            Some(AnswerEvent::Delta { text, reasoning, .. }) => {
                if let Some(lines) = &mut lines {
                    lines.show(&reasoning, &text);
                }
            }
            // Beside the answer: a program that reads it gets no word of this.
            Some(AnswerEvent::Repeating { .. }) => {
                if let Some(lang) = shown {
                    eprintln!(
                        "\n{}",
                        lang.pick(
                            "(The model repeats itself. Ctrl+C stops it.)",
                            "（模型在重复同样的内容，按 Ctrl+C 停止。）"
                        )
                    );
                }
            }
            Some(AnswerEvent::Finished { message }) => {
                lines.iter_mut().for_each(AnswerLines::end);
                let empty = message.text.trim().is_empty() && message.state == MessageState::Done;
                if let Some(lang) = shown.filter(|_| empty) {
                    eprintln!("{}", lang.pick("(The answer is empty.)", "（回答是空的。）"));
                }
                return Ok(message);
            }
            Some(AnswerEvent::Failed { error, .. }) => {
                lines.iter_mut().for_each(AnswerLines::end);
                return Err(error);
            }
            Some(_) => {}
            None => {
                return Err(ErrorView::new(ErrorCode::Internal, "read the answer: its events ended early"));
            }
        }
    }
}

/// A reader that went away is not worth a word.
fn show(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

fn measured(stats: &AnswerStats, lang: Lang) -> String {
    let rate = stats.tokens_per_second;
    let count = counted(lang, stats.completion_tokens.into(), ("token", "tokens"), "个词元");
    match lang {
        Lang::En => format!("({count}, {rate:.1} per second)"),
        Lang::Zh => format!("（{count}，每秒 {rate:.1} 个）"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[tokio::test]
    async fn ctrl_c_between_two_pieces_stops_the_answer() {
        let (_writing, events) = mpsc::unbounded_channel();
        let mut interrupts = Interrupts::listen().await;
        // Pressed while nobody waits for it, as while a piece is written to a slow terminal.
        let pressed =
            std::process::Command::new("kill").args(["-INT", &std::process::id().to_string()]).status();
        assert!(pressed.expect("kill runs").success());
        // The program hears of it on its own thread.
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
        let stopped = ErrorView::new(ErrorCode::Cancelled, "answer: it was stopped");
        let stop = || async { Err(stopped.clone()) };
        let written = written(events, None, &mut interrupts, stop);
        let ended = tokio::time::timeout(std::time::Duration::from_secs(20), written).await;
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
        };
        assert_eq!(measured(&stats, Lang::En), "(12 tokens, 40.2 per second)");
        let one = AnswerStats { completion_tokens: 1, ..stats.clone() };
        assert_eq!(measured(&one, Lang::En), "(1 token, 40.2 per second)");
        assert_eq!(measured(&stats, Lang::Zh), "（12 个词元，每秒 40.2 个）");
    }
}
