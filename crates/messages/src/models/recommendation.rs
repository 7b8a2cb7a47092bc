//! The sentences of the first page: the recommendation, the smallest upgrade, and GPUs that are not used.
//! Which of them it shows was decided by `catalog`.
use catalog::{IdleGpus, Limit, Location, RecommendationReason, Upgrade};
use contract::Localized;

use super::{Code, digits, message};
use crate::template::Value::{Bytes, Count, Pages, Text, Words};

pub fn recommendation(reason: &RecommendationReason) -> Localized {
    match reason {
        RecommendationReason::Best { model, limit, speed } => {
            let best = best(model, limit);
            let Some(speed) = speed else { return best };
            let speed = message(Code::ExpectedSpeed, &[("words", Words(*speed))]);
            // Chinese has no space between sentences.
            Localized { en: format!("{} {}", best.en, speed.en), zh: best.zh + &speed.zh }
        }
        RecommendationReason::DiskFull { smallest, free, needed } => message(
            Code::DiskFull,
            &[("model", Text(smallest.into())), ("free", Bytes(*free)), ("needed", Bytes(*needed))],
        ),
        RecommendationReason::MemoryFull => message(Code::MemoryFull, &[]),
    }
}

fn best(model: &str, limit: &Limit) -> Localized {
    let model = ("model", Text(model.into()));
    match limit {
        Limit::Smallest => message(Code::BestSmallest, &[model]),
        Limit::Disk { better, free, needed } => {
            let better = ("better", Text(better.into()));
            message(Code::BestOnDisk, &[model, better, ("free", Bytes(*free)), ("needed", Bytes(*needed))])
        }
        Limit::Speed { better, speed } => {
            let better = ("better", Text(better.into()));
            match speed {
                Some(speed) => message(Code::BestSpeed, &[model, better, ("words", Words(*speed))]),
                None => message(Code::BestExpectedSpeed, &[model, better]),
            }
        }
        Limit::Memory { context, location } => {
            let pages = ("pages", Pages(*context));
            match *location {
                Location::Ram(free) => message(Code::BestInRam, &[model, pages, ("free", Bytes(free))]),
                Location::Gpu(gib) => message(Code::BestInCard, &[model, pages, ("size", digits(gib))]),
                Location::Gpus(count) => {
                    message(Code::BestInCards, &[model, pages, ("count", Count(count.into()))])
                }
            }
        }
    }
}

pub fn upgrade(upgrade: &Upgrade) -> Localized {
    match upgrade {
        Upgrade::Memory { gib, model } => {
            message(Code::UpgradeMemory, &[("size", digits(*gib)), ("model", Text(model.into()))])
        }
        Upgrade::Gpus { count, vram_gib, gpu, model } => message(
            if *count == 1 { Code::UpgradeCard } else { Code::UpgradeCards },
            &[
                ("count", Count(*count)),
                ("size", digits(*vram_gib)),
                ("card", Text(gpu.into())),
                ("model", Text(model.into())),
            ],
        ),
    }
}

pub fn idle_gpus(idle: &IdleGpus) -> Localized {
    let count = ("count", Count(idle.count as u64));
    match &idle.name {
        Some(name) if idle.count == 1 => message(Code::IdleCard, &[("card", Text(name.into()))]),
        Some(name) => message(Code::IdleCards, &[("card", Text(name.into())), count]),
        None => message(Code::IdleMixedCards, &[count]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_recommendation_names_the_limit_that_binds() {
        let of = |limit, speed| {
            let both =
                recommendation(&RecommendationReason::Best { model: "Qwen-1.5B".into(), limit, speed });
            format!("{}\n{}", both.en, both.zh)
        };
        let slower = Limit::Speed { better: "Qwen-7B".into(), speed: Some(2.56) };
        assert_eq!(
            of(slower, Some(10.7)),
            "Qwen-1.5B: the best that this processor answers with as fast as people read. Qwen-7B fits in \
             memory too, but writes only about 1.9 words per second. Expect about 8 words per second.\n\
             Qwen-1.5B：这台电脑的处理器能以阅读速度回答的最佳模型。Qwen-7B 内存也放得下，但每秒只能写约 1.9 \
             个词。预计每秒约 8 个词。"
        );
        let ram = Limit::Memory { context: 16_384, location: Location::Ram(4_294_967_296) };
        assert_eq!(
            of(ram, None),
            "Qwen-1.5B: the best that leaves room for about 24 pages of conversation in the 4.3 GB of memory \
             now free.\nQwen-1.5B：在 4.3 GB 空闲内存里能留出约 24 页对话空间的最佳模型。"
        );
        let card = Limit::Memory { context: 16_384, location: Location::Gpu(16) };
        assert!(of(card, None).contains("about 24 pages of conversation in your 16 GB card.\n"));
        let disk = Limit::Disk { better: "70B".into(), free: 30_000_000_000, needed: 43_000_000_000 };
        assert!(of(disk, None).contains("which has 30 GB free. 70B would run too, and needs 43 GB there.\n"));
    }

    #[test]
    fn an_upgrade_is_what_one_would_buy() {
        let gpus = |count, vram_gib| {
            let (gpu, model) = ("RTX 5060".into(), "R1".into());
            upgrade(&Upgrade::Gpus { count, vram_gib, gpu, model })
        };
        assert_eq!(gpus(1, 8).en, "With an 8 GB card (such as RTX 5060) you could run R1.");
        assert_eq!(gpus(1, 8).zh, "换用 8 GB 显卡（如 RTX 5060）就可以运行 R1。");
        assert_eq!(gpus(2, 24).en, "With 2 cards of 24 GB (such as RTX 5060) you could run R1.");
        let memory = upgrade(&Upgrade::Memory { gib: 1024, model: "R1".into() });
        assert_eq!(memory.en, "With 1024 GB of memory you could run R1.");
    }

    #[test]
    fn unused_gpus_are_one_sentence() {
        let of = |count, name: Option<&str>| idle_gpus(&IdleGpus { count, name: name.map(Into::into) });
        assert_eq!(
            of(1, Some("L40S")).en,
            "Your L40S is not used yet; llama-server under Deployments uses it."
        );
        assert_eq!(of(2, Some("L40S")).zh, "你的 2 张 L40S 目前未使用；“部署”中的 llama-server 可以使用。");
        assert!(of(3, None).en.starts_with("Your 3 graphics cards are not used yet"));
    }
}
