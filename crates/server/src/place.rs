//! Where a model will compute. `auto` takes a card when the whole model fits it and says why when it does
//! not; a place that was named is taken or is an error, never replaced by another.
use checkpoint::Checkpoint;
use models::Place;
use models::cards::{CardInfo, NoCard, places};
use protocol::{CardRefusal, ErrorCode, PlaceChoice, WorkerArgs, WorkerFailure, WorkerPlace};

use crate::args::weight_dtype;
use crate::card_budget::{CardBudget, UnsupportedFormat};
use crate::memory_budget::BudgetParams;

/// A place with what a ready worker says of it.
pub struct ChosenPlace {
    pub place: Place,
    pub report: WorkerPlace,
}

/// Tokens of one prefill chunk on a card: fewer would not fill it.
pub const CARD_CHUNK: usize = 2048;

impl ChosenPlace {
    /// # Errors
    /// When the place that was named cannot be taken.
    pub fn choose(
        args: &WorkerArgs,
        checkpoint: &Checkpoint,
        params: &BudgetParams,
    ) -> Result<Self, WorkerFailure> {
        let budget = || {
            let params = BudgetParams { chunk: CARD_CHUNK, ..*params };
            let requantize = args.shrink.map(weight_dtype);
            CardBudget::new(&checkpoint.config, &*checkpoint.weights, &params, requantize)
        };
        match args.place {
            PlaceChoice::Cpu => Ok(Self::cpu(None)),
            PlaceChoice::Card(index) => {
                let cards = places().map_err(|refused| failure(&refusal(&refused)))?;
                let Some(card) = cards.into_iter().find(|card| card.index == index) else {
                    let message = format!("compute on card {index}: there is no such card");
                    return Err(WorkerFailure::new(ErrorCode::CardMissing, message).with("index", index));
                };
                let budget = fit(&card, budget()).map_err(|refused| failure(&refused))?;
                Self::card(card, budget).map_err(|refused| failure(&refused))
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
                    let opened = fit(&card, budget()).and_then(|budget| Self::card(card, budget));
                    match opened {
                        Ok(chosen) => return Ok(chosen),
                        Err(refused) => first_refusal = first_refusal.or(Some(refused)),
                    }
                }
                Ok(Self::cpu(first_refusal))
            }
        }
    }

    fn cpu(reason: Option<CardRefusal>) -> Self {
        let threads = std::thread::available_parallelism().map_or(1, usize::from) as u32;
        Self { place: Place::Host, report: WorkerPlace::Cpu { threads, reason } }
    }

    fn card(card: CardInfo, budget: CardBudget) -> Result<Self, CardRefusal> {
        let place =
            Place::card(card.index).map_err(|error| CardRefusal::Failed { message: error.to_string() })?;
        let used = budget.total().into();
        let report = WorkerPlace::Card { index: card.index, name: card.name, used };
        Ok(Self { place, report })
    }
}

/// The budget of the model when it fits the card.
fn fit(card: &CardInfo, budget: Result<CardBudget, UnsupportedFormat>) -> Result<CardBudget, CardRefusal> {
    if let Some(refused) = &card.refused {
        return Err(match refused {
            NoCard::Unsupported { capability } => {
                CardRefusal::Unsupported { name: card.name.clone(), capability: capability.to_string() }
            }
            refused => refusal(refused),
        });
    }
    let budget =
        budget.map_err(|UnsupportedFormat(dtype)| CardRefusal::Format { format: dtype.name().to_owned() })?;
    if budget.needed() > card.free {
        return Err(CardRefusal::Memory { needed: budget.needed().into(), free: card.free.into() });
    }
    Ok(budget)
}

fn refusal(refused: &NoCard) -> CardRefusal {
    match refused {
        NoCard::NoDriver => CardRefusal::NoDriver,
        NoCard::DriverTooOld { have, need } => {
            CardRefusal::DriverTooOld { have: have.to_string(), need: need.to_string() }
        }
        NoCard::NoKernels => CardRefusal::NoKernels,
        refused => CardRefusal::Failed { message: refused.to_string() },
    }
}

/// The failure of a start that named a card.
fn failure(refused: &CardRefusal) -> WorkerFailure {
    let failure = |code, message: &str| WorkerFailure::new(code, format!("compute on the card: {message}"));
    match refused {
        CardRefusal::NoDriver => failure(ErrorCode::GpuDriverMissing, "no NVIDIA driver is installed"),
        CardRefusal::DriverTooOld { have, need } => {
            failure(ErrorCode::CardDriverOld, "the driver is too old")
                .with("have", have.clone())
                .with("need", need.clone())
        }
        CardRefusal::Unsupported { name, capability } => {
            failure(ErrorCode::CardUnsupported, "its compute capability is below 8.0")
                .with("card", name.clone())
                .with("capability", capability.clone())
        }
        CardRefusal::Memory { needed, free } => {
            failure(ErrorCode::CardMemory, "it has too little free memory")
                .with("needed", needed.0)
                .with("free", free.0)
        }
        CardRefusal::Format { format } => {
            failure(ErrorCode::CardFormat, "no kernel reads this format").with("format", format.clone())
        }
        CardRefusal::NoKernels => failure(ErrorCode::CardNoKernels, "this program was built without kernels"),
        CardRefusal::Failed { message } => {
            failure(ErrorCode::CardFailed, message).with("reason", message.clone())
        }
    }
}
