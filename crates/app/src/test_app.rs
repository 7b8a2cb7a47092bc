//! For unit tests: an app whose files are all in one folder, with a host that drops every event. No worker
//! and no built-in model are there.
use std::path::Path;
use std::sync::Arc;

use crate::{App, Host, Paths};

struct NoHost;

impl Host for NoHost {
    fn emit(&self, _: contract::AppEvent) {}
}

pub(crate) fn paths(folder: &Path) -> Paths {
    Paths {
        data_dir: folder.to_owned(),
        models_dir: folder.join("models"),
        engine_binary: folder.join("whaledeck-engine"),
        guide_dir: folder.join("guide"),
        home_dir: None,
    }
}

pub(crate) async fn open(folder: &Path) -> App {
    App::open(paths(folder), Arc::new(NoHost)).await.expect("opens")
}
