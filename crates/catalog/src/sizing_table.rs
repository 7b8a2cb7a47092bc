//! The sizing table: for each GPU of the catalogue the smallest count that holds a model with the requested
//! conversations, or why no count does.
use crate::memory::{Memory, MissingDtype, Parallelism, SHORTEST_POOL, memory, unsupported_dtype};
use crate::{Catalog, GpuSpec, KvDtype, ModelFacts, Variant};

/// The requested conversations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Demand {
    /// Tokens per conversation.
    pub context: u32,
    /// Concurrent conversations.
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
    /// The largest count holds the weights but not the conversations.
    ShortContext,
    TooSmall,
    Unsupported(MissingDtype),
}

#[derive(Debug, Clone, PartialEq)]
pub struct Row<'a> {
    pub gpu: &'a GpuSpec,
    pub variant: &'a Variant,
    /// The smallest count that holds it, else the largest count tried.
    pub count: u32,
    /// Hosts with eight GPUs each, or with one whose memory is the main memory.
    pub nodes: u32,
    pub parallelism: Parallelism,
    pub memory: Memory,
    pub verdict: Verdict,
}

/// Up to four hosts with eight GPUs; GGUF files use one host.
const COUNTS: [u32; 6] = [1, 2, 4, 8, 16, 32];
const GPUS_PER_HOST: u32 = 8;

/// GPUs of one type in one host.
fn per_host(gpu: &GpuSpec) -> u32 {
    GPUS_PER_HOST.min(gpu.most_per_host())
}

/// A row for every GPU and variant; empty for a model without a shape.
pub fn table<'a>(catalog: &'a Catalog, model: &'a ModelFacts, demand: Demand) -> Vec<Row<'a>> {
    let gpus = catalog.gpus();
    model
        .variants
        .iter()
        .flat_map(|variant| gpus.iter().filter_map(move |gpu| row(model, variant, gpu, demand)))
        .collect()
}

fn row<'a>(model: &'a ModelFacts, variant: &'a Variant, gpu: &'a GpuSpec, demand: Demand) -> Option<Row<'a>> {
    let tries = COUNTS
        .iter()
        .filter(|count| !variant.is_gguf() || **count <= per_host(gpu))
        .filter_map(|count| row_for(model, variant, gpu, (count.div_ceil(per_host(gpu)), *count), demand));
    let mut last = None;
    for row in tries {
        if matches!(row.verdict, Verdict::Holds | Verdict::Unsupported(_)) {
            return Some(row);
        }
        last = Some(row);
    }
    last
}

/// The row of exactly `count` GPUs in `nodes` hosts; `None` if the model cannot be split that way, or only
/// the embedded engine makes the variant. GGUF files
/// cannot be split over hosts.
pub fn row_for<'a>(
    model: &'a ModelFacts,
    variant: &'a Variant,
    gpu: &'a GpuSpec,
    (nodes, count): (u32, u32),
    demand: Demand,
) -> Option<Row<'a>> {
    // What is made at a start, the embedded engine makes.
    let shape = model.shape.as_ref().filter(|_| variant.shrink.is_none())?;
    let parallelism = match variant.is_gguf() {
        true if nodes > 1 || u64::from(count) > model.cache.layers() => return None,
        true => Parallelism::pipeline_only(count),
        false => Parallelism::of(shape, &model.cache, variant, count)?,
    };
    let memory = memory(model, variant, gpu.memory(), parallelism, demand.kv, 0);
    let verdict = match (unsupported_dtype(gpu, variant), memory.tokens) {
        (Some(lack), _) => Verdict::Unsupported(lack),
        (None, tokens) if tokens >= demand.tokens(model) => Verdict::Holds,
        (None, tokens) if tokens >= SHORTEST_POOL => Verdict::ShortContext,
        _ => Verdict::TooSmall,
    };
    Some(Row { gpu, variant, count, nodes, parallelism, memory, verdict })
}

/// The table as CSV; headings and verdicts are the same in every language.
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
            u64::from(row.parallelism.tensor),
            u64::from(row.parallelism.pipeline),
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
            row.gpu.label(),
            format!("{:?}", row.gpu.vendor),
            row.gpu.memory().to_string(),
        ];
        line.extend(numbers.iter().map(u64::to_string));
        line.push(row.verdict.name().to_owned());
        line
    });
    let heading = heading.iter().map(|&name| name.to_owned()).collect::<Vec<_>>();
    for line in std::iter::once(heading).chain(lines) {
        writer.write_record(line).expect("writing to memory succeeds and all records have equal length");
    }
    String::from_utf8(writer.into_inner().expect("memory is flushed")).expect("names are text")
}

impl Verdict {
    pub fn name(self) -> &'static str {
        match self {
            Self::Holds => "holds",
            Self::ShortContext => "short_context",
            Self::TooSmall => "too_small",
            Self::Unsupported(MissingDtype::Fp8) => "no_fp8",
            Self::Unsupported(MissingDtype::Fp4) => "no_fp4",
            Self::Unsupported(MissingDtype::Bf16) => "no_bf16",
        }
    }
}
