//! How a model of this computer is run as use cases: its settings, the memory that follows from them, and
//! what it took when it ran. A setting that does not fit is refused before it is stored.
mod forecast;
mod headers;
mod history;
mod named_card;
mod resolve;

use catalog::{Devices, short_name};
use checkpoint::memory::PAGE_TOKENS;
use contract::{AppEvent, ErrorCode, ErrorView, MemoryForecast, ModelSettings, ModelSettingsView};

use self::forecast::{Machine, forecast};
use self::history::{correction, record};
use self::named_card::check_card;
use self::resolve::{cache_kind, default_cache};
use crate::App;
use crate::convert::invalid;

pub(crate) use self::headers::HeaderCache;
pub(crate) use self::history::{MemoryHistory, Run};
pub(crate) use self::resolve::RunSettings;

const SEQUENCES_MAX: u32 = 8;
/// A day.
const UNLOAD_MAX: u32 = 24 * 60;

impl App {
    /// # Errors
    /// When the model is not on this computer, or its files cannot be read.
    pub async fn model_settings(&self, model_id: &str) -> Result<ModelSettingsView, ErrorView> {
        let path = self.launch(model_id)?.spec.args.model;
        let headers = self.model_headers.of(&path, None).await?;
        let snapshot = self.snapshot().await?;
        let cards = Devices::AUTO.cards(&snapshot).map(|card| short_name(&card.gpu.name).to_owned());
        let context_max = self.context_max(model_id)?.unwrap_or(0);
        let runs = self.memory_history.of(model_id);
        let settings = self.model_settings_now(model_id);
        let context = settings.context.unwrap_or(catalog::DEFAULT_CONTEXT).min(context_max);
        let place = self.settings_now();
        Ok(ModelSettingsView {
            model_id: model_id.to_owned(),
            name: self.model_name(model_id),
            defaults: ModelSettings {
                context: Some(context_max.min(catalog::DEFAULT_CONTEXT)),
                sequences: Some(protocol::DEFAULT_SEQUENCES.into()),
                cache: Some(cache_kind(default_cache(context))),
                place: Some(place.place),
                card: Some(place.card),
                threads: Some(threads()),
                shrink: None,
                drafts: Some(true),
                unload_minutes: None,
            },
            settings,
            context_max,
            page_tokens: PAGE_TOKENS as u32,
            sequences_max: SEQUENCES_MAX,
            threads_max: threads(),
            cards: cards.collect(),
            can_shrink: headers.can_shrink,
            history: runs.iter().map(record).collect(),
        })
    }

    /// The memory that the model will take with these settings.
    ///
    /// # Errors
    /// As [`App::model_settings`], for a value that is out of its range, or a named card that cannot run it.
    pub async fn model_memory(
        &self,
        model_id: &str,
        settings: ModelSettings,
    ) -> Result<MemoryForecast, ErrorView> {
        let path = self.launch(model_id)?.spec.args.model;
        let context_max = self.context_max(model_id)?.unwrap_or(0);
        let snapshot = self.snapshot().await?;
        check(&settings, context_max)?;
        let run = self.run_settings(model_id, &settings, context_max);
        let headers = self.model_headers.of(&path, run.shrink).await?;
        check_card(run.place, &headers, &snapshot)?;
        let runs = self.memory_history.of(model_id);
        let worker = self.worker().await?;
        // The snapshot counts the card's memory of the worker as free already.
        let taken = if worker.card_memory.is_none() { worker.memory.unwrap_or(0.0) } else { 0.0 };
        let machine = Machine {
            snapshot: &snapshot,
            worker: taken as u64,
            threads: threads() as usize,
            correction: &|card| correction(&runs, card),
        };
        Ok(forecast(&headers, &run, context_max, &machine))
    }

    /// Stores the settings of a model. They apply from its next start on, which is that of the next question.
    ///
    /// # Errors
    /// When the model would not fit; the error has the number that binds and the longest context that fits.
    pub async fn model_settings_save(
        &self,
        model_id: &str,
        settings: ModelSettings,
    ) -> Result<ModelSettingsView, ErrorView> {
        let forecast = self.model_memory(model_id, settings.clone()).await?;
        if forecast.problem.is_some() {
            let message = format!("store the settings: {} of {} bytes", forecast.total, forecast.available);
            let error = ErrorView::new(ErrorCode::SettingsTooLarge, message)
                .with("needed", forecast.total)
                .with("free", forecast.available);
            return Err(match forecast.context_fits {
                Some(context) => error.with("context", context),
                None => error,
            });
        }
        self.model_settings_write(model_id, settings)?;
        self.model_settings(model_id).await
    }

    /// What the person chose for this model.
    pub(crate) fn model_settings_now(&self, model_id: &str) -> ModelSettings {
        self.settings_now().models.get(model_id).cloned().unwrap_or_default()
    }

    pub(crate) fn model_settings_write(
        &self,
        model_id: &str,
        settings: ModelSettings,
    ) -> Result<(), ErrorView> {
        let default = settings == ModelSettings::default();
        let unload_after = RunSettings::resolve(&settings, self.devices().0, u32::MAX).unload_after;
        self.settings_change(|all| {
            if default {
                all.models.remove(model_id);
            } else {
                all.models.insert(model_id.to_owned(), settings);
            }
        })?;
        self.workers.unload_after(model_id, unload_after);
        self.host.emit(AppEvent::ModelsChanged);
        Ok(())
    }
}

/// Whether every number is within its range.
fn check(settings: &ModelSettings, context_max: u32) -> Result<(), ErrorView> {
    let within = |name: &str, value: Option<u32>, most: u32| match value {
        Some(value) if value == 0 || value > most => {
            Err(invalid(format!("store the settings: {name} {value}"), name, format!("1-{most}")))
        }
        _ => Ok(()),
    };
    within("context", settings.context, context_max)?;
    within("sequences", settings.sequences, SEQUENCES_MAX)?;
    within("threads", settings.threads, threads())?;
    within("unload_minutes", settings.unload_minutes, UNLOAD_MAX)
}

/// Of the processor.
fn threads() -> u32 {
    std::thread::available_parallelism().map_or(1, |count| count.get() as u32)
}
