//! "What would run it": for each card of the catalogue the smallest count that holds a model with the wanted
//! conversations, or why no count does.
use crate::memory::{Division, Gate, Memory, SHORTEST_POOL, lacks, memory};
use crate::{Card, Catalog, KvDtype, ModelFacts, Variant};

/// Conversations to make room for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Demand {
    /// Tokens of each.
    pub context: u32,
    /// At the same time.
    pub sequences: u32,
    pub kv: KvDtype,
}

impl Demand {
    pub fn tokens(self, model: &ModelFacts) -> u64 {
        u64::from(self.context.min(model.context_max)) * u64::from(self.sequences)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    Holds,
    /// The most cards tried hold the weights but not the conversations.
    ShortContext,
    TooSmall,
    Lacks(Gate),
}

#[derive(Debug, Clone, PartialEq)]
pub struct Row<'a> {
    pub card: &'a Card,
    pub variant: &'a Variant,
    /// The fewest that hold it, else the most that were tried.
    pub count: u32,
    /// Machines of eight.
    pub nodes: u32,
    pub division: Division,
    pub memory: Memory,
    pub verdict: Verdict,
}

/// Up to four machines of eight; files for llama.cpp stay in one machine.
const COUNTS: [u32; 6] = [1, 2, 4, 8, 16, 32];
const IN_A_MACHINE: u32 = 8;

/// A row for every card and every variant; nothing for a model that only its own engine runs.
pub fn table<'a>(catalog: &'a Catalog, model: &'a ModelFacts, demand: Demand) -> Vec<Row<'a>> {
    let cards = catalog.cards();
    model
        .variants
        .iter()
        .flat_map(|variant| cards.iter().filter_map(move |card| row(model, variant, card, demand)))
        .collect()
}

fn row<'a>(model: &'a ModelFacts, variant: &'a Variant, card: &'a Card, demand: Demand) -> Option<Row<'a>> {
    let tries = COUNTS
        .iter()
        .filter(|count| !variant.is_gguf() || **count <= IN_A_MACHINE)
        .filter_map(|count| held(model, variant, card, (count.div_ceil(IN_A_MACHINE), *count), demand));
    let mut last = None;
    for row in tries {
        if matches!(row.verdict, Verdict::Holds | Verdict::Lacks(_)) {
            return Some(row);
        }
        last = Some(row);
    }
    last
}

/// What exactly `count` cards in `nodes` machines hold; nothing where they cannot share the model, as files for llama.cpp
/// cannot be shared by machines.
pub fn held<'a>(
    model: &'a ModelFacts,
    variant: &'a Variant,
    card: &'a Card,
    (nodes, count): (u32, u32),
    demand: Demand,
) -> Option<Row<'a>> {
    let shape = model.shape.as_ref()?;
    let division = match variant.is_gguf() {
        true if nodes > 1 || u64::from(count) > model.cache.layers() => return None,
        true => Division::by_layers(count),
        false => Division::of(shape, &model.cache, variant, count)?,
    };
    let memory = memory(model, variant, card.memory(), division, demand.kv, 0);
    let verdict = match (lacks(card, variant), memory.tokens) {
        (Some(lack), _) => Verdict::Lacks(lack),
        (None, tokens) if tokens >= demand.tokens(model) => Verdict::Holds,
        (None, tokens) if tokens >= SHORTEST_POOL => Verdict::ShortContext,
        _ => Verdict::TooSmall,
    };
    Some(Row { card, variant, count, nodes, division, memory, verdict })
}

/// For a spreadsheet; headings and verdicts are the same in every language.
pub fn csv(model: &ModelFacts, rows: &[Row]) -> String {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let heading = [
        "model",
        "precision",
        "weights_bytes",
        "card",
        "vendor",
        "card_memory_bytes",
        "count",
        "machines",
        "tensor",
        "pipeline",
        "weights_per_card_bytes",
        "overhead_per_card_bytes",
        "budget_per_card_bytes",
        "cache_per_token_bytes",
        "tokens_in_all",
        "verdict",
    ];
    let lines = rows.iter().map(|row| {
        let numbers = [
            u64::from(row.count),
            u64::from(row.nodes),
            u64::from(row.division.tensor),
            u64::from(row.division.pipeline),
            row.memory.weights,
            row.memory.overhead,
            row.memory.budget,
            row.memory.token,
            row.memory.tokens,
        ];
        let mut line = vec![
            model.name.clone(),
            row.variant.precision.clone(),
            row.variant.size.to_string(),
            row.card.label(),
            format!("{:?}", row.card.vendor),
            row.card.memory().to_string(),
        ];
        line.extend(numbers.iter().map(u64::to_string));
        line.push(row.verdict.name().to_owned());
        line
    });
    let heading = heading.iter().map(|&name| name.to_owned()).collect::<Vec<_>>();
    for line in std::iter::once(heading).chain(lines) {
        writer.write_record(line).expect("memory takes every line, and all have as many cells");
    }
    String::from_utf8(writer.into_inner().expect("memory is flushed")).expect("names are text")
}

impl Verdict {
    pub fn name(self) -> &'static str {
        match self {
            Self::Holds => "holds",
            Self::ShortContext => "short_context",
            Self::TooSmall => "too_small",
            Self::Lacks(Gate::Fp8) => "no_fp8",
            Self::Lacks(Gate::Fp4) => "no_fp4",
            Self::Lacks(Gate::Bf16) => "no_bf16",
        }
    }
}
