//! `sizing`: whether a model fits this computer, the given hosts and each known GPU, as text, JSON or an SVG
//! image.
use app::App;
use contract::{CardsVerdict, CardsView, ErrorView, SizingView, SizingWish};
use messages::{Lang, bytes, sizing_conversations};

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
        lang.pick("This computer", "这台电脑"),
        lang.pick(&here.reason.en, &here.reason.zh),
        bytes(here.weights),
        lang.pick("weights", "权重"),
        bytes(here.kv),
        lang.pick("conversations", "对话"),
        bytes(here.overhead),
        lang.pick("working space", "工作空间"),
        bytes(here.needed),
        bytes(here.available),
    );
    if let Some(note) = &view.gpu_note {
        text.push_str(&format!("  {}\n", lang.pick(&note.en, &note.zh)));
    }
    if let Some(cards) = &view.machines {
        text.push_str(&format!("{}\n", line(cards, lang)));
    }
    text.push_str(lang.pick("\nGPUs that hold it\n", "\n放得下的显卡\n"));
    let holds = view.rows.iter().filter(|row| row.verdict == CardsVerdict::Holds);
    text.extend(holds.map(|row| format!("  {}\n", line(row, lang))));
    text
}

fn line(cards: &CardsView, lang: Lang) -> String {
    let used = cards.weights + cards.experts + cards.overhead + cards.kv;
    let verdict = match cards.verdict {
        CardsVerdict::Holds => lang.pick("holds it", "放得下"),
        CardsVerdict::ShortContext => lang.pick("shorter conversations only", "只够较短的对话"),
        CardsVerdict::TooSmall => lang.pick("too small", "放不下"),
        CardsVerdict::NoFp8 => lang.pick("no engine runs FP8", "没有引擎能运行 FP8"),
        CardsVerdict::NoFp4 => lang.pick("does not compute FP4", "不支持 FP4 计算"),
        CardsVerdict::NoBf16 => lang.pick("does not compute BF16", "不支持 BF16 计算"),
    };
    let each = lang.pick("per GPU", "每张卡");
    format!("{}: {verdict}, {} / {} {each}", cards.machines, bytes(used), bytes(cards.budget))
}
