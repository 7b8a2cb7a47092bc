//! `tools`: lists, adds, switches and allows tool servers. And what an answer shows of its calls: each on
//! standard error, with a question on a terminal before one that must be approved.
use std::io::{IsTerminal, Read, Write};
use std::path::Path;

use app::App;
use contract::{
    ErrorCode, ErrorView, ToolCallState, ToolCallView, ToolDecision, ToolPermission, ToolServerState,
    ToolServerView,
};
use messages::{CliMessage, Lang, terminal_text};

use crate::args::{Permission, Tools};
use crate::json::print_json;

/// Bytes of an `mcpServers` JSON.
const MOST_BYTES: u64 = 1 << 20;

pub async fn run(app: &App, command: &Tools, json: bool, lang: Lang) -> Result<(), ErrorView> {
    match command {
        Tools::List => {
            let view = app.tools().await?;
            if json {
                print_json(&view);
            } else {
                view.servers.iter().for_each(|server| show(server, lang));
            }
            return Ok(());
        }
        Tools::Add { file } => {
            for spec in app.tool_servers_read(&read(file)?).await? {
                print(&app.tool_server_add(spec).await?, json, lang);
            }
        }
        Tools::Remove { server } => app.tool_server_remove(server).await?,
        Tools::On { server } => print(&app.tool_server_switch(server, true).await?, json, lang),
        Tools::Off { server } => print(&app.tool_server_switch(server, false).await?, json, lang),
        Tools::Restart { server } => print(&app.tool_server_restart(server).await?, json, lang),
        Tools::Permission { server, tool, permission } => {
            let permission = match permission {
                Permission::Ask => ToolPermission::Ask,
                Permission::Always => ToolPermission::Always,
                Permission::Never => ToolPermission::Never,
            };
            app.tool_permission_set(server, tool, permission).await?;
        }
    }
    Ok(())
}

fn read(file: &Path) -> Result<String, ErrorView> {
    let failed = |error: std::io::Error| {
        ErrorView::new(ErrorCode::InvalidInput, format!("read the servers: {error}"))
            .with("path", file.display())
    };
    let mut text = String::new();
    if file == Path::new("-") {
        std::io::stdin().take(MOST_BYTES).read_to_string(&mut text).map_err(failed)?;
    } else {
        std::fs::File::open(file)
            .map_err(failed)?
            .take(MOST_BYTES)
            .read_to_string(&mut text)
            .map_err(failed)?;
    }
    Ok(text)
}

fn print(server: &ToolServerView, json: bool, lang: Lang) {
    if json { print_json(server) } else { show(server, lang) }
}

fn show(server: &ToolServerView, lang: Lang) {
    let name = if server.name.is_empty() { CliMessage::BuiltInTools.text(lang) } else { &server.name };
    let on = if server.on { CliMessage::ToolsOn } else { CliMessage::ToolsOff };
    println!("{} ({name}): {}", server.id, on.text(lang));
    if let ToolServerState::Failed { error } = &server.state {
        println!("  {}", terminal_text(error, lang).replace('\n', "\n  "));
        server.log.iter().rev().take(3).rev().for_each(|line| println!("    {line}"));
    }
    for tool in &server.tools {
        let permission = match tool.permission {
            ToolPermission::Ask => CliMessage::PermissionAsk,
            ToolPermission::Always => CliMessage::PermissionAlways,
            ToolPermission::Never => CliMessage::PermissionNever,
        };
        println!("  {}: {}", tool.name, permission.text(lang));
    }
}

/// Shows a new state of a call, and returns what is decided where it waits. Without a terminal nobody can be
/// asked, so it is refused and said.
pub fn show_call(call: &ToolCallView, lang: Lang) -> Option<ToolDecision> {
    let name =
        if call.server.is_empty() { call.tool.clone() } else { format!("{}, {}", call.server, call.tool) };
    let line = CliMessage::ToolCall.with(lang, &[("name", &name), ("arguments", &call.arguments)]);
    match call.state {
        ToolCallState::Asking => {
            eprintln!("\n{line}");
            if !std::io::stdin().is_terminal() {
                eprintln!("{}", CliMessage::ToolNotAsked.text(lang));
                return Some(ToolDecision::Refuse);
            }
            eprint!("{} ", CliMessage::ToolQuestion.text(lang));
            let _ = std::io::stderr().flush();
            None
        }
        ToolCallState::Running => {
            eprintln!("\n{line}");
            None
        }
        ToolCallState::Failed => {
            if let Some(error) = &call.error {
                eprintln!("{}", terminal_text(error, lang));
            }
            None
        }
        ToolCallState::Done | ToolCallState::Refused | ToolCallState::Stopped => None,
    }
}

/// What a typed line decides: y or yes, a or always; all else refuses.
pub fn decision_of(line: &str) -> ToolDecision {
    match line.trim().to_lowercase().as_str() {
        "y" | "yes" => ToolDecision::Run { arguments: None, always: false },
        "a" | "always" => ToolDecision::Run { arguments: None, always: true },
        _ => ToolDecision::Refuse,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_clear_yes_runs_a_call() {
        let run = |always| ToolDecision::Run { arguments: None, always };
        assert_eq!(["y", " YES\n", "a"].map(decision_of), [run(false), run(false), run(true)]);
        assert_eq!(["", "n", "yy", "what?"].map(decision_of), [const { ToolDecision::Refuse }; 4]);
    }
}
