//! The sentences of the first page: the recommendation, the smallest upgrade, and GPUs that are not used.
//! Which of them it shows was decided by `catalog`.
use catalog::{IdleGpus, IdleReason, Limit, Location, RecommendationReason, Upgrade};
use contract::Localized;

use super::{Code, digits, joined, message};
use crate::catalogue::Bilingual;
use crate::template::Value::{Bytes, Count, Pages, Text, Word, Words};

pub fn recommendation(reason: &RecommendationReason) -> Localized {
    match reason {
        RecommendationReason::Best { model, limit, speed } => {
            let best = best(model, limit);
            let speed = speed.map(|speed| message(Code::ExpectedSpeed, &[("words", Words(speed))]));
            joined([best].into_iter().chain(speed)).expect("there is one sentence")
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
            match location {
                Location::Ram(free) => message(Code::BestInRam, &[model, pages, ("free", Bytes(*free))]),
                Location::Card(card) => {
                    message(Code::BestOnCard, &[model, pages, ("card", Text(card.into()))])
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
        Upgrade::Card { vram_gib, gpu, model } => message(
            Code::UpgradeCard,
            &[("size", digits(*vram_gib)), ("card", Text(gpu.into())), ("model", Text(model.into()))],
        ),
    }
}

/// `None` when every GPU is used.
pub fn idle_gpus(idle: &[IdleGpus]) -> Option<Localized> {
    joined(idle.iter().map(idle_group))
}

fn idle_group(idle: &IdleGpus) -> Localized {
    let reason = match &idle.reason {
        IdleReason::NotChosen => message(Code::IdleNotChosen, &[]),
        IdleReason::NotNvidia => message(Code::IdleNotNvidia, &[]),
        IdleReason::Capability(capability) => {
            message(Code::IdleCapability, &[("capability", Text(capability.into()))])
        }
        IdleReason::DriverTooOld(version) if version.is_empty() => message(Code::IdleDriver, &[]),
        IdleReason::DriverTooOld(version) => message(Code::IdleDriver, &[("driver", Text(version.into()))]),
        IdleReason::Unknown => message(Code::IdleUnknown, &[]),
    };
    let reason = Bilingual { en: reason.en, zh: reason.zh };
    let (count, reason) = (("count", Count(idle.count as u64)), ("reason", Word(&reason)));
    match &idle.name {
        Some(name) if idle.count == 1 => message(Code::IdleCard, &[("card", Text(name.into())), reason]),
        Some(name) => message(Code::IdleCards, &[("card", Text(name.into())), count, reason]),
        None => message(Code::IdleMixedCards, &[count, reason]),
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
        let card = Limit::Memory { context: 16_384, location: Location::Card("RTX 4080".into()) };
        assert!(of(card, None).contains("about 24 pages of conversation on your RTX 4080.\n"));
        let disk = Limit::Disk { better: "70B".into(), free: 30_000_000_000, needed: 43_000_000_000 };
        assert!(of(disk, None).contains("which has 30 GB free. 70B would run too, and needs 43 GB there.\n"));
    }

    #[test]
    fn an_upgrade_is_what_one_would_buy() {
        let (gpu, model) = ("RTX 5060".into(), "R1".into());
        let card = upgrade(&Upgrade::Card { vram_gib: 8, gpu, model });
        assert_eq!(card.en, "With an 8 GB card (such as RTX 5060) you could run R1.");
        assert_eq!(card.zh, "换用 8 GB 显卡（如 RTX 5060）就可以运行 R1。");
        let memory = upgrade(&Upgrade::Memory { gib: 1024, model: "R1".into() });
        assert_eq!(memory.en, "With 1024 GB of memory you could run R1.");
    }

    #[test]
    fn unused_gpus_are_one_sentence_for_each_reason() {
        let of = |count, name: Option<&str>, reason| {
            let idle = IdleGpus { count, name: name.map(Into::into), reason };
            idle_gpus(&[idle]).expect("a sentence")
        };
        assert_eq!(
            of(1, Some("L40S"), IdleReason::NotChosen).en,
            "Your L40S is not used: Settings names another place to compute."
        );
        assert_eq!(
            of(2, Some("RX 7600"), IdleReason::NotNvidia).zh,
            "你的 2 张 RX 7600 未使用：模型只在 NVIDIA 显卡上运行；“部署”中的 llama-server 也可以使用其他显卡。"
        );
        assert!(
            of(1, Some("T4"), IdleReason::Capability("7.5".into())).en.contains("capability 7.5 is below")
        );
        let driver = |version: &str| of(1, Some("L4"), IdleReason::DriverTooOld(version.into()));
        assert!(driver("520.61").en.ends_with("525 or newer (520.61 is installed)."));
        assert!(driver("").zh.ends_with("525 或更高版本的驱动。"));
        assert!(of(3, None, IdleReason::Unknown).en.starts_with("Your 3 graphics cards are not used: the"));
        assert_eq!(idle_gpus(&[]), None);
    }
}
