//! The one answer of the first page: the best model that fits, why, and the smallest upgrade that changes it.
//! Never names a model that does not fit.
use hardware::{Gpu, GpuVendor, Snapshot};

use crate::fit::{pages, pages_zh, size, words};
use crate::{Card, Catalog, Fit, KvDtype, ModelFacts, Place, Sentence, Vendor, Verdict, best_fit};

/// Tokens of conversation a recommendation makes room for.
pub const DEFAULT_CONTEXT: u32 = 16_384;

#[derive(Debug, Clone, PartialEq)]
pub struct Recommendation {
    /// `None` when nothing fits; the sentence then offers the Guide.
    pub model_id: Option<String>,
    pub variant_id: Option<String>,
    pub sentence: Sentence,
    pub upgrade: Option<Sentence>,
    /// Bytes.
    pub download_size: u64,
}

pub fn recommend(snapshot: &Snapshot, catalog: &Catalog) -> Recommendation {
    let fits: Vec<(&ModelFacts, Fit)> = ranked(catalog)
        .into_iter()
        .map(|model| (model, best_fit(snapshot, model, DEFAULT_CONTEXT, KvDtype::Bf16)))
        .collect();
    let of = |verdict| fits.iter().filter(move |(_, fit)| fit.verdict == verdict);
    let chosen = of(Verdict::RunsWell)
        .next_back()
        .or_else(|| of(Verdict::ShortContext).next_back())
        .or_else(|| of(Verdict::Slow).next());
    let upgrade = upgrade(snapshot, catalog, chosen.map_or(0, |(model, _)| model.rank));
    let Some((model, fit)) = chosen else {
        return Recommendation {
            model_id: None,
            variant_id: None,
            sentence: Sentence {
                en: "No DeepSeek model fits in the free memory of this computer; the built-in Guide runs anyway.".into(),
                zh: "这台电脑的空闲内存放不下任何 DeepSeek 模型；内置的向导模型仍可使用。".into(),
            },
            upgrade,
            download_size: 0,
        };
    };
    Recommendation {
        model_id: Some(model.id.clone()),
        variant_id: Some(fit.variant_id.clone()),
        sentence: sentence(snapshot, model, fit),
        upgrade,
        download_size: fit.weights,
    }
}

/// Models worth recommending, weakest first.
fn ranked(catalog: &Catalog) -> Vec<&ModelFacts> {
    let mut models: Vec<&ModelFacts> = catalog.models().iter().filter(|model| model.rank > 0).collect();
    models.sort_by_key(|model| model.rank);
    models
}

fn sentence(snapshot: &Snapshot, model: &ModelFacts, fit: &Fit) -> Sentence {
    let (name, room, room_zh) = (&model.name, pages(fit.context), pages_zh(fit.context));
    let (place, place_zh) = if fit.place == Place::Gpu {
        let mut sizes: Vec<u64> = snapshot.gpus.iter().map(|gpu| gpu.vram_total).collect();
        sizes.sort_unstable_by(|a, b| b.cmp(a));
        let card = (sizes[0] as f64 / (1u64 << 30) as f64).round();
        match fit.gpus {
            1 => (format!("your {card} GB card"), format!("{card} GB 显卡")),
            n => (format!("{n} of your cards"), format!("{n} 张显卡")),
        }
    } else {
        let ram = size(snapshot.ram_available);
        (format!("the {ram} of memory now free"), format!("{ram} 空闲内存"))
    };
    let (speed, speed_zh) = match fit.speed_estimate {
        Some(rate) if fit.place == Place::Cpu => (
            format!(" Expect about {:.0} words per second without a graphics card.", words(rate)),
            format!("没有显卡时约每秒 {:.0} 个词。", words(rate)),
        ),
        _ => Default::default(),
    };
    let (slow, slow_zh) = if fit.verdict == Verdict::Slow {
        (" It will answer slowly.", "回答会较慢。")
    } else {
        ("", "")
    };
    Sentence {
        en: format!("{name}: the best that leaves room for {room} of conversation in {place}.{slow}{speed}"),
        zh: format!("{name}：在{place_zh}里能留出{room_zh}对话空间的最佳模型。{slow_zh}{speed_zh}"),
    }
}

/// The least graphics memory that lets a better model than `rank` run well.
fn upgrade(snapshot: &Snapshot, catalog: &Catalog, rank: u32) -> Option<Sentence> {
    let mut options: Vec<(u64, &Card)> =
        catalog.cards().iter().filter(offered).flat_map(|card| [1, 2, 4, 8].map(|n| (n, card))).collect();
    options.sort_by_key(|(n, card)| (n * card.vram_gb, *n));
    let better: Vec<&ModelFacts> = ranked(catalog).into_iter().filter(|model| model.rank > rank).collect();
    options.into_iter().find_map(|(n, card)| {
        let machine = Snapshot { gpus: (0..n).map(|_| bought(card)).collect(), ..snapshot.clone() };
        let runs = |model: &&&ModelFacts| {
            let fit = best_fit(&machine, model, DEFAULT_CONTEXT, KvDtype::Bf16);
            fit.verdict == Verdict::RunsWell && fit.place == Place::Gpu
        };
        let model = better.iter().rev().find(runs)?;
        let (name, vram, card) = (&model.name, card.vram_gb, &card.name);
        let (what, what_zh) = match n {
            1 => (format!("a {vram} GB card (such as {card})"), format!("{vram} GB 显卡（如 {card}）")),
            n => (
                format!("{n} cards of {vram} GB (such as {card})"),
                format!("{n} 张 {vram} GB 显卡（如 {card}）"),
            ),
        };
        Some(Sentence {
            en: format!("With {what} you could run {name}."),
            zh: format!("换用{what_zh}可以运行 {name}。"),
        })
    })
}

/// Of NVIDIA only: `bought` describes no other.
fn offered(card: &&Card) -> bool {
    card.vendor == Vendor::Nvidia
}

fn bought(card: &Card) -> Gpu {
    Gpu {
        name: card.name.clone(),
        vendor: GpuVendor::Nvidia,
        vram_total: card.vram_gb << 30,
        vram_free: card.vram_gb << 30,
        driver: String::new(),
        cuda: None,
        compute_capability: card.compute_capability.clone(),
    }
}
