//! Commands that compute what holds a model: this computer, GPUs by name, and the plan of an engine on them.
//! They start nothing and connect to nothing.
use contract::{ErrorView, PlanOutcome, PlanWish, SizingView, SizingWish};
use messages::Lang;

use super::App;

#[tauri::command]
#[specta::specta]
pub async fn sizing(app: App<'_>, wish: SizingWish) -> Result<SizingView, ErrorView> {
    app.sizing(wish).await
}

/// The table as CSV.
#[tauri::command]
#[specta::specta]
pub async fn sizing_csv(app: App<'_>, wish: SizingWish) -> Result<String, ErrorView> {
    app.sizing_csv(wish).await
}

/// The verdict and the table as one SVG; `lang` is `en` or `zh`.
#[tauri::command]
#[specta::specta]
pub async fn sizing_picture(app: App<'_>, wish: SizingWish, lang: String) -> Result<String, ErrorView> {
    app.sizing_picture(wish, Lang::from_name(&lang).unwrap_or(Lang::En)).await
}

/// The plan of a deployment, or why there is none. Starts nothing.
#[tauri::command]
#[specta::specta]
pub async fn plan(wish: PlanWish) -> Result<PlanOutcome, ErrorView> {
    app::plan_for(&wish)
}
