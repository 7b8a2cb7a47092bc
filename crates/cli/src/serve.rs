//! `serve`: offers a local model to other programs over HTTP until Ctrl+C; manages API keys and prints the
//! access log.
use std::io::IsTerminal;

use app::App;
use contract::{AppEvent, ErrorCode, ErrorView, SharingKey, SharingSpec, SharingView, WorkerState};
use messages::{CliMessage, Lang};
use tokio::sync::mpsc::UnboundedReceiver;

use crate::args::{Keys, ServeCommand};
use crate::json::print_json;

/// The arguments of `serve`.
pub struct ServeRequest<'a> {
    pub model: &'a str,
    pub host: &'a str,
    pub port: u16,
    pub rate: u32,
    pub origins: &'a [String],
}

pub async fn serve(
    app: &App,
    events: UnboundedReceiver<AppEvent>,
    request: ServeRequest<'_>,
    json: bool,
    lang: Lang,
) -> Result<(), ErrorView> {
    if app.sharing().await?.keys.iter().all(|key| key.expired) {
        let message = "serve: nobody has a key; make one with `whaledeck-cli serve keys add NAME`";
        return Err(ErrorView::new(ErrorCode::InvalidInput, message));
    }
    let spec = SharingSpec {
        on: true,
        host: request.host.to_owned(),
        port: request.port,
        rate: request.rate,
        origins: request.origins.to_vec(),
    };
    app.sharing_for_now(spec).await?;
    app.worker_start(request.model).await?;
    wait_until_ready(app, events).await?;
    let view = app.sharing().await?;
    if json {
        print_json(&view);
    } else {
        print_addresses(&view, request.model, lang);
    }
    let ended = tokio::signal::ctrl_c().await;
    app.worker_stop().await?;
    ended.map_err(|error| ErrorView::new(ErrorCode::Internal, format!("wait for Ctrl+C: {error}")))
}

/// Waits until the model serves or has failed.
async fn wait_until_ready(app: &App, mut events: UnboundedReceiver<AppEvent>) -> Result<(), ErrorView> {
    loop {
        let worker = app.worker().await?;
        match (worker.state, worker.error) {
            (WorkerState::Ready, _) => return Ok(()),
            (WorkerState::Failed, Some(error)) => return Err(error),
            _ => {}
        }
        if events.recv().await.is_none() {
            return Err(ErrorView::new(ErrorCode::NotLoaded, "serve: the model was stopped"));
        }
    }
}

fn print_addresses(view: &SharingView, model: &str, lang: Lang) {
    for address in &view.addresses {
        println!("{model}: {address}");
    }
    if view.beyond {
        let warning = CliMessage::OpenToNetwork.text(lang);
        if std::io::stderr().is_terminal() {
            eprintln!("\u{1b}[31m{warning}\u{1b}[0m");
        } else {
            eprintln!("{warning}");
        }
    }
    println!("{}", CliMessage::HowToStop.text(lang));
}

pub async fn run(app: &App, command: &ServeCommand, json: bool, lang: Lang) -> Result<(), ErrorView> {
    match command {
        ServeCommand::Keys { command: Keys::Add { name, days } } => {
            let key = app.sharing_key_add(name, *days).await?;
            if json {
                print_json(&key);
            } else {
                println!("{}", key.secret);
                eprintln!("{}", CliMessage::ShownOnce.text(lang));
            }
        }
        ServeCommand::Keys { command: Keys::List } => {
            let keys = app.sharing().await?.keys;
            if json {
                print_json(&keys);
            } else if keys.is_empty() {
                println!("{}", CliMessage::NoKeys.text(lang));
            }
            keys.iter().filter(|_| !json).for_each(|key| println!("{}", line(key, lang)));
        }
        ServeCommand::Keys { command: Keys::Remove { name } } => {
            app.sharing_key_remove(name).await?;
            if json {
                print_json(&serde_json::json!({ "removed": name }));
            } else {
                println!("{}", CliMessage::KeyRemoved.with(lang, &[("name", name)]));
            }
        }
        ServeCommand::Requests => {
            for one in app.sharing_requests().await? {
                if json {
                    print_json(&one);
                    continue;
                }
                let tokens = format!("{}+{}", one.prompt_tokens, one.completion_tokens);
                println!("{}  {}  {} {}  {} ms  {tokens}", one.at, one.key, one.status, one.path, one.ms);
            }
        }
    }
    Ok(())
}

fn line(key: &SharingKey, lang: Lang) -> String {
    let until = match (&key.expires_at, key.expired) {
        (None, _) => CliMessage::NeverExpires.text(lang).to_owned(),
        (Some(_), true) => CliMessage::Expired.text(lang).to_owned(),
        (Some(time), false) => CliMessage::Until.with(lang, &[("time", time)]),
    };
    format!("{}  {until}", key.name)
}
