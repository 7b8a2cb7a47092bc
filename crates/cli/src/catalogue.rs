//! `recommend` and `models`: advice and verdicts, in words or as JSON.
use app::App;
use contract::{ErrorView, Localized, ModelView, Verdict};

use crate::lang::{Lang, bytes};

pub async fn recommend(app: &App, json: bool, lang: Lang) -> Result<(), ErrorView> {
    let advice = app.recommendation().await?;
    if json {
        println!("{}", serde_json::json!(advice));
        return Ok(());
    }
    println!("{}", text(&advice.sentence, lang));
    if advice.download_size > 0.0 {
        println!("{}: {}", lang.pick("Download", "下载大小"), bytes(advice.download_size));
    }
    if let Some(upgrade) = &advice.upgrade {
        println!("{}", text(upgrade, lang));
    }
    Ok(())
}

pub async fn models(app: &App, json: bool, lang: Lang) -> Result<(), ErrorView> {
    let models = app.models().await?;
    if json {
        println!("{}", serde_json::json!(models));
    } else {
        models.iter().for_each(|model| print!("{}", described(model, lang)));
    }
    Ok(())
}

fn described(model: &ModelView, lang: Lang) -> String {
    let verdict = match model.fit.verdict {
        Verdict::RunsWell => lang.pick("runs well", "运行良好"),
        Verdict::ShortContext => lang.pick("runs with a short context", "只能用较短的上下文"),
        Verdict::Slow => lang.pick("runs slowly", "能运行，但较慢"),
        Verdict::TooLarge => lang.pick("too large", "装不下"),
    };
    let variant = model
        .variants
        .first()
        .map_or(String::new(), |variant| format!("  {} {}", variant.precision, bytes(variant.size)));
    format!("{}: {verdict}\n  {}{variant}\n  {}\n", model.id, model.name, text(&model.fit.reason, lang))
}

fn text(sentence: &Localized, lang: Lang) -> &str {
    lang.pick(&sentence.en, &sentence.zh)
}
