//! The memory that a model will take with given settings, by the arithmetic of the worker: on which device it
//! will be, its parts, whether it fits, and the longest context that does. Starts and stores nothing.
use catalog::{Devices, MemoryKind, card_available, padded, short_name, usable_ram};
use checkpoint::memory::{
    BudgetParams, CARD_CHUNK, CARD_CONTEXT, CARD_RESERVE, CacheDtype, HOST_CHUNK, MemoryBudget, VISION,
    WeightParts,
};
use contract::{MemoryForecast, MemoryPart, MemoryPartKind};
use hardware::Snapshot;
use protocol::PlaceChoice;

use super::headers::ModelHeaders;
use super::resolve::{RunSettings, cache_kind};

/// The worker at its start, as measured on Linux.
const PROGRAM: u64 = 9_000_000;
/// The shortest context that is offered.
const SHORTEST: u32 = 2048;
/// What the nearest context that fits is a multiple of.
const STEP: u32 = 64;

/// What a forecast is made of besides the settings.
pub(super) struct Machine<'a> {
    pub snapshot: &'a Snapshot,
    /// Main memory that the present worker takes, which ends before another starts.
    pub worker: u64,
    pub threads: usize,
    /// What earlier runs took more than was computed, or less, by the card that they were on.
    pub correction: &'a dyn Fn(Option<&str>) -> f64,
}

/// Where a model would be.
struct Site {
    /// The name of the card; `None` for main memory.
    card: Option<String>,
    available: u64,
}

pub(super) fn forecast(
    headers: &ModelHeaders,
    settings: &RunSettings,
    context_max: u32,
    machine: &Machine<'_>,
) -> MemoryForecast {
    let (site, parts) = placed(headers, settings, machine);
    let total = sum(&parts);
    let at = |context: u32| {
        let (site, parts) = placed(headers, &RunSettings { context, ..settings.clone() }, machine);
        sum(&parts) <= site.available
    };
    let fits = total <= site.available;
    let context_fits =
        if fits { Some(settings.context) } else { longest(settings.context.min(context_max), at) };
    let memory = if site.card.is_some() { MemoryKind::Graphics } else { MemoryKind::Main };
    let problem = (!fits).then(|| messages::settings_too_large(total, site.available, memory, context_fits));
    MemoryForecast {
        context: settings.context,
        cache: cache_kind(settings.cache),
        card: site.card,
        parts,
        total: total as f64,
        available: site.available as f64,
        problem,
        context_fits,
    }
}

/// The longest context up to `most` for which `fits`, in whole pages of the cache.
fn longest(most: u32, fits: impl Fn(u32) -> bool) -> Option<u32> {
    let shortest = SHORTEST.min(most);
    if !fits(shortest) {
        return None;
    }
    let (mut low, mut high) = (shortest, most);
    while high - low > STEP {
        let middle = (low.midpoint(high) / STEP * STEP).max(low + 1);
        if fits(middle) { low = middle } else { high = middle }
    }
    Some(low)
}

/// The device by the worker's rule, and the parts there.
fn placed(headers: &ModelHeaders, settings: &RunSettings, machine: &Machine<'_>) -> (Site, Vec<MemoryPart>) {
    let cards = Devices(settings.place).cards(machine.snapshot);
    let mut first = None;
    for card in cards.filter(|_| headers.no_kernel.is_none()) {
        let name = short_name(&card.gpu.name).to_owned();
        let parts = on_card(headers, settings, (machine.correction)(Some(&name)));
        let available = card_available(card.gpu, machine.snapshot) + CARD_CONTEXT;
        let site = Site { card: Some(name), available: available.saturating_sub(CARD_RESERVE) };
        if sum(&parts) <= site.available {
            return (site, parts);
        }
        first.get_or_insert((site, parts));
    }
    // A card that was named is never replaced by the processor.
    if let (PlaceChoice::Card(_), Some(first)) = (settings.place, first) {
        return first;
    }
    let available = usable_ram(machine.snapshot).saturating_add(machine.worker);
    (Site { card: None, available }, on_host(headers, settings, machine))
}

fn on_host(headers: &ModelHeaders, settings: &RunSettings, machine: &Machine<'_>) -> Vec<MemoryPart> {
    let threads = settings.threads.map_or(machine.threads, usize::from);
    let params = BudgetParams { chunk: HOST_CHUNK, threads, ..params(settings) };
    let budget = MemoryBudget::on_host(&headers.config, headers.parts.clone(), &params);
    parts(&budget, PROGRAM + budget.runtime, (machine.correction)(None))
}

fn on_card(headers: &ModelHeaders, settings: &RunSettings, correction: f64) -> Vec<MemoryPart> {
    let weights: WeightParts = headers
        .parts
        .iter()
        .filter(|(part, _)| **part != VISION)
        .map(|(part, bytes)| (*part, padded(*bytes)))
        .collect();
    // The vision tower stays in main memory.
    let budget = MemoryBudget::on_card(&headers.config, weights, None, &params(settings));
    parts(&budget, CARD_CONTEXT, correction)
}

fn params(settings: &RunSettings) -> BudgetParams {
    BudgetParams {
        context: settings.context as usize,
        sequences: settings.sequences.into(),
        cache: match settings.cache {
            protocol::CacheDtype::Bf16 => CacheDtype::Bf16,
            protocol::CacheDtype::Fp8 => CacheDtype::Fp8,
        },
        chunk: CARD_CHUNK,
        threads: 1,
    }
}

/// What an earlier run took less was foreseen for the activations.
fn parts(budget: &MemoryBudget, program: u64, correction: f64) -> Vec<MemoryPart> {
    let part = |name| budget.parts.get(name).copied().unwrap_or(0);
    let (experts, vision) = (part("experts"), part(VISION));
    let buffers = (budget.buffers as f64 + correction.min(0.0)).max(0.0) as u64;
    let all = [
        (MemoryPartKind::Weights, budget.weights() - experts - vision),
        (MemoryPartKind::Experts, experts),
        (MemoryPartKind::Vision, vision),
        (MemoryPartKind::Cache, budget.cache),
        (MemoryPartKind::Buffers, buffers),
        (MemoryPartKind::Program, program),
        (MemoryPartKind::Correction, correction.max(0.0) as u64),
    ];
    let taken = all.into_iter().filter(|(_, bytes)| *bytes > 0);
    taken.map(|(kind, bytes)| MemoryPart { kind, bytes: bytes as f64 }).collect()
}

fn sum(parts: &[MemoryPart]) -> u64 {
    parts.iter().map(|part| part.bytes as u64).sum()
}

#[cfg(test)]
pub(super) mod testing {
    use super::*;

    /// R1-Distill-Qwen-1.5B in bf16: 3.55 GB.
    pub fn headers() -> ModelHeaders {
        let text = include_str!("../../../../bench/shapes/r1-distill-qwen-1.5b.json");
        let config = checkpoint::ModelConfig::from_json(serde_json::from_str(text).expect("is JSON"));
        let config = config.expect("is a model");
        let weights = checkpoint::RandomWeights::new(&config, 0, checkpoint::Dtype::BF16);
        let parts = checkpoint::memory::weight_parts(&config, &weights, None).expect("valid");
        ModelHeaders { config, parts, can_shrink: true, no_kernel: None }
    }

    pub fn computer(ram: u64, vram: u64) -> Snapshot {
        Snapshot {
            os: String::new(),
            cpu: hardware::Cpu::default(),
            ram_total: ram,
            ram_available: ram,
            gpus: vec![hardware::Gpu {
                name: "NVIDIA L40S".into(),
                vendor: hardware::GpuVendor::Nvidia,
                vram_total: Some(vram),
                vram_free: Some(vram),
                shared_memory: false,
                driver: "580".into(),
                cuda: Some("13.0".into()),
                compute_capability: Some("8.9".into()),
            }],
            gpu_problem: None,
            disk: hardware::Disk { models_dir: "/".into(), total: 0, free: 0 },
            memory_bandwidth: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::testing::{computer, headers};
    use super::*;

    #[test]
    fn the_longest_context_is_found_in_pages() {
        let under = |limit: u32| move |context: u32| context <= limit;
        assert_eq!(longest(131_072, under(50_000)), Some(49_984));
        assert_eq!(longest(131_072, under(2047)), None);
        assert_eq!(longest(1000, under(1000)), Some(1000));
        let found = longest(16_384, under(16_383)).expect("fits");
        assert!((16_384 - 2 * STEP..16_384).contains(&found), "{found}");
    }

    fn foreseen(snapshot: &Snapshot, settings: &contract::ModelSettings, correction: f64) -> MemoryForecast {
        let settings = RunSettings::resolve(settings, PlaceChoice::Auto, 131_072);
        let machine = Machine {
            snapshot,
            worker: 0,
            threads: 8,
            correction: &|card| if card.is_none() { correction } else { 0.0 },
        };
        forecast(&headers(), &settings, 131_072, &machine)
    }

    #[test]
    fn a_forecast_names_the_number_that_binds_and_what_would_fit() {
        let long = contract::ModelSettings {
            context: Some(131_072),
            sequences: Some(4),
            cache: Some(contract::CacheKind::Bf16),
            ..Default::default()
        };
        let small = computer(10 << 30, 2 << 30);
        let refused = foreseen(&small, &long, 0.0);
        assert!(refused.total > refused.available && refused.card.is_none());
        let problem = refused.problem.expect("it does not fit");
        let fits = refused.context_fits.expect("a shorter one does");
        assert!(fits.is_multiple_of(STEP) && (2048..131_072).contains(&fits), "{fits}");
        assert!(problem.en.contains(&messages::grouped(fits.into())), "{}", problem.en);
        let shorter = contract::ModelSettings { context: Some(fits), ..long.clone() };
        assert_eq!(foreseen(&small, &shorter, 0.0).problem, None);
        let longer = contract::ModelSettings { context: Some(fits + 2 * STEP), ..long };
        assert!(foreseen(&small, &longer, 0.0).problem.is_some(), "it is the longest");
        let tiny = computer(3 << 30, 1 << 30);
        let never = foreseen(&tiny, &Default::default(), 0.0);
        assert!(never.problem.is_some() && never.context_fits.is_none());
    }

    #[test]
    fn a_model_is_on_the_card_that_holds_it_and_earlier_runs_correct_the_forecast() {
        let plain = contract::ModelSettings::default();
        let on_card = foreseen(&computer(8 << 30, 8 << 30), &plain, 1e9);
        assert_eq!(on_card.card.as_deref(), Some("L40S"));
        let (kind, cpu) = (|part: &MemoryPart| part.kind, computer(16 << 30, 1 << 30));
        let before = foreseen(&cpu, &plain, 0.0);
        assert_eq!(before.card, None);
        assert!(before.parts.iter().all(|part| kind(part) != MemoryPartKind::Correction));
        let after = foreseen(&cpu, &plain, 1e8);
        assert_eq!(after.total - before.total, 1e8);
        assert_eq!(after.parts.last().map(kind), Some(MemoryPartKind::Correction));
        let less = foreseen(&cpu, &plain, -1e6);
        assert_eq!(before.total - less.total, 1e6);
        let chosen =
            contract::ModelSettings { place: Some(contract::PlaceKind::Card), card: Some(0), ..plain };
        let named = foreseen(&cpu, &chosen, 0.0);
        assert!(named.card.is_some() && named.problem.is_some(), "a card that was named is not replaced");
    }
}
