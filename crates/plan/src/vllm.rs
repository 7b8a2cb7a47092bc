//! Command line of vLLM 0.33. Hosts connect through vLLM's own multi-node mode or through Ray.
//! `--gpu-memory-utilization` is the share of a GPU for everything, unlike SGLang's `--mem-fraction-static`.
use catalog::{KvDtype, Vendor};

use crate::choose::Choice;
use crate::engine::Engine;
use crate::inventory::Inventory;
use crate::reason::{Reason, ReasonCode};
use crate::request::DeployRequest;
use crate::{Argument, EngineCommand, Value, flag, parsers, set};

const PORT: u16 = 8000;
const LEADER_PORT: u16 = 29501;

pub(super) fn command(request: &DeployRequest, inventory: &Inventory, choice: &Choice) -> EngineCommand {
    let repo = choice.variant.repo_hugging_face.as_deref().unwrap_or_default();
    let mut arguments = vec![
        set("", repo, choice.model_path_reason(repo)),
        set("--served-model-name", &request.model.id, Reason::new(ReasonCode::ServedName)),
    ];
    if choice.shape.experts > 0 {
        arguments.push(flag("--trust-remote-code", Reason::new(ReasonCode::RemoteCode).with("repo", repo)));
    }
    // The published configuration of VL2 has no architecture.
    if request.model.id.starts_with("deepseek-vl2") {
        let reason = Reason::new(ReasonCode::PictureArchitecture);
        arguments.push(set("--hf-overrides", r#"{"architectures":["DeepseekVLV2ForCausalLM"]}"#, reason));
    }
    parallelism(request, choice, &mut arguments);
    arguments.push(set("--max-model-len", choice.context, choice.context_reason(request.model)));
    arguments.push(set("--max-num-seqs", choice.sequences, choice.sequences_reason()));
    let gpu = inventory.gpu.memory();
    let share = catalog::BUDGET_PERCENT as f64 / 100.0;
    arguments.push(set(
        "--gpu-memory-utilization",
        format!("{share:.2}"),
        choice.memory_share_reason(gpu, share),
    ));
    if choice.kv == KvDtype::Fp8 {
        let reason = choice.cache_reason(ReasonCode::CacheFp8);
        arguments.push(set("--kv-cache-dtype", "fp8", reason));
    }
    if request.model.id.starts_with("deepseek-v4") {
        let reason = || Reason::new(ReasonCode::CacheSparse).with("tokens", choice.memory.tokens);
        arguments.push(set("--kv-cache-dtype", "fp8", reason()));
        arguments.push(set("--block-size", 256, reason()));
    }
    if request.model.id == "deepseek-ocr" {
        let processor = "vllm.model_executor.models.deepseek_ocr:NGramPerReqLogitsProcessor";
        arguments.push(set("--logits-processors", processor, Reason::new(ReasonCode::RepeatedText)));
    }
    if choice.use_mtp {
        let reason = choice.draft_reason();
        arguments.push(set("--speculative-config", r#"{"method":"mtp","num_speculative_tokens":1}"#, reason));
    }
    let known = parsers::parsers(Engine::Vllm, &request.model.id);
    let parser = |name, parser, code| set(name, parser, Reason::new(code).with("parser", parser));
    arguments.extend(known.reasoning.map(|name| parser("--reasoning-parser", name, ReasonCode::Reasoning)));
    if let Some(name) = known.tools {
        arguments.push(parser("--tool-call-parser", name, ReasonCode::ToolCalls));
        let reason = Reason::new(ReasonCode::ToolCalls).with("parser", name);
        arguments.push(flag("--enable-auto-tool-choice", reason));
    }
    arguments.push(set("--host", "127.0.0.1", Reason::new(ReasonCode::HostPrivate)));
    arguments.push(set("--port", PORT, Reason::new(ReasonCode::Port).with("port", PORT)));
    let amd = inventory.gpu.vendor == Vendor::Amd;
    let environment =
        amd.then(|| set("VLLM_ROCM_USE_AITER", 1, Reason::new(ReasonCode::Aiter))).into_iter().collect();
    EngineCommand {
        program: &["vllm", "serve"],
        arguments,
        environment,
        modelfile: Vec::new(),
        port: PORT,
        health: "/health",
    }
}

fn parallelism(request: &DeployRequest, choice: &Choice, arguments: &mut Vec<Argument>) {
    let parallelism = choice.parallelism;
    if parallelism.attention_data > 1 {
        // In vLLM, DP attention is data parallelism with the experts sharded over all ranks.
        arguments.push(set(
            "--data-parallel-size",
            parallelism.attention_data,
            choice.attention_data_reason(),
        ));
    } else if parallelism.tensor > 1 {
        arguments.push(set("--tensor-parallel-size", parallelism.tensor, choice.tensor_reason()));
    }
    if parallelism.pipeline > 1 {
        arguments.push(set("--pipeline-parallel-size", parallelism.pipeline, choice.pipeline_reason()));
    }
    if choice.replicas > 1 {
        arguments.push(set("--data-parallel-size", choice.replicas, choice.replicas_reason()));
    }
    let experts = choice.shape.experts;
    if experts > 0 && parallelism.tensor > 1 && experts.is_multiple_of(parallelism.tensor) {
        arguments.push(flag("--enable-expert-parallel", choice.experts_reason()));
    }
    if choice.hosts > 1 && request.ray {
        arguments.push(set("--distributed-executor-backend", "ray", Reason::new(ReasonCode::Ray)));
    } else if choice.hosts > 1 {
        arguments.push(set("--nnodes", choice.hosts, choice.machines_reason()));
        let rank = choice.machine_rank_reason();
        arguments.push(Argument { name: "--node-rank", value: Value::Rank, reason: rank });
        let leader = || Reason::new(ReasonCode::Leader).with("port", LEADER_PORT);
        arguments.push(Argument { name: "--master-addr", value: Value::Leader(None), reason: leader() });
        arguments.push(set("--master-port", LEADER_PORT, leader()));
        let reason = Reason::new(ReasonCode::Headless);
        arguments.push(Argument { name: "--headless", value: Value::FollowersOnly, reason });
    }
}
