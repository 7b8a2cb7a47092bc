//! vLLM 0.33's words. Machines find each other in vLLM's own way, or through Ray.
use catalog::{KvDtype, Vendor};

use super::choose::Choice;
use super::explained::{Code, Explained};
use super::wish::{Engine, Inventory, Spec};
use super::{Argument, Value, Words, flag, memory_share, model_path, parsers, set};

/// Patch releases keep the flags.
pub(super) const VERSION: &str = "0.33";
const PORT: u16 = 8000;
const LEADER_PORT: u16 = 29501;

pub(super) fn words(spec: &Spec, inventory: &Inventory, choice: &Choice) -> Words {
    let repo = choice.variant.repo_hugging_face.as_deref().unwrap_or_default();
    let mut arguments = vec![
        set("", repo, model_path(choice, repo)),
        set("--served-model-name", &spec.model.id, Explained::new(Code::ServedName)),
    ];
    if choice.shape.experts > 0 {
        arguments.push(flag("--trust-remote-code", Explained::new(Code::RemoteCode).with("repo", repo)));
    }
    if spec.model.takes_images {
        let why = Explained::new(Code::PictureArchitecture);
        arguments.push(set("--hf-overrides", r#"{"architectures":["DeepseekVLV2ForCausalLM"]}"#, why));
    }
    division(spec, choice, &mut arguments);
    let context =
        Explained::new(Code::Context).with("tokens", choice.context).with("max", spec.model.context_max);
    arguments.push(set("--max-model-len", choice.context, context));
    let sequences = Explained::new(Code::Sequences).with("count", choice.sequences);
    arguments.push(set("--max-num-seqs", choice.sequences, sequences));
    let card = inventory.card.memory();
    let share = catalog::BUDGET_PERCENT as f64 / 100.0;
    arguments.push(set(
        "--gpu-memory-utilization",
        format!("{share:.2}"),
        memory_share(card, &choice.memory, share),
    ));
    if choice.kv == KvDtype::Fp8 {
        let why = Explained::new(Code::CacheFp8)
            .with("plain", choice.plain_tokens)
            .with("tokens", choice.memory.tokens);
        arguments.push(set("--kv-cache-dtype", "fp8", why));
    }
    if choice.draft {
        let why = Explained::new(Code::Draft).with("layers", choice.shape.predictions);
        arguments.push(set("--speculative-config", r#"{"method":"mtp","num_speculative_tokens":1}"#, why));
    }
    let known = parsers::parsers(Engine::Vllm, &spec.model.id);
    let parser = |name, parser, code| set(name, parser, Explained::new(code).with("parser", parser));
    arguments.extend(known.reasoning.map(|name| parser("--reasoning-parser", name, Code::Reasoning)));
    if let Some(name) = known.tools {
        arguments.push(parser("--tool-call-parser", name, Code::ToolCalls));
        let why = Explained::new(Code::ToolCalls).with("parser", name);
        arguments.push(flag("--enable-auto-tool-choice", why));
    }
    arguments.push(set("--host", "127.0.0.1", Explained::new(Code::HostPrivate)));
    arguments.push(set("--port", PORT, Explained::new(Code::Port).with("port", PORT)));
    let amd = inventory.card.vendor == Vendor::Amd;
    let environment =
        amd.then(|| set("VLLM_ROCM_USE_AITER", 1, Explained::new(Code::Aiter))).into_iter().collect();
    Words {
        program: &["vllm", "serve"],
        arguments,
        environment,
        modelfile: Vec::new(),
        port: PORT,
        health: "/health",
    }
}

fn division(spec: &Spec, choice: &Choice, arguments: &mut Vec<Argument>) {
    let division = choice.division;
    if division.attention_data > 1 {
        // vLLM says it as whole attention on each rank, with the experts shared by all.
        let why = Explained::new(Code::AttentionData)
            .with("count", division.attention_data)
            .with("plain", choice.plain_tokens)
            .with("tokens", choice.memory.tokens);
        arguments.push(set("--data-parallel-size", division.attention_data, why));
    } else if division.tensor > 1 {
        let why = Explained::new(Code::Tensor)
            .with("count", division.tensor)
            .with("heads", choice.shape.heads)
            .with("each", choice.shape.heads / division.tensor);
        arguments.push(set("--tensor-parallel-size", division.tensor, why));
    }
    if division.pipeline > 1 {
        let why = Explained::new(Code::Pipeline).with("count", division.pipeline);
        arguments.push(set("--pipeline-parallel-size", division.pipeline, why));
    }
    if choice.replicas > 1 {
        let why =
            Explained::new(Code::Replicas).with("count", choice.replicas).with("cards", division.cards());
        arguments.push(set("--data-parallel-size", choice.replicas, why));
    }
    let experts = choice.shape.experts;
    if experts > 0 && division.tensor > 1 && experts.is_multiple_of(division.tensor) {
        let why =
            Explained::new(Code::Experts).with("experts", experts).with("each", experts / division.tensor);
        arguments.push(flag("--enable-expert-parallel", why));
    }
    if choice.machines > 1 && spec.ray {
        arguments.push(set("--distributed-executor-backend", "ray", Explained::new(Code::Ray)));
    } else if choice.machines > 1 {
        let machines = Explained::new(Code::Machines).with("count", choice.machines);
        arguments.push(set("--nnodes", choice.machines, machines));
        let rank = Explained::new(Code::MachineRank).with("last", choice.machines - 1);
        arguments.push(Argument { name: "--node-rank", value: Value::Rank, why: rank });
        let leader = || Explained::new(Code::Leader).with("port", LEADER_PORT);
        arguments.push(Argument { name: "--master-addr", value: Value::Leader(None), why: leader() });
        arguments.push(set("--master-port", LEADER_PORT, leader()));
        let why = Explained::new(Code::Headless);
        arguments.push(Argument { name: "--headless", value: Value::OnFollowers, why });
    }
}
