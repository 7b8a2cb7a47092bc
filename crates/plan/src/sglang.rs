//! Command line of SGLang 0.5.23. Several hosts run the same command with different ranks.
//! `--mem-fraction-static` covers weights and KV cache only, unlike vLLM's `--gpu-memory-utilization`.
use catalog::{KvDtype, Vendor};

use crate::choose::Choice;
use crate::engine::Engine;
use crate::inventory::Inventory;
use crate::reason::{Reason, ReasonCode};
use crate::request::DeployRequest;
use crate::{Argument, EngineCommand, Value, flag, parsers, set};

const PORT: u16 = 30000;
const LEADER_PORT: u16 = 5000;
/// Number of sequences up to which torch.compile is worth the minutes that it adds to the start.
const SMALL_BATCH: u32 = 8;

pub(super) fn command(request: &DeployRequest, inventory: &Inventory, choice: &Choice) -> EngineCommand {
    let repo = choice.variant.repo_hugging_face.as_deref().unwrap_or_default();
    let mut arguments = vec![
        set("--model-path", repo, choice.model_path_reason(repo)),
        set("--served-model-name", &request.model.id, Reason::new(ReasonCode::ServedName)),
    ];
    if choice.shape.experts > 0 {
        arguments.push(flag("--trust-remote-code", Reason::new(ReasonCode::RemoteCode).with("repo", repo)));
    }
    parallelism(choice, &mut arguments);
    arguments.push(set("--context-length", choice.context, choice.context_reason(request.model)));
    arguments.push(set("--max-running-requests", choice.sequences, choice.sequences_reason()));
    let gpu = inventory.gpu.memory();
    // SGLang's fraction covers weights and KV cache only; the overhead comes out of the rest.
    let fixed = (choice.memory.budget - choice.memory.overhead) as f64 / gpu as f64;
    let share = (fixed * 100.0).floor() / 100.0;
    arguments.push(set(
        "--mem-fraction-static",
        format!("{share:.2}"),
        choice.memory_share_reason(gpu, share),
    ));
    if choice.kv == KvDtype::Fp8 {
        let reason = choice.cache_reason(ReasonCode::CacheFp8);
        arguments.push(set("--kv-cache-dtype", "fp8_e4m3", reason));
    }
    if choice.use_mtp {
        let reason = || choice.draft_reason();
        arguments.push(set("--speculative-algorithm", "EAGLE", reason()));
        arguments.push(set("--speculative-num-steps", 3, reason()));
        arguments.push(set("--speculative-eagle-topk", 1, reason()));
        arguments.push(set("--speculative-num-draft-tokens", 4, reason()));
    } else if choice.fits
        && choice.sequences <= SMALL_BATCH
        && choice.hosts == 1
        && inventory.gpu.vendor == Vendor::Nvidia
    {
        let reason = || Reason::new(ReasonCode::Compile).with("count", choice.sequences);
        arguments.push(flag("--enable-torch-compile", reason()));
        arguments.push(set("--torch-compile-max-bs", choice.sequences, reason()));
    }
    let known = parsers::parsers(Engine::Sglang, &request.model.id);
    let parser = |name, parser, code| set(name, parser, Reason::new(code).with("parser", parser));
    arguments.extend(known.reasoning.map(|name| parser("--reasoning-parser", name, ReasonCode::Reasoning)));
    arguments.extend(known.tools.map(|name| parser("--tool-call-parser", name, ReasonCode::ToolCalls)));
    arguments.push(flag("--enable-metrics", Reason::new(ReasonCode::Metrics)));
    arguments.push(set("--host", "127.0.0.1", Reason::new(ReasonCode::HostPrivate)));
    arguments.push(set("--port", PORT, Reason::new(ReasonCode::Port).with("port", PORT)));
    let amd = inventory.gpu.vendor == Vendor::Amd;
    let environment =
        amd.then(|| set("SGLANG_USE_AITER", 1, Reason::new(ReasonCode::Aiter))).into_iter().collect();
    EngineCommand {
        program: &["python3", "-m", "sglang.launch_server"],
        arguments,
        environment,
        modelfile: Vec::new(),
        port: PORT,
        health: "/health",
    }
}

fn parallelism(choice: &Choice, arguments: &mut Vec<Argument>) {
    let parallelism = choice.parallelism;
    if parallelism.tensor > 1 {
        arguments.push(set("--tp-size", parallelism.tensor, choice.tensor_reason()));
    }
    if parallelism.pipeline > 1 {
        arguments.push(set("--pp-size", parallelism.pipeline, choice.pipeline_reason()));
    }
    if choice.replicas > 1 {
        arguments.push(set("--dp-size", choice.replicas, choice.replicas_reason()));
    }
    if parallelism.attention_data > 1 {
        arguments.push(set("--attn-dp-size", parallelism.attention_data, choice.attention_data_reason()));
        arguments.push(flag("--enable-dp-lm-head", Reason::new(ReasonCode::LmHead)));
        if choice.shape.experts.is_multiple_of(parallelism.tensor) {
            arguments.push(set("--ep-size", parallelism.tensor, choice.experts_reason()));
        }
    }
    if choice.hosts > 1 {
        arguments.push(set("--nnodes", choice.hosts, choice.machines_reason()));
        let rank = choice.machine_rank_reason();
        arguments.push(Argument { name: "--node-rank", value: Value::Rank, reason: rank });
        let leader = Reason::new(ReasonCode::Leader).with("port", LEADER_PORT);
        arguments.push(Argument {
            name: "--dist-init-addr",
            value: Value::Leader(Some(LEADER_PORT)),
            reason: leader,
        });
    }
}
