//! Whether the card that the settings name can run a model, with the worker's reasons: a card that was named
//! is never replaced by main memory, neither at a start nor in a forecast.
use catalog::{Devices, IdleReason, OLDEST_CUDA, short_name};
use contract::{ErrorCode, ErrorView};
use deploy::Failure;
use hardware::Snapshot;
use protocol::{CardRefusal, PlaceChoice, WorkerFailure};

use super::headers::ModelHeaders;
use crate::convert::failure_view;

/// # Errors
/// When the card is not there, is not supported, or has no kernel for the formats of the model.
pub(super) fn check_card(
    place: PlaceChoice,
    headers: &ModelHeaders,
    snapshot: &Snapshot,
) -> Result<(), ErrorView> {
    let PlaceChoice::Card(index) = place else { return Ok(()) };
    let refused = refusal(index, snapshot).err().or_else(|| {
        let format = headers.no_kernel.clone()?;
        Some(CardRefusal::Format { format }.failure())
    });
    refused.map_or(Ok(()), |refused| Err(failure_view(&Failure::from(refused))))
}

fn refusal(index: u32, snapshot: &Snapshot) -> Result<(), WorkerFailure> {
    let Some((card, reason)) = Devices::named(index, snapshot) else {
        let message = format!("compute on card {index}: there is no such card");
        return Err(WorkerFailure::new(ErrorCode::CardMissing, message).with("index", index));
    };
    let refused = match reason {
        None => return Ok(()),
        Some(IdleReason::Capability(capability)) => {
            CardRefusal::Unsupported { name: short_name(&card.gpu.name).to_owned(), capability }
        }
        Some(IdleReason::DriverTooOld(driver)) => {
            let have = card.gpu.cuda.clone().unwrap_or(driver);
            CardRefusal::DriverTooOld { have, need: format!("{OLDEST_CUDA}.0") }
        }
        Some(_) => CardRefusal::Failed { message: "the driver does not report its properties".to_owned() },
    };
    Err(refused.failure())
}

#[cfg(test)]
mod tests {
    use super::super::forecast::testing::{computer, headers};
    use super::*;

    #[test]
    fn a_named_card_is_used_or_refused_for_its_reason() {
        let code = |index, change: fn(&mut Snapshot), no_kernel: Option<&str>| {
            let mut snapshot = computer(8 << 30, 8 << 30);
            change(&mut snapshot);
            let headers = ModelHeaders { no_kernel: no_kernel.map(str::to_owned), ..headers() };
            check_card(PlaceChoice::Card(index), &headers, &snapshot).err().map(|error| error.code)
        };
        assert_eq!(code(0, |_| (), None), None);
        assert_eq!(code(1, |_| (), None), Some(ErrorCode::CardMissing));
        assert_eq!(code(0, |snapshot| snapshot.gpus.clear(), None), Some(ErrorCode::CardMissing));
        assert_eq!(code(0, |_| (), Some("IQ2_XXS")), Some(ErrorCode::CardFormat));
        let old = |snapshot: &mut Snapshot| snapshot.gpus[0].compute_capability = Some("7.5".into());
        assert_eq!(code(0, old, None), Some(ErrorCode::CardUnsupported));
        let driver = |snapshot: &mut Snapshot| snapshot.gpus[0].cuda = Some("11.8".into());
        assert_eq!(code(0, driver, None), Some(ErrorCode::CardDriverOld));
        let none = check_card(PlaceChoice::Auto, &headers(), &computer(8 << 30, 0));
        assert!(none.is_ok(), "nothing was named");
    }
}
