//! `settings`: how a model of this computer is run, the memory that it will take and what it took. Changes
//! are stored only when the model fits with them.
use app::App;
use contract::{
    CacheKind, ErrorView, MemoryForecast, MemoryPartKind, ModelSettings, ModelSettingsView, PlaceKind,
    ShrinkKind,
};
use messages::{CliMessage, Lang, bytes, grouped};
use serde::Serialize;

use crate::json::print_json;

/// Without a change the settings are shown.
#[derive(Debug, clap::Args)]
pub struct SettingsArgs {
    /// A model of this computer, as `models` lists it.
    pub model: String,
    /// Tokens of one conversation.
    #[arg(long)]
    context: Option<u32>,
    /// Conversations answered at once, 1 to 8.
    #[arg(long)]
    sequences: Option<u32>,
    /// How the KV cache is stored.
    #[arg(long, value_parser = ["auto", "bf16", "fp8"])]
    cache: Option<String>,
    /// default (as in the settings of the app), auto, cpu, or card:N.
    #[arg(long, value_parser = place)]
    place: Option<PlaceArg>,
    /// Threads of the processor; 0 is one for each core.
    #[arg(long)]
    threads: Option<u32>,
    /// Quantize wider weights while they are loaded.
    #[arg(long, value_parser = ["none", "q8_0", "q6_k", "q4_k"])]
    shrink: Option<String>,
    /// Speculative decoding.
    #[arg(long, value_parser = ["auto", "off"])]
    drafts: Option<String>,
    /// Unload the model after so many minutes without a question; 0 is never.
    #[arg(long)]
    unload_minutes: Option<u32>,
    /// Begin with the defaults.
    #[arg(long)]
    reset: bool,
    /// Only show the memory that the model would take; store nothing.
    #[arg(long)]
    dry_run: bool,
}

#[derive(Debug, Clone, Copy)]
struct PlaceArg(Option<PlaceKind>, Option<u32>);

fn place(text: &str) -> Result<PlaceArg, String> {
    match text {
        "default" => Ok(PlaceArg(None, None)),
        "auto" => Ok(PlaceArg(Some(PlaceKind::Auto), None)),
        "cpu" => Ok(PlaceArg(Some(PlaceKind::Cpu), None)),
        _ => match text.strip_prefix("card:").map(str::parse) {
            Some(Ok(card)) => Ok(PlaceArg(Some(PlaceKind::Card), Some(card))),
            _ => Err("default, auto, cpu or card:N".to_owned()),
        },
    }
}

#[derive(Serialize)]
struct Output<'a> {
    #[serde(flatten)]
    view: &'a ModelSettingsView,
    memory: &'a MemoryForecast,
}

pub async fn run(app: &App, args: &SettingsArgs, json: bool, lang: Lang) -> Result<(), ErrorView> {
    // The verdict uses the hardware that this call detects.
    app.hardware().await?;
    let view = app.model_settings(&args.model).await?;
    let wanted = changed(&view.settings, args);
    let view = if args.dry_run || wanted == view.settings {
        view
    } else {
        app.model_settings_save(&args.model, wanted.clone()).await?
    };
    let memory = app.model_memory(&args.model, wanted.clone()).await?;
    if json {
        print_json(&Output { view: &view, memory: &memory });
    } else {
        print!("{}", describe(&view, &wanted, &memory, lang));
    }
    Ok(())
}

fn changed(now: &ModelSettings, args: &SettingsArgs) -> ModelSettings {
    let now = if args.reset { ModelSettings::default() } else { now.clone() };
    let not_zero = |value: u32| Some(value).filter(|value| *value > 0);
    let (place, card) = args.place.map_or((now.place, now.card), |PlaceArg(place, card)| (place, card));
    ModelSettings {
        context: args.context.or(now.context),
        sequences: args.sequences.or(now.sequences),
        cache: match args.cache.as_deref() {
            Some("bf16") => Some(CacheKind::Bf16),
            Some("fp8") => Some(CacheKind::Fp8),
            Some(_) => None,
            None => now.cache,
        },
        place,
        card,
        threads: args.threads.map_or(now.threads, not_zero),
        shrink: match args.shrink.as_deref() {
            Some("q8_0") => Some(ShrinkKind::Q8),
            Some("q6_k") => Some(ShrinkKind::Q6),
            Some("q4_k") => Some(ShrinkKind::Q4),
            Some(_) => None,
            None => now.shrink,
        },
        drafts: match args.drafts.as_deref() {
            Some("off") => Some(false),
            Some(_) => None,
            None => now.drafts,
        },
        unload_minutes: args.unload_minutes.map_or(now.unload_minutes, not_zero),
    }
}

fn describe(view: &ModelSettingsView, wanted: &ModelSettings, memory: &MemoryForecast, lang: Lang) -> String {
    let defaults = &view.defaults;
    let number = |value: Option<u32>, default: Option<u32>| grouped(value.or(default).unwrap_or(0).into());
    let automatic = CliMessage::Automatic.text(lang);
    let cache = match memory.cache {
        CacheKind::Bf16 => "bf16",
        CacheKind::Fp8 => "fp8",
    };
    let place = match (wanted.place, wanted.card) {
        (None, _) => CliMessage::AsSettings.text(lang).to_owned(),
        (Some(PlaceKind::Auto), _) => automatic.to_owned(),
        (Some(PlaceKind::Cpu), _) => "CPU".to_owned(),
        (Some(PlaceKind::Card), card) => format!("card:{}", card.unwrap_or(0)),
    };
    let shrink = wanted.shrink.map_or("-", |kind| match kind {
        ShrinkKind::Q8 => "Q8_0",
        ShrinkKind::Q6 => "Q6_K",
        ShrinkKind::Q4 => "Q4_K",
    });
    let drafts = if wanted.drafts == Some(false) { CliMessage::Off.text(lang) } else { automatic };
    let unload = match wanted.unload_minutes {
        Some(minutes) => CliMessage::AfterMinutes.with(lang, &[("minutes", &minutes.to_string())]),
        None => CliMessage::Never.text(lang).to_owned(),
    };
    let rows = [
        (CliMessage::ContextTokens, number(wanted.context, defaults.context)),
        (CliMessage::ConversationsAtOnce, number(wanted.sequences, defaults.sequences)),
        (CliMessage::KvCache, cache.to_owned()),
        (CliMessage::ComputeOn, place),
        (CliMessage::ThreadCount, number(wanted.threads, defaults.threads)),
        (CliMessage::Shrink, shrink.to_owned()),
        (CliMessage::Drafts, drafts.to_owned()),
        (CliMessage::UnloadIdle, unload),
    ];
    let mut text = format!("{} ({})\n", view.name, view.model_id);
    for (label, value) in rows {
        text += &format!("  {}: {value}\n", label.text(lang));
    }
    let parts: Vec<String> = memory
        .parts
        .iter()
        .map(|part| format!("{} {}", part_name(part.kind, lang), bytes(part.bytes)))
        .collect();
    let values = [
        ("total", bytes(memory.total)),
        ("available", bytes(memory.available)),
        ("parts", parts.join(CliMessage::Comma.text(lang))),
    ];
    let values = values.each_ref().map(|(name, value)| (*name, value.as_str()));
    text += &format!("  {}\n", CliMessage::ExpectedMemory.with(lang, &values));
    if let Some(problem) = &memory.problem {
        text += &format!("  {}\n", lang.pick(&problem.en, &problem.zh));
    }
    for run in view.history.iter().take(3) {
        let day = run.at.get(..10).unwrap_or(&run.at);
        let (foreseen, measured) = (bytes(run.foreseen), bytes(run.measured));
        let context = grouped(run.context.into());
        let values = [
            ("day", day),
            ("context", context.as_str()),
            ("foreseen", foreseen.as_str()),
            ("measured", measured.as_str()),
        ];
        text += &format!("  {}\n", CliMessage::EarlierRun.with(lang, &values));
    }
    text
}

pub fn part_name(kind: MemoryPartKind, lang: Lang) -> &'static str {
    match kind {
        MemoryPartKind::Weights => CliMessage::PartWeights,
        MemoryPartKind::Experts => CliMessage::PartExperts,
        MemoryPartKind::Vision => CliMessage::PartVision,
        MemoryPartKind::Cache => CliMessage::KvCache,
        MemoryPartKind::Buffers => CliMessage::PartBuffers,
        MemoryPartKind::Program => CliMessage::PartProgram,
        MemoryPartKind::Correction => CliMessage::PartCorrection,
    }
    .text(lang)
}
