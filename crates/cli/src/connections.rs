//! `connections`: proxy, proxy login and certificates. The password of a proxy is read from standard input,
//! as API keys are, so that neither the process list nor the shell history contains it.
use app::App;
use contract::{ErrorView, KeyPlace, ProxyKind, SettingsView};
use messages::{CliMessage, Lang};

use crate::args::Connections;
use crate::endpoints::read_secret;
use crate::json::print_json;

pub async fn run(app: &App, command: Option<&Connections>, json: bool, lang: Lang) -> Result<(), ErrorView> {
    let settings = match command {
        None => app.settings().await?,
        Some(Connections::Proxy { way }) => {
            let mut settings = app.settings().await?;
            match way.as_str() {
                "system" => settings.proxy = ProxyKind::System,
                "direct" => settings.proxy = ProxyKind::Direct,
                address => {
                    settings.proxy = ProxyKind::Address;
                    settings.proxy_address = address.trim().to_owned();
                }
            }
            app.settings_save(settings).await?
        }
        Some(Connections::Login { user }) => {
            let prompt = CliMessage::TypePassword.text(lang);
            // Only the line break is removed: spaces may be part of a password.
            let password = read_secret(prompt)?;
            app.proxy_login(user, password.trim_end_matches(['\r', '\n'])).await?
        }
        Some(Connections::Logout) => app.proxy_login("", "").await?,
        Some(Connections::Certificates { file }) => {
            let mut settings = app.settings().await?;
            settings.certificates = if file == "system" { String::new() } else { file.clone() };
            app.settings_save(settings).await?
        }
    };
    show(&settings, json, lang);
    Ok(())
}

fn show(settings: &SettingsView, json: bool, lang: Lang) {
    if json {
        return print_json(&serde_json::json!({
            "proxy": settings.proxy,
            "proxy_address": settings.proxy_address,
            "proxy_user": settings.proxy_user,
            "proxy_password": settings.proxy_password,
            "certificates": settings.certificates,
        }));
    }
    let proxy = match settings.proxy {
        ProxyKind::System => CliMessage::SystemSettings.text(lang),
        ProxyKind::Direct => CliMessage::NoProxy.text(lang),
        ProxyKind::Address => &settings.proxy_address,
    };
    println!("{}: {proxy}", CliMessage::Proxy.text(lang));
    let place = match settings.proxy_password {
        KeyPlace::Nowhere => None,
        KeyPlace::Keyring => Some(CliMessage::PasswordInKeyring.text(lang)),
        KeyPlace::File => Some(CliMessage::PasswordInFile.text(lang)),
    };
    if let Some(place) = place {
        println!("{}: {}  ({place})", CliMessage::UserName.text(lang), settings.proxy_user);
    }
    let certificates = match settings.certificates.as_str() {
        "" => CliMessage::SystemCertificates.text(lang),
        path => path,
    };
    println!("{}: {certificates}", CliMessage::Certificates.text(lang));
}
