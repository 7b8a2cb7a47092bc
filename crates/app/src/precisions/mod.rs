//! The precisions of a model as use cases: which of them are on the disk, and which of them its chats use.
//! The submodule finds them and keeps the choice.
mod on_disk;

use std::path::Path;

use catalog::Catalog;
use contract::{AppEvent, ErrorCode, ErrorView};

pub(crate) use self::on_disk::{Precision, Precisions, folder, on_disk};
use crate::App;

impl App {
    /// Chats with this model use this precision from their next answer on.
    pub async fn precision_use(&self, model_id: &str, variant_id: &str) -> Result<(), ErrorView> {
        let on_disk = self.precisions_of(model_id);
        let selected =
            on_disk.iter().find(|one| one.variant.id == variant_id && one.contents.verified_at.is_some());
        if selected.is_none() {
            let message = "use the precision: it is not downloaded";
            let missing = ErrorView::new(ErrorCode::ModelNotFound, message);
            return Err(missing.with("model_id", model_id).with("variant_id", variant_id));
        }
        self.precisions.choose(model_id, variant_id)?;
        self.host.emit(AppEvent::ModelsChanged);
        Ok(())
    }

    /// The precisions of a catalogue model on the disk.
    pub(crate) fn precisions_of(&self, model_id: &str) -> Vec<Precision> {
        let models_dir = self.settings_now().models_dir;
        Catalog::builtin()
            .model(model_id)
            .map(|model| on_disk(Path::new(&models_dir), model))
            .unwrap_or_default()
    }
}
