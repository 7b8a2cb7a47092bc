//! `trace`: one question, and how each token of its answer was made: experts by layer, drafts, memory. The
//! answer streams to standard output, tokens of a drafter underlined in a terminal. It keeps no chat.
mod expert_use;

use std::io::{IsTerminal, Write, stdout};

use app::App;
use contract::{
    AnswerEvent, DraftStats, Drafter, ErrorCode, ErrorView, ExpertLayers, MessageView, SendRequest,
    TokenTrace, WorkerMemory,
};
use messages::{CliMessage, Lang, bytes, grouped};
use serde::Serialize;
use tokio::sync::mpsc;

use self::expert_use::ExpertUse;
use crate::interrupts::Interrupts;
use crate::json::print_json;
use crate::model_settings::part_name;

/// Experts of a layer that are named.
const NAMED_EXPERTS: usize = 6;

#[derive(Serialize)]
struct Trace {
    text: String,
    experts: Option<ExpertLayers>,
    tokens: Vec<TokenTrace>,
    drafts: Option<DraftStats>,
    /// While the model is loaded.
    memory: Option<WorkerMemory>,
}

pub async fn trace(app: &App, question: &str, model: &str, json: bool, lang: Lang) -> Result<(), ErrorView> {
    let chat = app.chat_create(model).await?;
    let asked = ask(app, &chat.id, question, !json).await;
    app.chat_delete(&chat.id).await?;
    let memory = app.worker_memory().await?;
    app.worker_stop().await?;
    let (message, experts, tokens) = asked?;
    let drafts = message.stats.and_then(|stats| stats.drafts);
    let trace = Trace { text: message.text, experts, tokens, drafts, memory };
    if json {
        print_json(&trace);
    } else {
        print!("\n{}", describe(&trace, lang));
    }
    Ok(())
}

type Traced = (MessageView, Option<ExpertLayers>, Vec<TokenTrace>);

/// The answer with its traces. Ctrl+C stops it.
async fn ask(app: &App, chat_id: &str, question: &str, print: bool) -> Result<Traced, ErrorView> {
    let (sender, mut events) = mpsc::unbounded_channel();
    let request = SendRequest {
        chat_id: chat_id.to_owned(),
        text: question.to_owned(),
        trace: true,
        ..SendRequest::default()
    };
    let mut interrupts = Interrupts::listen().await;
    app.answer_start(request, Box::new(move |event| drop(sender.send(event)))).await?;
    let (mut shape, mut traces) = (None, Vec::new());
    let underlines = stdout().is_terminal();
    loop {
        let event = tokio::select! {
            event = events.recv() => event,
            () = interrupts.next() => {
                app.answer_stop(chat_id).await?;
                continue;
            }
        };
        match event {
            Some(AnswerEvent::Traced { experts, tokens, .. }) => {
                if print {
                    print_tokens(&tokens, underlines);
                }
                shape = experts.or(shape);
                traces.extend(tokens);
            }
            Some(AnswerEvent::Finished { message }) => return Ok((message, shape, traces)),
            Some(AnswerEvent::Failed { error, .. }) => return Err(error),
            Some(_) => {}
            None => {
                return Err(ErrorView::new(ErrorCode::Internal, "read the answer: its events ended early"));
            }
        }
    }
}

fn print_tokens(tokens: &[TokenTrace], underlines: bool) {
    let text = |token: &TokenTrace| {
        let text = token.text.as_deref().unwrap_or_default();
        if token.drafted && underlines { format!("\x1b[4m{text}\x1b[24m") } else { text.to_owned() }
    };
    let text: String = tokens.iter().map(text).collect();
    // A closed pipe ends nothing here.
    let mut out = stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

fn describe(trace: &Trace, lang: Lang) -> String {
    let mut text = match &trace.experts {
        Some(shape) => experts(shape, &trace.tokens, lang),
        None => format!("\n{}\n", CliMessage::TraceDense.text(lang)),
    };
    text.push_str(&trace.drafts.as_ref().map_or_else(
        || format!("\n{}\n", CliMessage::TraceNoDrafts.text(lang)),
        |stats| drafts(stats, lang),
    ));
    text.push_str(&trace.memory.as_ref().map(|memory| describe_memory(memory, lang)).unwrap_or_default());
    text
}

fn experts(shape: &ExpertLayers, tokens: &[TokenTrace], lang: Lang) -> String {
    let count = |count: usize| grouped(count as u64);
    let values = [
        ("layers", &*count(shape.layers.len())),
        ("chosen", &count(shape.num_experts_per_tok as usize)),
        ("experts", &count(shape.n_routed_experts as usize)),
        ("tokens", &count(tokens.len())),
    ];
    let mut text = format!("\n{}\n", CliMessage::TraceExperts.with(lang, &values));
    for (at, &layer) in shape.layers.iter().enumerate() {
        let chosen = tokens.iter().filter_map(|token| token.experts.get(at));
        let used = ExpertUse::of(chosen, shape.n_routed_experts as usize);
        let busiest: Vec<String> = used
            .busiest(NAMED_EXPERTS)
            .into_iter()
            .map(|(expert, times)| format!("{expert} ({})", grouped(times.into())))
            .collect();
        let values = [
            ("layer", &*layer.to_string()),
            ("used", &count(used.used())),
            ("share", &format!("{:.1}", used.busiest_over_even())),
            ("busiest", &busiest.join(CliMessage::Comma.text(lang))),
        ];
        text.push_str(&format!("  {}\n", CliMessage::TraceLayer.with(lang, &values)));
    }
    text
}

fn drafts(stats: &DraftStats, lang: Lang) -> String {
    let drafter = match stats.drafter {
        Drafter::Mtp => CliMessage::TraceMtp,
        Drafter::Lookup => CliMessage::TraceLookup,
    };
    let mut text = format!("\n{}\n", drafter.text(lang));
    for (at, (proposed, accepted)) in stats.proposed.iter().zip(&stats.accepted).enumerate() {
        let values = [
            ("place", &*(at + 1).to_string()),
            ("accepted", &grouped((*accepted).into())),
            ("proposed", &grouped((*proposed).into())),
        ];
        text.push_str(&format!("  {}\n", CliMessage::TraceDraftPlace.with(lang, &values)));
    }
    if let (Some(drafted), Some(plain)) = (stats.drafted_ms, stats.plain_ms) {
        let values = [("drafted", &*format!("{drafted:.1}")), ("plain", &format!("{plain:.1}"))];
        text.push_str(&format!("  {}\n", CliMessage::TraceDraftGain.with(lang, &values)));
    }
    for pause in &stats.pauses {
        let values = [
            ("tokens", &*grouped(pause.tokens.into())),
            ("drafted", &format!("{:.1}", pause.drafted_ms)),
            ("plain", &format!("{:.1}", pause.plain_ms)),
            ("steps", &grouped(pause.steps.into())),
        ];
        text.push_str(&format!("  {}\n", CliMessage::TraceDraftPause.with(lang, &values)));
    }
    text
}

fn describe_memory(memory: &WorkerMemory, lang: Lang) -> String {
    let row = |name: &str, foreseen: f64, measured: f64| {
        let values = [("part", name), ("foreseen", &bytes(foreseen)), ("measured", &bytes(measured))];
        format!("  {}\n", CliMessage::TraceMemoryPart.with(lang, &values))
    };
    let mut text = format!("\n{}\n", CliMessage::Memory.text(lang));
    for part in &memory.parts {
        text.push_str(&row(part_name(part.kind, lang), part.foreseen, part.measured));
    }
    text.push_str(&row(CliMessage::TraceMemoryAll.text(lang), memory.total.foreseen, memory.total.measured));
    text
}

#[cfg(test)]
mod tests {
    use contract::DraftPause;

    use super::*;

    fn token(experts: &[u16]) -> TokenTrace {
        let experts = vec![experts.to_vec()];
        TokenTrace { text: Some("a".into()), drafted: false, rejected: None, experts }
    }

    #[test]
    fn experts_and_drafts_are_told_in_both_languages() {
        let drafts = DraftStats {
            drafter: Drafter::Mtp,
            proposed: vec![10],
            accepted: vec![7],
            pauses: vec![DraftPause { tokens: 40, drafted_ms: 12.0, plain_ms: 10.0, steps: 32 }],
            drafted_ms: Some(12.0),
            plain_ms: Some(10.0),
        };
        let trace = Trace {
            text: "a a".into(),
            experts: Some(ExpertLayers { n_routed_experts: 8, num_experts_per_tok: 2, layers: vec![3] }),
            tokens: vec![token(&[1, 7]), token(&[7, 2])],
            drafts: Some(drafts),
            memory: None,
        };
        let english = describe(&trace, Lang::En);
        assert!(
            english.contains(
                "layer 3: 3 experts used, the busiest 4.0 times its even share: 7 (2), 1 (1), 2 (1)"
            ),
            "{english}"
        );
        assert!(english.contains("7 of 10") && english.contains("after 40 tokens"), "{english}");
        let chinese = describe(&trace, Lang::Zh);
        assert!(!chinese.contains("experts") && chinese.contains("7 (2)"), "{chinese}");
        let dense = Trace { experts: None, drafts: None, ..trace };
        assert!(!describe(&dense, Lang::En).contains("layer 3"));
    }
}
