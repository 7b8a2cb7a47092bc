//! Where a model will compute. `auto` takes a card when the whole model fits it and says why when it does
//! not; a place that was named is taken or is an error, never replaced by another.
use std::cell::LazyCell;

use checkpoint::Checkpoint;
use checkpoint::memory::{BudgetParams, CARD_CHUNK, CARD_CONTEXT, CardBudget, weight_dtype};
use models::Place;
use models::cards::{self, CardInfo, CheckError, NoCard, check_products, places};
use protocol::{CardRefusal, ErrorCode, PlaceChoice, WorkerArgs, WorkerFailure, WorkerPlace};

use crate::card_budget::{UnsupportedFormat, card_budget};

/// A place with what a ready worker says of it.
pub struct ChosenPlace {
    pub place: Place,
    pub report: WorkerPlace,
    /// Bytes that the activations of the widest pass will take of the card.
    workspace: u64,
}

impl ChosenPlace {
    /// # Errors
    /// When the place that was named cannot be taken.
    pub fn choose(
        args: &WorkerArgs,
        checkpoint: &Checkpoint,
        params: &BudgetParams,
    ) -> Result<Self, WorkerFailure> {
        // The headers of all tensors are read once, and only where there is a card.
        let budget = LazyCell::new(|| {
            let params = BudgetParams { chunk: CARD_CHUNK, ..*params };
            let requantize = args.shrink.map(weight_dtype);
            card_budget(&checkpoint.config, &*checkpoint.weights, &params, requantize)
        });
        match args.place {
            PlaceChoice::Cpu => Ok(Self::cpu(None)),
            PlaceChoice::Card(index) => {
                let cards = places().map_err(|refused| refusal(&refused).failure())?;
                let Some(card) = cards.into_iter().find(|card| card.index == index) else {
                    let message = format!("compute on card {index}: there is no such card");
                    return Err(WorkerFailure::new(ErrorCode::CardMissing, message).with("index", index));
                };
                Self::try_card(card, || *budget).map_err(|refused| refused.failure())
            }
            PlaceChoice::Auto => {
                let cards = match places() {
                    Ok(cards) => cards,
                    // Without a card there is nothing to explain.
                    Err(NoCard::NoDriver) => return Ok(Self::cpu(None)),
                    Err(refused) => return Ok(Self::cpu(Some(refusal(&refused)))),
                };
                let mut first_refusal = None;
                for card in cards {
                    match Self::try_card(card, || *budget) {
                        Ok(chosen) => return Ok(chosen),
                        Err(refused) => first_refusal = first_refusal.or(Some(refused)),
                    }
                }
                Ok(Self::cpu(first_refusal))
            }
        }
    }

    /// Why the card does not answer any more, in the driver's words; `None` while it works. A driver that
    /// met a fault answers every later call of the process with it.
    pub fn lost(place: &Place) -> Option<String> {
        let Place::Card(memory) = place else { return None };
        memory.card().synchronize().err().map(|error| words(&error))
    }

    /// Counts what the model took of its card when it was loaded, and what its first long prompt will take.
    pub fn measure(&mut self) {
        let measured = self.card_used();
        if let (WorkerPlace::Card { used, .. }, Some(measured)) = (&mut self.report, measured) {
            used.0 = measured;
        }
    }

    /// Bytes of the card that the model takes, with what its first long prompt will take.
    pub fn card_used(&self) -> Option<u64> {
        let Place::Card(memory) = &self.place else { return None };
        let later = self.workspace.saturating_sub(memory.pool().bytes());
        Some(memory.card().held() + later + CARD_CONTEXT)
    }

    fn cpu(reason: Option<CardRefusal>) -> Self {
        let threads = rayon::current_num_threads() as u32;
        Self { place: Place::Host, report: WorkerPlace::Cpu { threads, reason }, workspace: 0 }
    }

    fn try_card(
        card: CardInfo,
        budget: impl FnOnce() -> Result<CardBudget, UnsupportedFormat>,
    ) -> Result<Self, CardRefusal> {
        if let Some(refused) = &card.refused {
            return Err(card_refusal(&card, refused));
        }
        let budget = budget()
            .map_err(|UnsupportedFormat(dtype)| CardRefusal::Format { format: dtype.name().to_owned() })?;
        if budget.needed() > card.free {
            return Err(CardRefusal::Memory { needed: budget.needed().into(), free: card.free.into() });
        }
        let place =
            Place::card(card.index).map_err(|error| CardRefusal::Failed { message: words(&error) })?;
        if let Place::Card(memory) = &place {
            check_products(memory).map_err(|error| match error {
                CheckError::Wrong(message) => CardRefusal::Unchecked { message },
                CheckError::Card(error) => CardRefusal::Failed { message: words(&error) },
            })?;
        }
        let used = (budget.total() + CARD_CONTEXT).into();
        let report = WorkerPlace::Card { index: card.index, name: card.name, used };
        Ok(Self { place, report, workspace: budget.workspace })
    }
}

/// What happened to a card; in the driver's own words when it was lost.
fn words(error: &cards::Error) -> String {
    match error {
        cards::Error::Lost { message } => message.clone(),
        other => other.to_string(),
    }
}

/// Why one card is not used.
pub fn card_refusal(card: &CardInfo, refused: &NoCard) -> CardRefusal {
    match refused {
        NoCard::Unsupported { capability } => {
            CardRefusal::Unsupported { name: card.name.clone(), capability: capability.to_string() }
        }
        refused => refusal(refused),
    }
}

/// Why no card is used.
pub fn refusal(refused: &NoCard) -> CardRefusal {
    match refused {
        NoCard::NoDriver => CardRefusal::NoDriver,
        NoCard::DriverTooOld { have, need } => {
            CardRefusal::DriverTooOld { have: have.to_string(), need: need.to_string() }
        }
        NoCard::NoKernels => CardRefusal::NoKernels,
        NoCard::NoMemory => CardRefusal::Full,
        NoCard::Failed(message) => CardRefusal::Failed { message: message.clone() },
        refused => CardRefusal::Failed { message: refused.to_string() },
    }
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use super::*;

    /// In a process of its own, which finds the stub in place of the driver.
    #[test]
    #[ignore = "run by the other test, in a process of its own"]
    fn says_whether_the_card_is_lost() {
        println!("answer: {:?}", ChosenPlace::lost(&Place::card(0).expect("the stub opens")));
    }

    #[test]
    fn a_card_that_fails_is_lost_in_the_words_of_its_driver() {
        if !cards::has_kernels() {
            return;
        }
        let folder = tempfile::tempdir().expect("a folder");
        testkit::driver_stub(folder.path(), "");
        for (stub, answer) in [("good", "None"), ("lost", "Some(\"words of the driver\")")] {
            let output = std::process::Command::new(std::env::current_exe().expect("the test's own program"))
                .args(["--exact", "place::tests::says_whether_the_card_is_lost", "--ignored", "--nocapture"])
                .env("LD_LIBRARY_PATH", folder.path())
                .env("STUB", stub)
                .output()
                .expect("it runs again");
            let text = String::from_utf8_lossy(&output.stdout);
            assert!(text.contains(&format!("answer: {answer}")), "{stub}: {text}");
        }
        assert_eq!(ChosenPlace::lost(&Place::Host), None);
    }
}
