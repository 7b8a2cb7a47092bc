//! The sentence for the verdict of one variant on one computer.
//! Which sentence it is and its values were decided by `catalog`.
use catalog::{CardShortage, FitReason, MemoryKind};
use contract::Localized;

use super::{CATALOGUE, Code, digits, joined, message};
use crate::amounts::size;
use crate::template::Value::{self, Bytes, Pages, Text, Words};

/// `shortage` of the card that is too small for the model.
pub fn fit_reason(reason: &FitReason, shortage: Option<&CardShortage>) -> Localized {
    let shortage =
        shortage.filter(|_| !matches!(reason, FitReason::TooLarge { memory: MemoryKind::Graphics, .. }));
    let shortage = shortage.map(|CardShortage { card, needed, available }| {
        let sizes = [("needed", Bytes(*needed)), ("available", Bytes(*available))];
        message(Code::CardShortage, &[&[("card", Text(card.into()))], &sizes[..]].concat())
    });
    joined([verdict(reason)].into_iter().chain(shortage)).expect("there is one sentence")
}

fn verdict(reason: &FitReason) -> Localized {
    match reason {
        FitReason::NoFiles => message(Code::NoFiles, &[]),
        FitReason::NoCard { name } => message(Code::NoCard, &[("name", Text(name.into()))]),
        FitReason::RunsWell { name, needed, available } => message(
            Code::RunsWell,
            &[("name", Text(name.into())), ("needed", Bytes(*needed)), ("available", Bytes(*available))],
        ),
        FitReason::OnCard { name, card, needed, available } => message(
            Code::OnCard,
            &[
                ("name", Text(name.into())),
                ("card", Text(card.into())),
                ("needed", Bytes(*needed)),
                ("available", Bytes(*available)),
            ],
        ),
        FitReason::SlowOnCard { name, card, speed } => {
            let mut values = vec![("name", Text(name.into())), ("card", Text(card.into()))];
            values.extend(speed.map(|speed| ("words", Words(speed))));
            message(Code::SlowOnCard, &values)
        }
        FitReason::ShortContext { name, available, context } => message(
            Code::ShortContext,
            &[("name", Text(name.into())), ("available", Bytes(*available)), ("pages", Pages(*context))],
        ),
        FitReason::Slow { name, speed: Some(speed), .. } => {
            message(Code::Slow, &[("name", Text(name.into())), ("words", Words(*speed))])
        }
        FitReason::Slow { name, needed, speed: None } => {
            message(Code::SlowExpected, &[("name", Text(name.into())), ("needed", Bytes(*needed))])
        }
        FitReason::TooLarge { name, needed, shortest, available, memory, context, sequences } => {
            let mut values = vec![
                ("name", Text(name.into())),
                ("needed", Bytes(*needed)),
                ("available", Bytes(*available)),
                ("memory", word(*memory)),
                ("pages", Pages(*context)),
                ("count", digits((*sequences).into())),
            ];
            // It helps only if it reads as another amount.
            if size(*shortest) != size(*needed) {
                values.push(("shortest", Bytes(*shortest)));
            }
            message(if *sequences == 1 { Code::TooLarge } else { Code::TooLargeForMany }, &values)
        }
    }
}

pub(super) fn word(memory: MemoryKind) -> Value<'static> {
    let code: &str = match memory {
        MemoryKind::Graphics => Code::GraphicsMemory,
        MemoryKind::Main => Code::MainMemory,
    }
    .into();
    Value::Word(&CATALOGUE[code])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn too_large(shortest: u64, context: u32, sequences: u32) -> Localized {
        verdict(&FitReason::TooLarge {
            name: "DeepSeek-R1 FP8".into(),
            needed: 704_000_000_000,
            shortest,
            available: 21_400_000_000,
            memory: MemoryKind::Main,
            context,
            sequences,
        })
    }

    #[test]
    fn a_model_that_is_too_large_names_the_requested_conversations() {
        let one = too_large(703_000_000_000, 16_384, 1);
        assert_eq!(
            one.en,
            "DeepSeek-R1 FP8 needs 704 GB with about 24 pages of conversation (703 GB with the shortest), \
             and only 21.4 GB of main memory can be used."
        );
        assert_eq!(
            one.zh,
            "DeepSeek-R1 FP8 加上约 24 页的对话需要 704 GB（最短的对话也要 703 GB），而可用内存只有 21.4 GB。"
        );
        // The shortest conversation reads as the same amount.
        assert!(
            too_large(704_100_000_000, 2048, 1).en.contains("704 GB with about 3 pages of conversation, and")
        );
        let many = too_large(703_000_000_000, 163_840, 4);
        assert!(many.en.contains("with 4 conversations of about 245 pages each (703 GB"), "{}", many.en);
        assert!(many.zh.contains("加上 4 个约 245 页的对话需要"), "{}", many.zh);
    }

    #[test]
    fn a_card_that_is_too_small_is_named_after_the_verdict() {
        let reason = FitReason::RunsWell { name: "32B".into(), needed: 1 << 34, available: 1 << 35 };
        let shortage =
            CardShortage { card: "RTX 4070".into(), needed: 24_000_000_000, available: 11_500_000_000 };
        let both = fit_reason(&reason, Some(&shortage));
        assert_eq!(
            both.en,
            "32B needs 17.2 GB of the 34.4 GB of main memory that can be used. The RTX 4070 has too little free \
             memory for it: 24 GB are needed, 11.5 GB can be used."
        );
        assert_eq!(
            both.zh,
            "32B 需要 17.2 GB，可用内存有 34.4 GB。RTX 4070 的可用显存不足：需要 24 GB，可用 11.5 GB。"
        );
        let (name, card) = ("7B".to_owned(), "RTX 4090".to_owned());
        let on_card = FitReason::OnCard { name, card, needed: 7_000_000_000, available: 24_000_000_000 };
        assert_eq!(
            fit_reason(&on_card, None).en,
            "7B runs on the RTX 4090: it needs 7 GB of the 24 GB of graphics memory that can be used."
        );
    }

    #[test]
    fn a_speed_is_named_only_if_it_was_measured() {
        let slow = |speed| verdict(&FitReason::Slow { name: "R1".into(), needed: 21_400_000_000, speed });
        assert_eq!(slow(Some(2.14)).en, "R1 fits in memory, but answers slowly: about 1.6 words per second.");
        assert_eq!(
            slow(None).en,
            "R1 fits in memory (21.4 GB), but this processor is expected to answer slowly."
        );
    }
}
