//! `whaledeck-engine places`: the graphics cards of this machine as JSON, and why one cannot be used.
//! It opens each card, so that a card called usable is.
use std::io;
use std::process::ExitCode;

use models::cards;
use protocol::CardRefusal;
use serde::Serialize;

use crate::output::print_report;
use crate::place::{card_refusal, refusal};

#[derive(Debug, Serialize)]
struct Places {
    cards: Vec<Card>,
    /// Why no card can be asked at all.
    reason: Option<CardRefusal>,
}

#[derive(Debug, Serialize)]
struct Card {
    index: u32,
    name: String,
    capability: String,
    /// The CUDA version of the driver.
    driver: String,
    total_bytes: u64,
    free_bytes: u64,
    usable: bool,
    reason: Option<CardRefusal>,
}

pub fn places() -> io::Result<ExitCode> {
    let places = match cards::places() {
        Ok(cards) => Places { cards: cards.into_iter().map(card).collect(), reason: None },
        Err(refused) => Places { cards: Vec::new(), reason: Some(refusal(&refused)) },
    };
    print_report(Ok(places))
}

fn card(card: cards::CardInfo) -> Card {
    let reason = card.refused.as_ref().map(|refused| card_refusal(&card, refused));
    Card {
        index: card.index,
        usable: card.usable(),
        name: card.name,
        capability: card.capability.to_string(),
        driver: card.driver.to_string(),
        total_bytes: card.total,
        free_bytes: card.free,
        reason,
    }
}
