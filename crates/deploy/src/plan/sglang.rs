//! SGLang 0.5.23's words. Several machines run the same command and differ in their rank.
use catalog::{KvDtype, Vendor};

use super::choose::Choice;
use super::explained::{Code, Explained};
use super::wish::{Engine, Inventory, Spec};
use super::{Argument, Value, Words, flag, memory_share, model_path, parsers, set};

pub(super) const VERSION: &str = "0.5.23";
const PORT: u16 = 30000;
const LEADER_PORT: u16 = 5000;
/// Conversations up to which compiled graphs pay for the minutes they take at the start.
const FEW: u32 = 8;

pub(super) fn words(spec: &Spec, inventory: &Inventory, choice: &Choice) -> Words {
    let repo = choice.variant.repo_hugging_face.as_deref().unwrap_or_default();
    let mut arguments = vec![
        set("--model-path", repo, model_path(choice, repo)),
        set("--served-model-name", &spec.model.id, Explained::new(Code::ServedName)),
    ];
    if choice.shape.experts > 0 {
        arguments.push(flag("--trust-remote-code", Explained::new(Code::RemoteCode).with("repo", repo)));
    }
    division(choice, &mut arguments);
    let context =
        Explained::new(Code::Context).with("tokens", choice.context).with("max", spec.model.context_max);
    arguments.push(set("--context-length", choice.context, context));
    let sequences = Explained::new(Code::Sequences).with("count", choice.sequences);
    arguments.push(set("--max-running-requests", choice.sequences, sequences));
    let card = inventory.card.memory();
    // Of what SGLang counts here, weights and cache, the rest of a card is free for everything else.
    let fixed = (choice.memory.budget - choice.memory.overhead) as f64 / card as f64;
    let share = (fixed * 100.0).floor() / 100.0;
    arguments.push(set(
        "--mem-fraction-static",
        format!("{share:.2}"),
        memory_share(card, &choice.memory, share),
    ));
    if choice.kv == KvDtype::Fp8 {
        let why = Explained::new(Code::CacheFp8)
            .with("plain", choice.plain_tokens)
            .with("tokens", choice.memory.tokens);
        arguments.push(set("--kv-cache-dtype", "fp8_e4m3", why));
    }
    if choice.draft {
        let why = || Explained::new(Code::Draft).with("layers", choice.shape.predictions);
        arguments.push(set("--speculative-algorithm", "EAGLE", why()));
        arguments.push(set("--speculative-num-steps", 3, why()));
        arguments.push(set("--speculative-eagle-topk", 1, why()));
        arguments.push(set("--speculative-num-draft-tokens", 4, why()));
    } else if choice.whole
        && choice.sequences <= FEW
        && choice.machines == 1
        && inventory.card.vendor == Vendor::Nvidia
    {
        let why = || Explained::new(Code::Compile).with("count", choice.sequences);
        arguments.push(flag("--enable-torch-compile", why()));
        arguments.push(set("--torch-compile-max-bs", choice.sequences, why()));
    }
    let known = parsers::parsers(Engine::Sglang, &spec.model.id);
    let parser = |name, parser, code| set(name, parser, Explained::new(code).with("parser", parser));
    arguments.extend(known.reasoning.map(|name| parser("--reasoning-parser", name, Code::Reasoning)));
    arguments.extend(known.tools.map(|name| parser("--tool-call-parser", name, Code::ToolCalls)));
    arguments.push(flag("--enable-metrics", Explained::new(Code::Metrics)));
    arguments.push(set("--host", "127.0.0.1", Explained::new(Code::HostPrivate)));
    arguments.push(set("--port", PORT, Explained::new(Code::Port).with("port", PORT)));
    let amd = inventory.card.vendor == Vendor::Amd;
    let environment =
        amd.then(|| set("SGLANG_USE_AITER", 1, Explained::new(Code::Aiter))).into_iter().collect();
    Words {
        program: &["python3", "-m", "sglang.launch_server"],
        arguments,
        environment,
        modelfile: Vec::new(),
        port: PORT,
        health: "/health",
    }
}

fn division(choice: &Choice, arguments: &mut Vec<Argument>) {
    let division = choice.division;
    if division.tensor > 1 {
        let why = Explained::new(Code::Tensor)
            .with("count", division.tensor)
            .with("heads", choice.shape.heads)
            .with("each", choice.shape.heads / division.tensor);
        arguments.push(set("--tp-size", division.tensor, why));
    }
    if division.pipeline > 1 {
        let why = Explained::new(Code::Pipeline).with("count", division.pipeline);
        arguments.push(set("--pp-size", division.pipeline, why));
    }
    if choice.replicas > 1 {
        let why =
            Explained::new(Code::Replicas).with("count", choice.replicas).with("cards", division.cards());
        arguments.push(set("--dp-size", choice.replicas, why));
    }
    if division.attention_data > 1 {
        let why = Explained::new(Code::AttentionData)
            .with("count", division.attention_data)
            .with("plain", choice.plain_tokens)
            .with("tokens", choice.memory.tokens);
        arguments.push(set("--attn-dp-size", division.attention_data, why));
        arguments.push(flag("--enable-dp-lm-head", Explained::new(Code::LmHead)));
        if choice.shape.experts.is_multiple_of(division.tensor) {
            let why = Explained::new(Code::Experts)
                .with("experts", choice.shape.experts)
                .with("each", choice.shape.experts / division.tensor);
            arguments.push(set("--ep-size", division.tensor, why));
        }
    }
    if choice.machines > 1 {
        let machines = Explained::new(Code::Machines).with("count", choice.machines);
        arguments.push(set("--nnodes", choice.machines, machines));
        let rank = Explained::new(Code::MachineRank).with("last", choice.machines - 1);
        arguments.push(Argument { name: "--node-rank", value: Value::Rank, why: rank });
        let leader = Explained::new(Code::Leader).with("port", LEADER_PORT);
        arguments.push(Argument {
            name: "--dist-init-addr",
            value: Value::Leader(Some(LEADER_PORT)),
            why: leader,
        });
    }
}
