//! The command line: the use cases of the window in a terminal. Contains no logic of its own; parses
//! arguments, calls the app and prints.

mod answer_output;
mod args;
mod backups;
mod broken_pipe;
mod chat;
mod chat_json;
mod chats;
mod connect;
mod connections;
mod context_overflow;
mod deployments;
mod documents;
mod endpoints;
mod evaluation;
mod folders;
mod hardware;
mod images;
mod interrupts;
mod json;
mod model_settings;
mod models;
mod other_programs;
mod plan;
mod prompt_progress;
mod prompts;
mod pull;
mod pull_progress;
mod repositories;
mod serve;
mod sizing;
mod terminal;
mod time_left;
mod tools;
mod trace;

use std::io::IsTerminal;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser;
use contract::{AppEvent, ErrorCode, ErrorView, StartWay};
use messages::Lang;
use tokio::sync::mpsc::UnboundedReceiver;

use args::{Args, Command};
use pull::PullRequest;
use terminal::Terminal;

#[tokio::main]
async fn main() -> ExitCode {
    broken_pipe::exit_on_print_error();
    let args = Args::parse();
    // Errors only, unless RUST_LOG asks for more: what the user needs to know is printed in their language.
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_env_filter(tracing_subscriber::EnvFilter::from_default_env())
        .log_internal_errors(false)
        .init();
    let lang = args.lang.unwrap_or_else(Lang::from_env);
    match run(&args, lang).await {
        Ok(code) => code,
        Err(error) => {
            if args.json {
                // On stdout, which the calling program reads; the exit code reports the failure. A `Value` in
                // between would sort the fields or not, as the features of the build are.
                json::print_json(&std::collections::BTreeMap::from([("error", &error)]));
            } else {
                eprintln!("{}", messages::terminal_text(&error, lang));
            }
            // The exit code of a shell for a program that Ctrl+C ended.
            if error.code == ErrorCode::Cancelled { ExitCode::from(130) } else { ExitCode::FAILURE }
        }
    }
}

async fn run(args: &Args, lang: Lang) -> Result<ExitCode, ErrorView> {
    // Commands that only compute do not open the data folder.
    match &args.command {
        Command::Plan { request, render } => plan::plan(&request.into(), render.as_deref(), args.json, lang),
        Command::Cards { model, context, sequences } => {
            print!("{}", app::cards_csv(model, *context, *sequences)?);
            Ok(ExitCode::SUCCESS)
        }
        _ => with_app(args, lang).await.map(|()| ExitCode::SUCCESS),
    }
}

async fn with_app(args: &Args, lang: Lang) -> Result<(), ErrorView> {
    let (terminal, events) = Terminal::new();
    let app = open(args, terminal).await?;
    for problem in app.start_problems() {
        eprintln!("{}", messages::terminal_text(&problem, lang));
    }
    let done = with_opened(&app, events, args, lang).await;
    // Checkpoints the database, so that a copy of its file is complete.
    app.close().await;
    done
}

async fn open(args: &Args, terminal: Terminal) -> Result<app::App, ErrorView> {
    let (paths, terminal) = (app::find_paths(), Arc::new(terminal));
    // The backup commands must work when the chats cannot be opened.
    let backups = matches!(args.command, Command::Backups { .. });
    if !args.read_only && !backups {
        return app::App::open(paths, terminal).await;
    }
    let app = app::App::open_for_window(paths, terminal).await?;
    if args.read_only && app.start_state().await?.failure.is_some() {
        app.start_again(StartWay::ReadOnly).await?;
    }
    Ok(app)
}

async fn with_opened(
    app: &app::App,
    events: UnboundedReceiver<AppEvent>,
    args: &Args,
    lang: Lang,
) -> Result<(), ErrorView> {
    match &args.command {
        Command::Hardware { measure } => hardware::hardware(app, *measure, args.json, lang).await,
        Command::Recommend => models::recommend(app, args.json, lang).await,
        Command::Pull { model, variant, source } => {
            let request = PullRequest { model, variant: variant.as_deref(), source: *source };
            pull::pull(app, events, request, args.json, lang).await
        }
        Command::Search { text, source } => {
            repositories::search(app, &text.join(" "), *source, args.json, lang).await
        }
        Command::Import { path } => models::import(app, path, args.json, lang).await,
        Command::Use { model, variant } => models::use_precision(app, model, variant, args.json, lang).await,
        Command::Settings(settings) => model_settings::run(app, settings, args.json, lang).await,
        Command::Remove { model, variant } => {
            models::remove(app, model, variant.as_deref(), args.json, lang).await
        }
        Command::Sizing(sizing) => sizing::sizing(app, sizing, args.json, lang).await,
        Command::Models { found: true } => other_programs::models_found(app, args.json, lang).await,
        Command::Models { found: false } => models::models(app, args.json, lang).await,
        Command::Ask { question, prompt, source, attachments, temperature } => {
            let question = prompts::question(app, question.as_deref(), prompt, lang).await?;
            let model = endpoints::model_of(app, source).await?;
            chat::ask(app, &question, attachments, &model, *temperature, args.json, lang).await
        }
        Command::Trace { question, source } => {
            let model = endpoints::model_of(app, source).await?;
            trace::trace(app, question, &model, args.json, lang).await
        }
        Command::Chat { source, attachments, folder, leave_out_oldest } => {
            let model = endpoints::model_of(app, source).await?;
            if args.json {
                chat_json::chat(app, &model, folder.as_deref(), attachments, *leave_out_oldest).await
            } else {
                chat::chat(app, &model, folder.as_deref(), attachments, *leave_out_oldest, lang).await
            }
        }
        Command::Evaluate(evaluate) => evaluation::evaluate(app, evaluate, args.json, lang).await,
        Command::Chats { command } => chats::run(app, command, args.json, lang).await,
        Command::Folders { command } => folders::run(app, command, args.json, lang).await,
        Command::Prompts { command } => prompts::run(app, command.as_ref(), args.json, lang).await,
        Command::Backups { command } => backups::run(app, command, args.json, lang).await,
        Command::Serve { command: Some(command), .. } => serve::run(app, command, args.json, lang).await,
        Command::Serve { command: None, model, host, port, rate, origin } => {
            let host = host.to_string();
            let request =
                serve::ServeRequest { model, host: &host, port: *port, rate: *rate, origins: origin };
            serve::serve(app, events, request, args.json, lang).await
        }
        Command::Deployments { command } => deployments::run(app, events, command, args.json, lang).await,
        Command::Connections { command } => connections::run(app, command.as_ref(), args.json, lang).await,
        Command::Connect(connect) => connect::run(app, connect, args.json, lang).await,
        Command::Tools { command } => tools::run(app, command, args.json, lang).await,
        Command::Endpoints { command } => endpoints::run(app, command, args.json, lang).await,
        Command::Plan { .. } | Command::Cards { .. } => Ok(()),
    }
}
