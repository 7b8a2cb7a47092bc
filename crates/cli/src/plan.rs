//! `plan`: the command lines that serve a model on the given hosts, with a reason for each argument, or as
//! files.
use std::process::ExitCode;

use contract::{ErrorCode, ErrorView, OfferView, PlanOutcome, PlanView, PlanWish, RefusalView};
use messages::{CliMessage, Lang, bytes, grouped, plan_message};

use crate::args::PlanArgs;
use crate::json::print_json;

impl From<&PlanArgs> for PlanWish {
    fn from(args: &PlanArgs) -> Self {
        Self {
            model: args.model.clone(),
            engine: args.engine.clone().unwrap_or_default(),
            machines: args.gpus.clone(),
            precision: args.precision.clone(),
            context: args.context,
            sequences: args.sequences,
            ray: args.ray,
        }
    }
}

/// Prints the plan. Without one it prints the reasons and returns a failure.
pub fn plan(wish: &PlanWish, format: Option<&str>, json: bool, lang: Lang) -> Result<ExitCode, ErrorView> {
    show(&app::plan_for(wish)?, format, json, lang)
}

pub fn show(
    outcome: &PlanOutcome,
    format: Option<&str>,
    json: bool,
    lang: Lang,
) -> Result<ExitCode, ErrorView> {
    let code = match outcome {
        PlanOutcome::Plan(_) => ExitCode::SUCCESS,
        PlanOutcome::NotEnough { .. } => ExitCode::FAILURE,
    };
    match (outcome, format) {
        (outcome, _) if json => print_json(outcome),
        (PlanOutcome::Plan(plan), Some(format)) => print!("{}", files(plan, format)?),
        (PlanOutcome::Plan(plan), None) => print!("{}", describe(plan, lang)),
        (PlanOutcome::NotEnough { refusals, offers }, _) => {
            print!("{}", describe_rejection(refusals, offers, lang))
        }
    }
    Ok(code)
}

fn files(plan: &PlanView, format: &str) -> Result<String, ErrorView> {
    let files: Vec<_> = plan.files.iter().filter(|file| file.form == format).collect();
    match &files[..] {
        [] => {
            let mut formats: Vec<_> = plan.files.iter().map(|file| file.form.as_str()).collect();
            formats.dedup();
            let message = format!("render the plan: {} has no {format}", plan.engine);
            Err(ErrorView::new(ErrorCode::InvalidInput, message)
                .with("name", "render")
                .with("allowed", formats.join(", ")))
        }
        [file] => Ok(file.text.clone()),
        files => Ok(files.iter().map(|file| format!("# ==> {} <==\n{}\n", file.name, file.text)).collect()),
    }
}

fn describe(plan: &PlanView, lang: Lang) -> String {
    let memory = &plan.memory;
    let on = CliMessage::RunsOn.text(lang);
    let mut text =
        format!("{} {} {on} {} ({})\n\n", plan.model_name, plan.precision, plan.machines, plan.engine);
    let rest = memory.budget - memory.weights - memory.overhead;
    let rows = [
        (CliMessage::TotalWeights.text(lang), bytes(memory.size)),
        (
            CliMessage::EachGpu.text(lang),
            format!("{}, {} {}", bytes(memory.card), CliMessage::Usable.text(lang), bytes(memory.budget)),
        ),
        (CliMessage::WeightsOnIt.text(lang), bytes(memory.weights)),
        (CliMessage::ForComputing.text(lang), bytes(memory.overhead)),
        (
            CliMessage::LeftForConversations.text(lang),
            format!(
                "{} − {} − {} = {}",
                bytes(memory.budget),
                bytes(memory.weights),
                bytes(memory.overhead),
                bytes(rest)
            ),
        ),
        (CliMessage::EachTokenOfContext.text(lang), format!("{:.0} B", memory.token)),
        (CliMessage::TotalCapacity.text(lang), tokens(memory.tokens, lang)),
        (
            CliMessage::Conversations.text(lang),
            format!("{} × {}", plan.sequences, tokens(f64::from(plan.context), lang)),
        ),
    ];
    let title = CliMessage::Memory.text(lang);
    text.push_str(&format!("{title} ({} {})\n", memory.cards, CliMessage::Cards.text(lang)));
    text.extend(rows.iter().map(|(name, value)| format!("  {name}: {value}\n")));
    let parts = [
        (CliMessage::Command.text(lang), &plan.arguments),
        (CliMessage::Variables.text(lang), &plan.environment),
        ("Modelfile", &plan.modelfile),
    ];
    for (title, lines) in parts.into_iter().filter(|(_, lines)| !lines.is_empty()) {
        text.push_str(&format!("\n{title}\n"));
        text.extend(
            lines.iter().map(|line| format!("  {}\n      {}\n", line.text, plan_message(&line.why, lang))),
        );
    }
    if !plan.notes.is_empty() {
        text.push_str(CliMessage::GoodToKnow.text(lang));
        text.extend(plan.notes.iter().map(|note| format!("  {}\n", plan_message(note, lang))));
    }
    // The shell scripts; other formats need --render.
    for file in plan.files.iter().filter(|file| file.form == "shell") {
        text.push_str(&format!("\n{}\n{}", file.name, file.text));
    }
    text
}

fn describe_rejection(refusals: &[RefusalView], offers: &[OfferView], lang: Lang) -> String {
    let mut text = String::from(CliMessage::NoPlan.text(lang));
    for refusal in refusals {
        let name =
            if refusal.precision.is_empty() { String::new() } else { format!("{}: ", refusal.precision) };
        text.push_str(&format!("  {name}{}\n", plan_message(&refusal.why, lang)));
    }
    if !offers.is_empty() {
        text.push_str(CliMessage::WhatWorks.text(lang));
    }
    for offer in offers {
        let capacity = tokens(offer.tokens, lang);
        let capacity = CliMessage::RoomFor.with(lang, &[("capacity", &capacity)]);
        text.push_str(&format!("  {} {} {}: {capacity}\n", offer.engine, offer.precision, offer.machines));
    }
    text
}

fn tokens(count: f64, lang: Lang) -> String {
    format!("{} {}", grouped(count as u64), CliMessage::Tokens.text(lang))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn printed(gpus: &str, lang: Lang) -> String {
        let wish = PlanWish {
            model: "DeepSeek-R1".into(),
            engine: "sglang".into(),
            machines: gpus.into(),
            precision: None,
            context: 32_768,
            sequences: 4,
            ray: false,
        };
        match app::plan_for(&wish).expect("is understood") {
            PlanOutcome::Plan(plan) => describe(&plan, lang),
            PlanOutcome::NotEnough { refusals, offers } => describe_rejection(&refusals, &offers, lang),
        }
    }

    #[test]
    fn two_machines_of_eight_h100_serve_fp8_with_their_arithmetic() {
        let text = printed("2x8xH100-80G", Lang::En);
        for part in [
            "DeepSeek-R1 FP8 on 2x8xH100-80G (sglang)",
            "Total weights: 689 GB\n",
            "Each GPU: 85.5 GB, usable 77 GB\n",
            "--tp-size 16",
            "--nnodes 2",
            "--node-rank RANK",
            "--dist-init-addr LEADER:5000",
            "Conversations: 4 × 32,768 tokens",
            "machine-0.sh\n#!/bin/sh\n",
            "--node-rank 1",
        ] {
            assert!(text.contains(part), "{part} is not in {text}");
        }
        let chinese = printed("2x8xH100-80G", Lang::Zh);
        assert!(chinese.contains("128 个注意力头，每张卡 8 个") && chinese.contains("689 GB"), "{chinese}");
    }

    #[test]
    fn eight_h100_are_refused_with_numbers_and_an_offer() {
        for (lang, word) in [(Lang::En, "What works"), (Lang::Zh, "可行的选择")] {
            let text = printed("8xH100-80G", lang);
            assert!(text.contains("684 GB < 689 GB") && text.contains(word), "{text}");
            assert!(
                text.contains("sglang FP8 2x8xH100-80G") && text.contains("llama-server Q4_K_M 8xH100-80G"),
                "{text}"
            );
        }
    }

    #[test]
    fn eight_h20_say_how_much_conversation_they_leave() {
        let text = printed("8xH20-96G", Lang::En);
        assert!(text.contains("There is room for 8") && text.contains("tokens in all, not for 4"), "{text}");
        assert!(text.contains("--kv-cache-dtype fp8_e4m3"), "{text}");
    }
}
