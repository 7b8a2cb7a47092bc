//! `connect`: writes the settings of other programs so that they use the API of this app, after showing the
//! difference, and takes them back.
use std::io::{BufRead, IsTerminal, Write};

use app::App;
use contract::{
    ConnectLine, ConnectLineKind, ConnectRequest, ConnectStep, ErrorCode, ErrorView, SharingSpec,
};
use messages::{CliMessage, Lang};

use crate::args::{ConnectArgs, SERVE_HOST, SERVE_PORT};
use crate::json::print_json;

pub async fn run(app: &App, args: &ConnectArgs, json: bool, lang: Lang) -> Result<(), ErrorView> {
    let vault = args.vault.as_ref().map(|vault| vault.display().to_string());
    let Some(program) = &args.program else { return list(app, vault.as_deref(), json, lang).await };
    if args.undo {
        let undone = app.connect_undo(program, vault.as_deref()).await?;
        if json {
            print_json(&undone);
        } else {
            println!("{}", CliMessage::ConnectUndone.with(lang, &[("path", &undone.path)]));
            for kept in &undone.kept {
                println!("{}", CliMessage::ConnectKept.with(lang, &[("name", kept)]));
            }
        }
        return Ok(());
    }
    let request = ConnectRequest { program_id: program.clone(), model_id: args.model.clone(), vault };
    let by_serve = use_address_of_serve(app).await?;
    let plan = app.connect_plan(request.clone()).await?;
    if !json {
        if let Some(path) = &plan.path {
            println!("{path}");
        }
        plan.lines.iter().for_each(show_line);
    }
    if !args.yes && !confirmed(lang)? {
        return Ok(());
    }
    let done = app.connect_apply(request, &plan.digest).await?;
    if json {
        print_json(&done);
        return Ok(());
    }
    if let Some(path) = &done.path {
        println!("{}", CliMessage::ConnectWritten.with(lang, &[("path", path)]));
    }
    for (at, step) in done.steps.iter().enumerate() {
        println!("{}. {}", at + 1, sentence(step, lang));
    }
    if let Some(origin) = &plan.origin {
        println!("{}", CliMessage::ConnectOrigin.with(lang, &[("origin", origin)]));
    }
    if by_serve {
        println!("{}", CliMessage::ConnectServe.with(lang, &[("model", &args.model)]));
    }
    Ok(())
}

/// Where the window gives no access, `serve` does, at the address that it has without arguments. True then.
async fn use_address_of_serve(app: &App) -> Result<bool, ErrorView> {
    let sharing = app.sharing().await?;
    if !sharing.addresses.is_empty() {
        return Ok(false);
    }
    let spec = SharingSpec { on: true, host: SERVE_HOST.into(), port: SERVE_PORT, ..sharing.spec };
    app.sharing_for_now(spec).await?;
    Ok(true)
}

async fn list(app: &App, vault: Option<&str>, json: bool, lang: Lang) -> Result<(), ErrorView> {
    let programs = app.connect_programs(vault).await?;
    if json {
        print_json(&programs);
        return Ok(());
    }
    for program in programs {
        match program.connected {
            Some(found) => println!("{}: {}, {}", program.id, found.address, found.path),
            None => println!("{}: {}", program.id, CliMessage::NotConnected.text(lang)),
        }
    }
    Ok(())
}

fn show_line(ConnectLine { kind, text }: &ConnectLine) {
    let mark = match kind {
        ConnectLineKind::Same => "  ",
        ConnectLineKind::Added => "+ ",
        ConnectLineKind::Removed => "- ",
        ConnectLineKind::Gap => "…",
    };
    println!("{mark}{text}");
}

/// # Errors
/// Without a terminal, where nobody has seen the difference.
fn confirmed(lang: Lang) -> Result<bool, ErrorView> {
    if !std::io::stdin().is_terminal() {
        let message = "connect a program: nobody can agree without a terminal; --yes agrees";
        return Err(ErrorView::new(ErrorCode::InvalidInput, message));
    }
    print!("{} ", CliMessage::ConnectQuestion.text(lang));
    let _ = std::io::stdout().flush();
    let mut line = String::new();
    let read = std::io::stdin().lock().read_line(&mut line);
    Ok(read.is_ok() && matches!(line.trim().to_lowercase().as_str(), "y" | "yes"))
}

fn sentence(step: &ConnectStep, lang: Lang) -> String {
    let with = |message: CliMessage, name: &str, value: &str| message.with(lang, &[(name, value)]);
    match step {
        ConnectStep::Install { name } => with(CliMessage::StepInstall, "name", name),
        ConnectStep::RunDocker { command } => with(CliMessage::StepDocker, "command", command),
        ConnectStep::RunPip { command } => with(CliMessage::StepPip, "command", command),
        ConnectStep::Variable { name, value } => {
            CliMessage::StepVariable.with(lang, &[("name", name), ("value", value)])
        }
        ConnectStep::Open { labels } => with(CliMessage::StepOpen, "labels", &labels.join(" → ")),
        ConnectStep::EnterAddress { value } => with(CliMessage::StepAddress, "value", value),
        ConnectStep::EnterKey { value } => with(CliMessage::StepKey, "value", value),
        ConnectStep::EnterName { value } => with(CliMessage::StepName, "value", value),
        ConnectStep::EnterModel { value } => with(CliMessage::StepModel, "value", value),
        ConnectStep::ChooseModel { model } => with(CliMessage::StepChoose, "model", model),
        ConnectStep::Restart => CliMessage::StepRestart.text(lang).to_owned(),
    }
}
