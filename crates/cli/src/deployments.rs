//! `deployments`: starts, lists, stops and removes engines on hosts. A deployment keeps running when this
//! program ends.
use std::process::ExitCode;

use app::App;
use contract::{
    AppEvent, DeploymentSpec, DeploymentState, DeploymentView, EngineView, ErrorCode, ErrorView, InstallView,
    MachineView, PlanOutcome,
};
use messages::{CliMessage, Lang};
use tokio::sync::mpsc::UnboundedReceiver;

use crate::args::Deployments;
use crate::json::print_json;
use crate::plan;

pub async fn run(
    app: &App,
    events: UnboundedReceiver<AppEvent>,
    command: &Deployments,
    json: bool,
    lang: Lang,
) -> Result<(), ErrorView> {
    match command {
        Deployments::List => list(app, json, lang).await,
        Deployments::Start { deployment: Some(id), no_wait, .. } => {
            let view = app.deployment_restart(id).await?;
            wait(app, events, view, *no_wait, json, lang).await
        }
        Deployments::Start { request, machines, name, open, address, first, no_wait, .. } => {
            let Some(request) = request else {
                let message = "start a deployment: name one, or say --model and --gpus";
                return Err(ErrorView::new(ErrorCode::InvalidInput, message));
            };
            let spec = DeploymentSpec {
                name: name.clone(),
                wish: request.into(),
                machines: machines.clone(),
                open: *open,
                address: address.clone(),
                first: first.clone(),
            };
            let outcome = app.deployment_plan(spec.clone()).await?;
            // With --json only the events are printed, unless there is no plan.
            let has_plan = matches!(outcome, PlanOutcome::Plan(_));
            if !json || !has_plan {
                let code = plan::show(&outcome, None, json, lang)?;
                if code != ExitCode::SUCCESS {
                    std::process::exit(1);
                }
            }
            let view = app.deployment_start(spec).await?;
            wait(app, events, view, *no_wait, json, lang).await
        }
        Deployments::Stop { deployment } => {
            let view = app.deployment_stop(deployment).await?;
            print_deployment(&view, json, lang);
            Ok(())
        }
        Deployments::Logs { deployment } => {
            let lines = app.deployment_log(deployment).await?;
            let multi_host = lines.iter().any(|line| line.machine > 0);
            for line in lines {
                match (json, multi_host) {
                    (true, _) => print_json(&line),
                    (false, true) => println!("[{}] {}", line.machine, line.text),
                    (false, false) => println!("{}", line.text),
                }
            }
            Ok(())
        }
        Deployments::Remove { deployment } => {
            app.deployment_remove(deployment).await?;
            if json {
                print_json(&serde_json::json!({ "removed": deployment }));
            } else {
                println!("{}", CliMessage::DeploymentRemoved.with(lang, &[("deployment", deployment)]));
            }
            Ok(())
        }
        Deployments::Look { machine, first } => {
            let view = app.machine_look(machine, first).await?;
            if json {
                print_json(&view)
            } else {
                print_machine(&view, lang)
            }
            Ok(())
        }
    }
}

/// The model id of a deployment, as a chat stores it.
pub async fn model_of(app: &App, name: &str) -> Result<String, ErrorView> {
    let known = app.deployments().await?;
    let found = known.iter().find(|it| it.id == name || it.name == name).ok_or_else(|| {
        ErrorView::new(ErrorCode::DeploymentNotFound, "find the deployment").with("deployment", name)
    })?;
    // Another program may have started it: this waits until it is reattached.
    app.deployment_ready(&found.id).await?;
    Ok(found.chat_model.clone())
}

/// Waits up to ten seconds until each deployment is reattached.
async fn list(app: &App, json: bool, lang: Lang) -> Result<(), ErrorView> {
    let mut views = app.deployments().await?;
    // A host that does not answer in time is listed as being looked for.
    for _ in 0..100 {
        let is_pending = |it: &DeploymentView| it.state == DeploymentState::Finding && it.lost.is_none();
        if !views.iter().any(is_pending) {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        views = app.deployments().await?;
    }
    if json {
        print_json(&views);
    } else if views.is_empty() {
        println!("{}", CliMessage::NoDeployments.text(lang));
    } else {
        views.iter().for_each(|view| print_deployment(view, false, lang));
    }
    Ok(())
}

/// Prints the events until the deployment serves or fails. Ctrl+C ends the waiting only.
async fn wait(
    app: &App,
    mut events: UnboundedReceiver<AppEvent>,
    view: DeploymentView,
    no_wait: bool,
    json: bool,
    lang: Lang,
) -> Result<(), ErrorView> {
    let id = view.id.clone();
    if !no_wait {
        let print_events = async {
            while let Some(event) = events.recv().await {
                match event {
                    AppEvent::DeploymentSaid { id: of, lines } if of == id => {
                        lines.iter().for_each(|line| eprintln!("{}", line.text));
                    }
                    AppEvent::DeploymentChanged { deployment } if deployment.id == id => {
                        if json {
                            print_json(&deployment);
                        } else {
                            eprintln!("== {}", state(&deployment, lang));
                        }
                    }
                    _ => {}
                }
            }
        };
        tokio::select! {
            () = print_events => {}
            ready = app.deployment_ready(&id) => {
                print_deployment(&ready?, json, lang);
                return Ok(());
            }
            _ = tokio::signal::ctrl_c() => {}
        }
    } else {
        // The processes must be in the record before this program ends.
        while app.deployments().await?.iter().any(|it| it.id == id && it.state == DeploymentState::Starting) {
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    }
    let views = app.deployments().await?;
    if let Some(view) = views.iter().find(|view| view.id == id) {
        print_deployment(view, json, lang);
    }
    Ok(())
}

fn print_deployment(view: &DeploymentView, json: bool, lang: Lang) {
    if json {
        return print_json(view);
    }
    let (id, name, engine) = (&view.id, &view.name, &view.engine);
    println!("{id}: {name}  {engine} {} {}  {}", view.precision, view.cards, state(view, lang));
    let machines = view.machines.join(", ");
    println!("  {}: {machines}", CliMessage::RunsOn.text(lang));
    if let Some(address) = &view.address {
        println!("  {address}");
    }
    if let Some(key) = &view.key {
        println!("  {}: {key}", CliMessage::DeploymentKey.text(lang));
    }
    for error in [&view.error, &view.lost].into_iter().flatten() {
        println!("  {}", messages::error_message(error, lang).title);
    }
}

fn state(view: &DeploymentView, lang: Lang) -> &'static str {
    let state = match view.state {
        DeploymentState::Stopped => CliMessage::Stopped,
        DeploymentState::Finding => CliMessage::Checking,
        DeploymentState::Starting => CliMessage::Starting,
        DeploymentState::Loading => CliMessage::Loading,
        DeploymentState::Ready => CliMessage::DeploymentReady,
        DeploymentState::Waiting => CliMessage::RestartingSoon,
        DeploymentState::Draining => CliMessage::Stopping,
        DeploymentState::Failed => CliMessage::Failed,
    };
    state.text(lang)
}

fn print_machine(view: &MachineView, lang: Lang) {
    println!("{}: {}", view.name, view.system);
    let none = CliMessage::Nothing.text(lang);
    let all = |list: &[String]| if list.is_empty() { none.to_owned() } else { list.join(", ") };
    let engines: Vec<String> = view.engines.iter().map(|engine| engine_line(engine, lang)).collect();
    println!("{}: {}", CliMessage::Engines.text(lang), all(&engines));
    if view.engines.is_empty() {
        for InstallView { name, command, first } in &view.missing {
            let first = if first.is_empty() { String::new() } else { format!("  (--first '{first}')") };
            println!("  {} {name}: {command}{first}", CliMessage::Install.text(lang));
        }
    }
    println!("{}: {}", CliMessage::Gpus.text(lang), all(&view.gpus));
    if let Some(cards) = &view.cards {
        println!("--gpus {cards}");
    }
}

fn engine_line(engine: &EngineView, lang: Lang) -> String {
    let EngineView { name, version, expected } = engine;
    let name = version.as_ref().map_or_else(|| name.clone(), |version| format!("{name} {version}"));
    match expected {
        None => name,
        Some(expected) => CliMessage::PlannedFor.with(lang, &[("engine", &name), ("expected", expected)]),
    }
}
