//! The settings of a model with every default filled in, as a worker gets them.
//! Knows neither the files of the model nor the memory.
use std::time::Duration;

use catalog::DEFAULT_CONTEXT;
use checkpoint::memory::default_cache_dtype;
use contract::{CacheKind, ModelSettings, PlaceKind, ShrinkKind};
use protocol::{CacheDtype, DEFAULT_SEQUENCES, PlaceChoice, SpeculationMode, WeightDtype};

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RunSettings {
    pub context: u32,
    pub sequences: u8,
    pub cache: CacheDtype,
    pub place: PlaceChoice,
    /// `None` is one for each core.
    pub threads: Option<u16>,
    pub shrink: Option<WeightDtype>,
    pub speculation: SpeculationMode,
    pub unload_after: Option<Duration>,
}

impl RunSettings {
    /// `place` is that of the app's settings.
    pub fn resolve(chosen: &ModelSettings, place: PlaceChoice, context_max: u32) -> Self {
        let context = context_max.min(chosen.context.unwrap_or(DEFAULT_CONTEXT)).max(1);
        let sequences = chosen.sequences.and_then(|count| u8::try_from(count).ok());
        Self {
            context,
            sequences: sequences.unwrap_or(DEFAULT_SEQUENCES),
            cache: chosen.cache.map_or_else(|| default_cache(context), cache_dtype),
            place: match chosen.place {
                None => place,
                Some(PlaceKind::Auto) => PlaceChoice::Auto,
                Some(PlaceKind::Cpu) => PlaceChoice::Cpu,
                Some(PlaceKind::Card) => PlaceChoice::Card(chosen.card.unwrap_or(0)),
            },
            threads: chosen.threads.and_then(|count| u16::try_from(count).ok()),
            shrink: chosen.shrink.map(|kind| match kind {
                ShrinkKind::Q8 => WeightDtype::Q80,
                ShrinkKind::Q6 => WeightDtype::Q6K,
                ShrinkKind::Q4 => WeightDtype::Q4K,
            }),
            speculation: match chosen.drafts {
                Some(false) => SpeculationMode::Off,
                _ => SpeculationMode::Auto,
            },
            unload_after: chosen.unload_minutes.map(|minutes| Duration::from_secs(u64::from(minutes) * 60)),
        }
    }
}

fn cache_dtype(kind: CacheKind) -> CacheDtype {
    match kind {
        CacheKind::Bf16 => CacheDtype::Bf16,
        CacheKind::Fp8 => CacheDtype::Fp8,
    }
}

/// The type of the cache when a start names none.
pub(super) fn default_cache(context: u32) -> CacheDtype {
    match default_cache_dtype(context as usize) {
        checkpoint::memory::CacheDtype::Fp8 => CacheDtype::Fp8,
        _ => CacheDtype::Bf16,
    }
}

pub(super) fn cache_kind(dtype: CacheDtype) -> CacheKind {
    match dtype {
        CacheDtype::Bf16 => CacheKind::Bf16,
        CacheDtype::Fp8 => CacheKind::Fp8,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_chosen_has_its_default() {
        let plain = RunSettings::resolve(&ModelSettings::default(), PlaceChoice::Card(1), 131_072);
        assert_eq!((plain.context, plain.sequences, plain.cache), (DEFAULT_CONTEXT, 2, CacheDtype::Fp8));
        assert_eq!((plain.place, plain.threads, plain.unload_after), (PlaceChoice::Card(1), None, None));
        let chosen = ModelSettings {
            context: Some(500_000),
            cache: Some(CacheKind::Bf16),
            place: Some(PlaceKind::Cpu),
            drafts: Some(false),
            unload_minutes: Some(5),
            ..ModelSettings::default()
        };
        let chosen = RunSettings::resolve(&chosen, PlaceChoice::Auto, 2048);
        assert_eq!((chosen.context, chosen.cache, chosen.place), (2048, CacheDtype::Bf16, PlaceChoice::Cpu));
        assert_eq!(chosen.speculation, SpeculationMode::Off);
        assert_eq!(chosen.unload_after, Some(Duration::from_secs(300)));
    }
}
