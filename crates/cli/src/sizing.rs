//! `sizing`: whether a model fits this computer, the given hosts and each known GPU, as text, JSON or an SVG
//! image.
use app::App;
use contract::{CardsVerdict, CardsView, ErrorView, SizingView, SizingWish};
use messages::{CliMessage, Lang, bytes, sizing_conversations};

use crate::args::SizingArgs;
use crate::json::print_json;

/// # Errors
/// When the model, its variant or the GPUs are unknown.
pub async fn sizing(app: &App, args: &SizingArgs, json: bool, lang: Lang) -> Result<(), ErrorView> {
    let mut wish = SizingWish {
        model: args.model.clone(),
        variant: None,
        context: args.context,
        sequences: args.sequences,
        small_cache: args.small_cache,
        machines: args.gpus.clone(),
    };
    if let Some(precision) = &args.precision {
        let known = app.sizing(wish.clone()).await?.variants;
        let found = known.iter().find(|variant| variant.precision.eq_ignore_ascii_case(precision));
        // The app rejects an unknown precision with the list of known ones.
        wish.variant = Some(found.map_or_else(|| precision.clone(), |variant| variant.id.clone()));
    }
    if args.picture {
        print!("{}", app.sizing_picture(wish, lang).await?);
        return Ok(());
    }
    let view = app.sizing(wish).await?;
    if json {
        print_json(&view)
    } else {
        print!("{}", describe(&view, lang))
    }
    Ok(())
}

fn describe(view: &SizingView, lang: Lang) -> String {
    let here = &view.here;
    let mut text = format!(
        "{}\n{}\n{}: {}\n  {} {} + {} {} + {} {} = {} / {}\n",
        view.model_name,
        sizing_conversations(view, lang),
        CliMessage::ThisComputer.text(lang),
        lang.pick(&here.reason.en, &here.reason.zh),
        bytes(here.weights),
        CliMessage::WeightsPart.text(lang),
        bytes(here.kv),
        CliMessage::ConversationsPart.text(lang),
        bytes(here.overhead),
        CliMessage::WorkingSpacePart.text(lang),
        bytes(here.needed),
        bytes(here.available),
    );
    if let Some(note) = &view.gpu_note {
        text.push_str(&format!("  {}\n", lang.pick(&note.en, &note.zh)));
    }
    if let Some(cards) = &view.machines {
        text.push_str(&format!("{}\n", line(cards, lang)));
    }
    text.push_str(CliMessage::GpusThatHoldIt.text(lang));
    let holds = view.rows.iter().filter(|row| row.verdict == CardsVerdict::Holds);
    text.extend(holds.map(|row| format!("  {}\n", line(row, lang))));
    text
}

fn line(cards: &CardsView, lang: Lang) -> String {
    let used = cards.weights + cards.experts + cards.overhead + cards.kv;
    let verdict = match cards.verdict {
        CardsVerdict::Holds => CliMessage::HoldsIt.text(lang),
        CardsVerdict::ShortContext => CliMessage::ShorterConversationsOnly.text(lang),
        CardsVerdict::TooSmall => CliMessage::TooSmall.text(lang),
        CardsVerdict::NoFp8 => CliMessage::NoEngineRunsFp8.text(lang),
        CardsVerdict::NoFp4 => CliMessage::DoesNotComputeFp4.text(lang),
        CardsVerdict::NoBf16 => CliMessage::DoesNotComputeBf16.text(lang),
    };
    let each = CliMessage::PerGpu.text(lang);
    format!("{}: {verdict}, {} / {} {each}", cards.machines, bytes(used), bytes(cards.budget))
}
