//! `prompts`: lists the saved prompts, and takes them to and from a file; and the question of `ask --prompt`.
//! What a variable is, is decided in `app`.
use std::collections::BTreeMap;

use app::App;
use contract::ErrorView;
use messages::{CliMessage, Lang};

use crate::args::{PromptArgs, Prompts};
use crate::json::print_json;

pub async fn run(app: &App, command: Option<&Prompts>, json: bool, lang: Lang) -> Result<(), ErrorView> {
    match command {
        None | Some(Prompts::List) => list(app, json, lang).await,
        Some(Prompts::Export { file }) => {
            app.prompts_export(file).await?;
            let path = file.display().to_string();
            if json {
                print_json(&serde_json::json!({ "path": path }));
            } else {
                println!("{}", CliMessage::PromptsExported.with(lang, &[("path", &path)]));
            }
            Ok(())
        }
        Some(Prompts::Import { file }) => {
            let count = app.prompts_import(file, lang).await?;
            if json {
                print_json(&serde_json::json!({ "added": count }));
            } else {
                println!("{}", CliMessage::PromptsImported.with(lang, &[("count", &count.to_string())]));
            }
            Ok(())
        }
    }
}

async fn list(app: &App, json: bool, lang: Lang) -> Result<(), ErrorView> {
    let library = app.prompts(lang).await?;
    if json {
        print_json(&library.prompts);
        return Ok(());
    }
    for prompt in library.prompts {
        let first = prompt.text.lines().next().unwrap_or_default();
        if prompt.example {
            println!("{}  {first}  ({})", prompt.name, CliMessage::PromptExample.text(lang));
        } else {
            println!("{}  {first}", prompt.name);
        }
    }
    Ok(())
}

/// The question as it was typed, or the prompt that was named with its values.
pub async fn question(
    app: &App,
    typed: Option<&str>,
    prompt: &PromptArgs,
    lang: Lang,
) -> Result<String, ErrorView> {
    match (&prompt.prompt, typed) {
        (Some(name), _) => {
            let values: BTreeMap<String, String> = prompt.set.iter().cloned().collect();
            app.prompt_filled(name, values, lang).await
        }
        (None, typed) => Ok(typed.unwrap_or_default().to_owned()),
    }
}
