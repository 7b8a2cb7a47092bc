//! `connections`: proxy, proxy login and certificates. The password of a proxy is read from standard input,
//! as API keys are, so that neither the process list nor the shell history contains it.
use app::App;
use contract::{ErrorView, KeyPlace, ProxyKind, SettingsView};
use messages::Lang;

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
            let prompt = lang.pick(
                "Type the password and press Enter, then Ctrl+D. It is shown while you type; a pipe hides it.",
                "输入密码后按回车，再按 Ctrl+D。输入时会显示；用管道则不会显示。",
            );
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
        ProxyKind::System => lang.pick("system settings", "跟随系统"),
        ProxyKind::Direct => lang.pick("none", "不使用"),
        ProxyKind::Address => &settings.proxy_address,
    };
    println!("{}: {proxy}", lang.pick("Proxy", "代理"));
    let place = match settings.proxy_password {
        KeyPlace::Nowhere => None,
        KeyPlace::Keyring => Some(lang.pick("password in the system's keyring", "密码在系统钥匙串中")),
        KeyPlace::File => Some(lang.pick("password in an encrypted file", "密码在加密文件中")),
    };
    if let Some(place) = place {
        println!("{}: {}  ({place})", lang.pick("User name", "用户名"), settings.proxy_user);
    }
    let certificates = match settings.certificates.as_str() {
        "" => lang.pick("system certificates", "系统证书"),
        path => path,
    };
    println!("{}: {certificates}", lang.pick("Certificates", "证书"));
}
