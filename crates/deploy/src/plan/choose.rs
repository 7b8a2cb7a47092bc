//! Which files, how many cards, how they share the work and what the cache is made of: the first way, in the order of
//! what it costs in quality and speed, that holds the wanted conversations; else the one that holds most.
use catalog::{
    Division, Gate, KvDtype, Memory, ModelFacts, SHORTEST_POOL, Shape, Variant, Vendor, gate, memory,
    widens_fp8,
};

use super::explained::{Code, Explained, size};
use super::wish::{Engine, Inventory, Spec};

#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Choice<'a> {
    pub variant: &'a Variant,
    pub shape: &'a Shape,
    pub machines: u32,
    pub division: Division,
    /// Servers side by side in one machine.
    pub replicas: u32,
    pub kv: KvDtype,
    /// The model's own prediction layers draft.
    pub draft: bool,
    pub memory: Memory,
    pub context: u32,
    pub sequences: u32,
    /// All that was wanted.
    pub whole: bool,
    /// What the whole of it would hold at 16 bits, to say what smaller numbers won.
    pub plain_tokens: u64,
}

/// Why one set of files cannot be served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    pub precision: String,
    pub why: Explained,
}

pub(crate) fn choose<'a>(spec: &Spec<'a>, inventory: &Inventory) -> Result<Choice<'a>, Vec<Refusal>> {
    let Some(shape) = spec.model.shape.as_ref().filter(|_| spec.model.family != catalog::FamilyKind::Guide)
    else {
        return Err(vec![refusal("", Explained::new(Code::BuiltInOnly).with("model", &spec.model.name))]);
    };
    let wanted = spec.model.variants.iter().filter(|it| spec.variant.as_ref().is_none_or(|id| *id == it.id));
    let (mut short, mut refusals) = (None, Vec::new());
    for variant in wanted {
        match of_variant(spec, shape, variant, inventory) {
            Ok(choice) if choice.whole => return Ok(choice),
            Ok(choice) => short = short.or(Some(choice)),
            Err(why) => refusals.push(refusal(&variant.precision, why)),
        }
    }
    short.ok_or(refusals)
}

fn refusal(precision: &str, why: Explained) -> Refusal {
    Refusal { precision: precision.to_owned(), why }
}

fn of_variant<'a>(
    spec: &Spec<'a>,
    shape: &'a Shape,
    variant: &'a Variant,
    inventory: &Inventory,
) -> Result<Choice<'a>, Explained> {
    barred(spec, variant, inventory)?;
    let ways = ways(spec, shape, variant, inventory);
    let kinds = cache_kinds(spec.engine, inventory);
    let tokens = |machines, division, kv| {
        let memory = memory(spec.model, variant, inventory.card.memory(), division, kv, 0);
        (machines, division, memory)
    };
    let wanted = u64::from(spec.context.min(spec.model.context_max)) * u64::from(spec.sequences);
    let mut tries = Vec::new();
    for data in [false, true] {
        for kv in kinds {
            for (machines, division) in &ways {
                let groups = if data { attention_groups(spec, *machines, *division) } else { Some(1) };
                let Some(attention_data) = groups else { continue };
                let (machines, division, memory) =
                    tokens(*machines, Division { attention_data, ..*division }, *kv);
                tries.push((machines, division, *kv, memory));
            }
        }
    }
    let best = tries
        .iter()
        .find(|(.., memory)| memory.tokens >= wanted)
        .or_else(|| tries.iter().rev().max_by_key(|(.., memory)| memory.tokens))
        .ok_or_else(|| {
            Explained::new(Code::NoDivision).with("heads", shape.heads).with("machines", inventory.label())
        })?;
    let (machines, division, kv, memory) = *best;
    if memory.tokens < SHORTEST_POOL {
        return Err(too_small(spec.model, variant, inventory, &memory));
    }
    let plain = Division { attention_data: 1, ..division };
    let plain_tokens = tokens(machines, plain, KvDtype::Bf16).2.tokens;
    let whole = memory.tokens >= wanted;
    let choice = fitted(spec, memory);
    let replicas =
        if machines == 1 && shape.experts == 0 && !spec.engine.reads_gguf() && division.pipeline == 1 {
            inventory.cards / division.cards()
        } else {
            1
        };
    let (context, sequences) = choice;
    let undrafted = Choice {
        variant,
        shape,
        machines,
        division,
        replicas,
        kv,
        draft: false,
        memory,
        context,
        sequences,
        whole,
        plain_tokens,
    };
    Ok(drafted(spec, inventory, undrafted, wanted))
}

/// Engines and cards that do not know each other, and files in a form the engine does not read.
fn barred(spec: &Spec, variant: &Variant, inventory: &Inventory) -> Result<(), Explained> {
    let card = &inventory.card;
    let engine = spec.engine.name();
    if variant.repo_hugging_face.is_none() || variant.is_gguf() != spec.engine.reads_gguf() {
        return Err(Explained::new(Code::NoFiles)
            .with("engine", engine)
            .with("precision", &variant.precision));
    }
    if spec.engine == Engine::Ollama && super::ollama::source(spec.model, variant).is_none() {
        return Err(Explained::new(Code::FilesInParts).with("size", size(variant.size)));
    }
    let lack = |code| {
        let capability = card.compute_capability.as_deref().unwrap_or("-");
        let why = Explained::new(code).with("card", card.label()).with("capability", capability);
        Err(why.with("engine", engine))
    };
    match gate(card, variant) {
        Some(Gate::Fp8) if spec.engine == Engine::Vllm && widens_fp8(card) => {}
        Some(Gate::Fp8) => return lack(Code::NoFp8),
        Some(Gate::Fp4) => return lack(Code::NoFp4),
        Some(Gate::Bf16) => return lack(Code::NoBf16),
        None => {}
    }
    // Their builds for AMD are for the cards of data centres.
    if card.vendor == Vendor::Amd && !card.is_instinct() && !spec.engine.reads_gguf() {
        return Err(Explained::new(Code::CardUnknownToEngine)
            .with("engine", engine)
            .with("card", card.label()));
    }
    Ok(())
}

/// Machines and divisions, the cheapest first.
fn ways(spec: &Spec, shape: &Shape, variant: &Variant, inventory: &Inventory) -> Vec<(u32, Division)> {
    if spec.engine.reads_gguf() {
        return vec![(1, Division::by_layers(inventory.cards))];
    }
    let of = |cards| Division::of(shape, &spec.model.cache, variant, cards);
    let mut single: Vec<(u32, Division)> =
        (1..=inventory.cards).filter_map(of).filter(|it| it.pipeline == 1).map(|it| (1, it)).collect();
    if shape.experts > 0 {
        // Experts are many and small: every card of the machine takes some, and reads fewer for each token.
        single = single.pop().into_iter().collect();
    }
    single.extend(of(inventory.cards).filter(|it| it.pipeline > 1).map(|it| (1, it)));
    let several = (2..=inventory.machines).filter_map(|machines| {
        let all = machines * inventory.cards;
        let division = match spec.engine {
            Engine::Vllm => {
                // The fast links are inside a machine: layers are shared there, and passed on between machines.
                let inside = of(inventory.cards)?;
                Division { pipeline: inside.pipeline * machines, ..inside }
            }
            _ => of(all)?,
        };
        (u64::from(division.pipeline) <= spec.model.cache.layers()).then_some((machines, division))
    });
    single.into_iter().chain(several).collect()
}

/// What the numbers of the cache may be, the most exact first.
fn cache_kinds(engine: Engine, inventory: &Inventory) -> &'static [KvDtype] {
    match engine {
        Engine::Ollama | Engine::LlamaServer => &[KvDtype::Bf16, KvDtype::Q8],
        Engine::Sglang | Engine::Vllm if inventory.card.fp8 => &[KvDtype::Bf16, KvDtype::Fp8],
        Engine::Sglang | Engine::Vllm => &[KvDtype::Bf16],
    }
}

/// Groups of DP attention: only a latent cache is replicated and has something to win.
fn attention_groups(spec: &Spec, machines: u32, division: Division) -> Option<u32> {
    let latent = matches!(spec.model.cache, catalog::Cache::Latent { .. });
    let possible = match spec.engine {
        Engine::Sglang => division.pipeline == 1,
        Engine::Vllm => machines == 1 && division.pipeline == 1,
        Engine::Ollama | Engine::LlamaServer => false,
    };
    (latent && possible && division.tensor > 1).then_some(division.tensor)
}

/// The wanted conversations, or as long and as many as there is room for.
fn fitted(spec: &Spec, memory: Memory) -> (u32, u32) {
    let wanted = spec.context.min(spec.model.context_max);
    let room = u32::try_from(memory.tokens).unwrap_or(u32::MAX);
    let context = if room >= wanted { wanted } else { room / 1024 * 1024 };
    (context, spec.sequences.min((room / context.max(1)).max(1)))
}

/// Drafting costs the cache of a further layer; it is taken where all that was wanted still fits.
fn drafted<'a>(spec: &Spec, inventory: &Inventory, choice: Choice<'a>, wanted: u64) -> Choice<'a> {
    const MANY: u32 = 32;
    let native = choice.variant.precision == "FP8" && inventory.card.fp8 && choice.shape.predictions > 0;
    let simple = choice.division.pipeline == 1 && choice.division.attention_data == 1;
    if !(choice.whole && native && simple && !spec.engine.reads_gguf() && choice.sequences <= MANY) {
        return choice;
    }
    let extra = u64::from(choice.shape.predictions);
    let memory =
        memory(spec.model, choice.variant, inventory.card.memory(), choice.division, choice.kv, extra);
    if memory.tokens >= wanted { Choice { draft: true, memory, ..choice } } else { choice }
}

fn too_small(model: &ModelFacts, variant: &Variant, inventory: &Inventory, memory: &Memory) -> Explained {
    // llama.cpp's engines stay in one machine, whatever else there is.
    let machines = if variant.is_gguf() { 1 } else { inventory.machines };
    let cards = u64::from(machines * inventory.cards);
    let all = cards * inventory.card.memory();
    let code = if all < variant.size { Code::WeightsExceedMemory } else { Code::TooLittleLeft };
    Explained::new(code)
        .with("model", &model.name)
        .with("precision", &variant.precision)
        .with("files", size(variant.size))
        .with("memory", size(all))
        .with("cards", cards)
        .with("card", inventory.card.label())
        .with("used", memory.cards)
        .with("weights", size(memory.weights))
        .with("overhead", size(memory.overhead))
        .with("budget", size(memory.budget))
        .with("tokens", memory.tokens)
        .with("needed", SHORTEST_POOL)
}
