//! `serve`: offers a local model to other programs over HTTP until Ctrl+C; manages API keys and prints the
//! access log.
use std::io::IsTerminal;

use app::App;
use contract::{AppEvent, ErrorCode, ErrorView, SharingKey, SharingSpec, SharingView, WorkerState};
use messages::Lang;
use tokio::sync::mpsc::UnboundedReceiver;

use crate::args::{Keys, ServeCommand};
use crate::json::print_json;

/// The arguments of `serve`.
pub struct ServeRequest<'a> {
    pub model: &'a str,
    pub host: &'a str,
    pub port: u16,
    pub rate: u32,
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
    let spec =
        SharingSpec { on: true, host: request.host.to_owned(), port: request.port, rate: request.rate };
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
        let warning = lang.pick(
            "Open to your network: whoever has a key can use this model, and what is said is not encrypted on the way.",
            "已对你的网络开放：有密钥的人都能使用这个模型，传输的内容没有加密。",
        );
        if std::io::stderr().is_terminal() {
            eprintln!("\u{1b}[31m{warning}\u{1b}[0m");
        } else {
            eprintln!("{warning}");
        }
    }
    println!("{}", lang.pick("Press Ctrl+C to stop.", "按 Ctrl+C 停止。"));
}

pub async fn run(app: &App, command: &ServeCommand, json: bool, lang: Lang) -> Result<(), ErrorView> {
    match command {
        ServeCommand::Keys { command: Keys::Add { name, days } } => {
            let key = app.sharing_key_add(name, *days).await?;
            if json {
                print_json(&key);
            } else {
                println!("{}", key.secret);
                eprintln!(
                    "{}",
                    lang.pick(
                        "It is shown this once and cannot be read again.",
                        "只显示这一次，之后无法再查看。"
                    )
                );
            }
        }
        ServeCommand::Keys { command: Keys::List } => {
            let keys = app.sharing().await?.keys;
            if json {
                print_json(&keys);
            } else if keys.is_empty() {
                println!("{}", lang.pick("No keys yet.", "还没有密钥。"));
            }
            keys.iter().filter(|_| !json).for_each(|key| println!("{}", line(key, lang)));
        }
        ServeCommand::Keys { command: Keys::Remove { name } } => {
            app.sharing_key_remove(name).await?;
            if json {
                print_json(&serde_json::json!({ "removed": name }));
            } else {
                println!(
                    "{}",
                    match lang {
                        Lang::En => format!("{name} opens nothing any more"),
                        Lang::Zh => format!("{name} 已失效"),
                    }
                );
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
        (None, _) => lang.pick("never expires", "永久").to_owned(),
        (Some(_), true) => lang.pick("expired", "已过期").to_owned(),
        (Some(time), false) => match lang {
            Lang::En => format!("until {time}"),
            Lang::Zh => format!("有效至 {time}"),
        },
    };
    format!("{}  {until}", key.name)
}
