//! The headless host: the same use cases as the window, in a terminal. Decides nothing; parses, calls,
//! prints.

mod answer_lines;
mod args;
mod backups;
mod broken_pipe;
mod catalogue;
mod chats;
mod connections;
mod deployments;
mod endpoints;
mod host;
mod interrupts;
mod json;
mod looking;
mod machine;
mod pictures;
mod plan;
mod pull;
mod pull_shown;
mod serve;
mod sizing;
mod talk;
mod talk_json;
mod too_long;

use std::io::IsTerminal;
use std::process::ExitCode;
use std::sync::Arc;

use app::lang::Lang;
use app::messages;
use clap::Parser;
use contract::{AppEvent, ErrorCode, ErrorView, StartWay};
use tokio::sync::mpsc::UnboundedReceiver;

use args::{Args, Command};
use host::Terminal;
use pull::Wanted;

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
                // On stdout, where a program reads; the exit code says that it failed.
                json::print_json(&serde_json::json!({ "error": error }));
            } else {
                eprintln!("{}", messages::terminal_text(&error, lang));
            }
            // As a shell counts a program that Ctrl+C ended.
            if error.code == ErrorCode::Cancelled { ExitCode::from(130) } else { ExitCode::FAILURE }
        }
    }
}

async fn run(args: &Args, lang: Lang) -> Result<ExitCode, ErrorView> {
    // What asks nothing of this computer opens nothing on it.
    match &args.command {
        Command::Plan { wish, render } => plan::plan(&wish.into(), render.as_deref(), args.json, lang),
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
    // So that a copy of the file of the chats is whole.
    app.close().await;
    done
}

async fn open(args: &Args, terminal: Terminal) -> Result<app::App, ErrorView> {
    let (paths, host) = (app::find_paths(), Arc::new(terminal));
    // What is there for chats that cannot be opened asks for no open chats.
    let backups = matches!(args.command, Command::Backups { .. });
    if !args.read_only && !backups {
        return app::App::open(paths, host).await;
    }
    let app = app::App::open_for_window(paths, host).await?;
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
        Command::Hardware { measure } => machine::hardware(app, *measure, args.json, lang).await,
        Command::Recommend => catalogue::recommend(app, args.json, lang).await,
        Command::Pull { model, variant, source } => {
            let wanted = Wanted { model, variant: variant.as_deref(), source: *source };
            pull::pull(app, events, wanted, args.json, lang).await
        }
        Command::Import { path } => catalogue::import(app, path, args.json, lang).await,
        Command::Use { model, variant } => {
            catalogue::use_precision(app, model, variant, args.json, lang).await
        }
        Command::Remove { model, variant } => {
            catalogue::remove(app, model, variant.as_deref(), args.json, lang).await
        }
        Command::Sizing(size) => sizing::sizing(app, size, args.json, lang).await,
        Command::Models => catalogue::models(app, args.json, lang).await,
        Command::Ask { question, at, pictures, temperature } => {
            let model = endpoints::model_of(app, at).await?;
            talk::ask(app, question, pictures, &model, *temperature, args.json, lang).await
        }
        Command::Chat { at, pictures, leave_out_oldest } => {
            let model = endpoints::model_of(app, at).await?;
            if args.json {
                talk_json::chat(app, &model, pictures, *leave_out_oldest).await
            } else {
                talk::chat(app, &model, pictures, *leave_out_oldest, lang).await
            }
        }
        Command::Chats { command } => chats::run(app, command, args.json, lang).await,
        Command::Backups { command } => backups::run(app, command, args.json, lang).await,
        Command::Serve { command: Some(command), .. } => serve::run(app, command, args.json, lang).await,
        Command::Serve { command: None, model, host, port, rate } => {
            let host = host.to_string();
            let wanted = serve::Wanted { model, host: &host, port: *port, rate: *rate };
            serve::serve(app, events, wanted, args.json, lang).await
        }
        Command::Deployments { command } => deployments::run(app, events, command, args.json, lang).await,
        Command::Connections { command } => connections::run(app, command.as_ref(), args.json, lang).await,
        Command::Endpoints { command } => endpoints::run(app, command, args.json, lang).await,
        Command::Plan { .. } | Command::Cards { .. } => Ok(()),
    }
}
