//! `endpoints`: adds, changes, tests and removes cloud services. An API key is read from standard input, so
//! that neither the process list nor the shell history contains it.
use std::io::{IsTerminal, Read};

use app::App;
use contract::{
    ConnectionStep, EndpointChange, EndpointSpec, EndpointTest, EndpointView, ErrorCode, ErrorView, KeyPlace,
    ModelRef, StepState,
};
use messages::{CliMessage, Lang};

use crate::args::{Endpoints, ModelArgs};
use crate::json::print_json;

/// Bytes; more than any key, so that a file that is piped by mistake is not read completely.
const KEY_LIMIT: u64 = 16 << 10;

pub async fn run(app: &App, command: &Endpoints, json: bool, lang: Lang) -> Result<(), ErrorView> {
    match command {
        Endpoints::Add { provider, name, address, model } => {
            let spec = EndpointSpec {
                provider_id: provider.clone(),
                name: name.clone(),
                address: address.clone(),
                key: read_key(lang)?,
                models: model.clone(),
            };
            let added = app.endpoint_add(spec).await?;
            show(&added, json, lang);
            // Shown every time: a file is less secure than a keyring.
            if added.key_place == KeyPlace::File && !json {
                println!("{}", file_note(lang));
            }
        }
        Endpoints::Change { id, key: new_key, name, address, model } => {
            let change = EndpointChange {
                name: name.clone(),
                address: address.clone(),
                key: new_key.then(|| read_key(lang)).transpose()?,
                models: (!model.is_empty()).then(|| model.clone()),
            };
            let changed = app.endpoint_change(id, change).await?;
            show(&changed, json, lang);
            if *new_key && changed.key_place == KeyPlace::File && !json {
                println!("{}", file_note(lang));
            }
        }
        Endpoints::List => {
            let endpoints = app.endpoints().await?;
            if json {
                print_json(&endpoints);
            } else if endpoints.is_empty() {
                println!("{}", CliMessage::NoCloudService.text(lang));
            }
            endpoints.iter().filter(|_| !json).for_each(|endpoint| show(endpoint, false, lang));
        }
        Endpoints::Providers => {
            let providers = app.providers().await?;
            if json {
                print_json(&providers);
                return Ok(());
            }
            for provider in providers {
                println!(
                    "{}: {}  {}",
                    provider.id,
                    lang.pick(&provider.name.en, &provider.name.zh),
                    provider.address
                );
            }
        }
        Endpoints::Test { name, model } => {
            let test = app.endpoint_test(name, model.as_deref()).await?;
            if json {
                print_json(&test);
            } else {
                steps(&test, lang);
            }
            // With --json the error is part of the value; only the exit code is still to be set.
            match test.error {
                Some(error) if json => {
                    eprintln!("{}", messages::terminal_text(&error, lang));
                    std::process::exit(1);
                }
                Some(error) => return Err(error),
                None => {}
            }
        }
        Endpoints::Remove { name } => {
            app.endpoint_remove(name).await?;
            if json {
                print_json(&serde_json::json!({ "removed": name }));
            } else {
                println!("{}", CliMessage::ServiceForgotten.with(lang, &[("name", name)]));
            }
        }
    }
    Ok(())
}

/// The model id of the arguments, as a chat stores it.
pub async fn model_of(app: &App, source: &ModelArgs) -> Result<String, ErrorView> {
    if let Some(deployment) = &source.deployment {
        return crate::deployments::model_of(app, deployment).await;
    }
    let Some(endpoint) = &source.endpoint else {
        return Ok(source.model.clone().unwrap_or_else(|| "guide".into()));
    };
    let known = app.endpoints().await?;
    let missing =
        || ErrorView::new(ErrorCode::EndpointNotFound, "find the cloud service").with("endpoint", endpoint);
    let known = known.into_iter().find(|known| known.id == *endpoint).ok_or_else(missing)?;
    if let Some(model) = &source.model {
        return Ok(ModelRef::cloud(endpoint, model).to_string());
    }
    let unlisted = || {
        let message = "choose a model: run `whaledeck-cli endpoints test` once, or name one with --model";
        ErrorView::new(ErrorCode::InvalidInput, message)
    };
    known.models.into_iter().next().map(|model| model.id).ok_or_else(unlisted)
}

fn read_key(lang: Lang) -> Result<String, ErrorView> {
    read_secret(CliMessage::PasteKey.text(lang))
}

/// All of standard input. `prompt` is shown on a terminal.
pub fn read_secret(prompt: &str) -> Result<String, ErrorView> {
    if std::io::stdin().is_terminal() {
        eprintln!("{prompt}");
    }
    let mut key = String::new();
    let read = std::io::stdin().take(KEY_LIMIT).read_to_string(&mut key);
    read.map_err(|error| ErrorView::new(ErrorCode::InvalidInput, format!("read the key: {error}")))?;
    Ok(key)
}

fn show(endpoint: &EndpointView, json: bool, lang: Lang) {
    if json {
        return print_json(endpoint);
    }
    let key = match endpoint.key_place {
        KeyPlace::Keyring => CliMessage::KeyInKeyring.text(lang),
        KeyPlace::File => CliMessage::KeyInFile.text(lang),
        KeyPlace::Nowhere => CliMessage::NoKey.text(lang),
    };
    println!("{}: {}  {}  ({key})", endpoint.id, endpoint.name, endpoint.address);
    endpoint.models.iter().for_each(|model| println!("  {}", model.name));
}

fn file_note(lang: Lang) -> &'static str {
    CliMessage::KeyFileNote.text(lang)
}

fn steps(test: &EndpointTest, lang: Lang) {
    for step in &test.steps {
        let name = match step.step {
            ConnectionStep::Proxy => CliMessage::Proxy.text(lang),
            ConnectionStep::Name => CliMessage::AddressLookup.text(lang),
            ConnectionStep::Connect => CliMessage::Connection.text(lang),
            ConnectionStep::Tls => CliMessage::SecureConnection.text(lang),
            ConnectionStep::Key => CliMessage::Key.text(lang),
            ConnectionStep::Models => CliMessage::ModelList.text(lang),
            ConnectionStep::Token => CliMessage::FirstToken.text(lang),
        };
        let state = match step.state {
            StepState::Passed => CliMessage::Passed.text(lang),
            StepState::Failed => CliMessage::StepFailed.text(lang),
            StepState::Absent => CliMessage::NotOffered.text(lang),
            StepState::Skipped => CliMessage::NotTested.text(lang),
        };
        println!("{name}: {state}");
    }
    if let Some(model) = &test.model {
        println!("{}: {model}", CliMessage::Model.text(lang));
    }
}
