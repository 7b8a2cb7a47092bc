//! The headless host: the same use cases as the window, in a terminal. Decides nothing; parses, calls, prints.

mod args;
mod catalogue;
mod host;
mod lang;
mod machine;
mod talk;
mod words;

use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser;
use contract::ErrorView;

use args::{Args, Command};
use host::Terminal;
use lang::Lang;

#[tokio::main]
async fn main() -> ExitCode {
    let args = Args::parse();
    let lang = args.lang.unwrap_or_else(Lang::of_environment);
    match run(&args, lang).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            if args.json {
                // On stdout, where a program reads; the exit code says that it failed.
                println!("{}", serde_json::json!({ "error": error }));
            } else {
                eprintln!("{}", words::printed(&error, lang));
            }
            ExitCode::FAILURE
        }
    }
}

async fn run(args: &Args, lang: Lang) -> Result<(), ErrorView> {
    let app = app::App::open(app::find_paths(None), Arc::new(Terminal)).await?;
    if let Some(problem) = app.settings_problem() {
        eprintln!("{}", words::printed(problem, lang));
    }
    match &args.command {
        Command::Hardware { measure } => machine::hardware(&app, *measure, args.json, lang).await,
        Command::Recommend => catalogue::recommend(&app, args.json, lang).await,
        Command::Models => catalogue::models(&app, args.json, lang).await,
        Command::Ask { question, model, temperature } => {
            talk::ask(&app, question, model, *temperature, args.json).await
        }
        Command::Chat { model } => talk::chat(&app, model, lang).await,
    }
}
