//! Fault isolation: a panic becomes an error, and a failed batch is repeated one sequence at a time, so that
//! only the sequence that cannot be computed fails. Knows nothing of what is computed.
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use models::ForwardError;

use crate::EngineError;

/// Why a forward pass did not finish.
#[derive(Debug, PartialEq)]
pub enum PassError {
    Cancelled,
    Failed(EngineError),
}

/// Turns a panic of `compute` into [`EngineError::Internal`].
pub fn catch<T>(compute: impl FnOnce() -> T) -> Result<T, EngineError> {
    catch_unwind(AssertUnwindSafe(compute)).map_err(|panic| EngineError::Internal(panic_message(&*panic)))
}

/// Runs a computation of the model. A panic is a failure like any other.
pub fn catch_forward<T>(compute: impl FnOnce() -> Result<T, ForwardError>) -> Result<T, PassError> {
    match catch(compute) {
        Ok(Ok(computed)) => Ok(computed),
        Ok(Err(ForwardError::Cancelled)) => Err(PassError::Cancelled),
        Ok(Err(error)) => Err(PassError::Failed(EngineError::Forward(error.to_string()))),
        Err(error) => Err(PassError::Failed(error)),
    }
}

/// Runs `pass` over the whole batch and, when that fails, over each of its sequences alone. Results are
/// batch-invariant, so the other sequences lose nothing. Returns the sequences that failed alone.
///
/// A cancelled pass is not repeated here: the next step schedules the same input again.
pub fn isolate(
    batch: &[usize],
    mut pass: impl FnMut(&[usize]) -> Result<(), PassError>,
) -> Vec<(usize, EngineError)> {
    let mut failed = Vec::new();
    match (pass(batch), batch) {
        (Ok(()) | Err(PassError::Cancelled), _) => {}
        (Err(PassError::Failed(error)), [only]) => failed.push((*only, error)),
        (Err(PassError::Failed(_)), several) => {
            for &index in several {
                if let Err(PassError::Failed(error)) = pass(&[index]) {
                    failed.push((index, error));
                }
            }
        }
    }
    failed
}

fn panic_message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "no message".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The passes over `batch` when every pass that contains one of `bad` fails, and who failed.
    fn passes(batch: &[usize], bad: &[usize]) -> (Vec<Vec<usize>>, Vec<usize>) {
        let mut passes = Vec::new();
        let failed = isolate(batch, |part| {
            passes.push(part.to_vec());
            let fails = part.iter().any(|index| bad.contains(index));
            if fails { Err(PassError::Failed(EngineError::NoAllowedToken)) } else { Ok(()) }
        });
        (passes, failed.into_iter().map(|(index, _)| index).collect())
    }

    #[test]
    fn a_failed_batch_is_repeated_one_by_one() {
        assert_eq!(passes(&[0, 2, 5], &[]), (vec![vec![0, 2, 5]], vec![]));
        assert_eq!(passes(&[0, 2, 5], &[2]), (vec![vec![0, 2, 5], vec![0], vec![2], vec![5]], vec![2]));
        assert_eq!(passes(&[3], &[3]), (vec![vec![3]], vec![3]));
    }

    #[test]
    fn a_cancelled_batch_is_not_repeated() {
        let mut count = 0;
        let failed = isolate(&[0, 1], |_| {
            count += 1;
            Err(PassError::Cancelled)
        });
        assert_eq!((count, failed), (1, vec![]));
    }

    #[test]
    fn panics_become_errors_with_their_message() {
        let internal = |message: &str| PassError::Failed(EngineError::Internal(message.into()));
        assert_eq!(catch_forward::<()>(|| panic!("broken")), Err(internal("broken")));
        let number = 7;
        assert_eq!(catch_forward::<()>(|| panic!("broken {number}")), Err(internal("broken 7")));
        assert_eq!(catch_forward::<()>(|| Err(ForwardError::Cancelled)), Err(PassError::Cancelled));
    }
}
