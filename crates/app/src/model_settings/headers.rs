//! The sizes of a model's weights from the headers of its files, kept for the model whose settings are open:
//! a slider asks for them at every step.
use std::path::{Path, PathBuf};
use std::sync::Arc;

use catalog::CARD_WITHOUT;
use checkpoint::memory::{WeightParts, weight_dtype, weight_parts};
use checkpoint::{Dtype, ModelConfig};
use contract::ErrorView;
use parking_lot::Mutex;
use protocol::WeightDtype;

use crate::blocking::blocking;
use crate::imports::refusal;

pub(super) struct ModelHeaders {
    pub config: ModelConfig,
    pub parts: WeightParts,
    /// Some weights are wide enough to be quantized.
    pub can_shrink: bool,
    /// A format for which cards have no kernel.
    pub no_kernel: Option<String>,
}

/// The last model that was asked for.
#[derive(Default)]
pub(crate) struct HeaderCache(Mutex<Option<Known>>);

struct Known {
    path: PathBuf,
    shrink: Option<WeightDtype>,
    headers: Arc<ModelHeaders>,
}

impl HeaderCache {
    pub(super) async fn of(
        &self,
        path: &Path,
        shrink: Option<WeightDtype>,
    ) -> Result<Arc<ModelHeaders>, ErrorView> {
        if let Some(known) = &*self.0.lock()
            && (known.path.as_path(), known.shrink) == (path, shrink)
        {
            return Ok(known.headers.clone());
        }
        let opened = path.to_owned();
        let headers = Arc::new(blocking("read the model", move || read(&opened, shrink)).await?);
        *self.0.lock() = Some(Known { path: path.to_owned(), shrink, headers: headers.clone() });
        Ok(headers)
    }
}

fn read(path: &Path, shrink: Option<WeightDtype>) -> Result<ModelHeaders, ErrorView> {
    let checkpoint::Checkpoint { config, weights, .. } =
        checkpoint::open(path).map_err(|error| refusal(path, error.failure(), &error))?;
    let invalid = |error: checkpoint::WeightError| refusal(path, error.failure(), &error);
    let parts = |shrink| weight_parts(&config, &*weights, shrink).map_err(invalid);
    let stored = parts(None)?;
    let smallest = parts(Some(Dtype::Q4K))?;
    let can_shrink = smallest != stored;
    let parts = match shrink {
        None => stored,
        Some(WeightDtype::Q4K) => smallest,
        Some(dtype) => parts(Some(weight_dtype(dtype)))?,
    };
    let without = |name: &String| {
        let (dtype, _) = weights.layout(name).ok()?;
        CARD_WITHOUT.iter().any(|kind| dtype.name().starts_with(kind)).then(|| dtype.name().to_owned())
    };
    let no_kernel = weights.names().iter().find_map(without);
    Ok(ModelHeaders { config, parts, can_shrink, no_kernel })
}
