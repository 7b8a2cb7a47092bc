//! The settings file: TOML with a version, replaced whole by a rename. A file that cannot be read is moved aside and
//! reported, never overwritten. Knows no page and no download.
use std::path::Path;

use contract::{ErrorCode, ErrorView, KeyPlace, Language, ProxyKind, SettingsView, SourceKind, Theme};
use outbound::{Login, Outbound, OutboundError, Proxy, ProxyAddress};
use serde::{Deserialize, Serialize};

use crate::cloud::{Clouds, blocking};
use crate::convert::storage_error;
use crate::{App, files};

const VERSION: u32 = 1;

#[derive(Debug, Serialize, Deserialize)]
struct File {
    version: u32,
    #[serde(flatten)]
    settings: SettingsView,
}

/// What was found, and the trouble with it if there was any.
#[derive(Debug)]
pub(crate) struct Loaded {
    pub settings: SettingsView,
    pub problem: Option<ErrorView>,
}

pub(crate) fn defaults(models_dir: &Path) -> SettingsView {
    SettingsView {
        language: Language::System,
        theme: Theme::System,
        models_dir: models_dir.to_string_lossy().into_owned(),
        source: SourceKind::HuggingFace,
        hugging_face_endpoint: "https://huggingface.co".into(),
        model_scope_endpoint: "https://modelscope.cn".into(),
        welcomed: false,
        send_with_enter: true,
        proxy: ProxyKind::System,
        proxy_address: String::new(),
        proxy_user: String::new(),
        proxy_password: KeyPlace::Nowhere,
        certificates: String::new(),
    }
}

pub(crate) fn load(path: &Path, defaults: SettingsView) -> Result<Loaded, ErrorView> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Ok(Loaded { settings: defaults, problem: None });
        }
        Err(error) if error.kind() == std::io::ErrorKind::InvalidData => {
            return set_aside(path, defaults, &error);
        }
        Err(error) => return Err(storage_error("read the settings", path, &error)),
    };
    match whole(&text, &defaults) {
        Ok(file) if file.version == VERSION => Ok(Loaded { settings: file.settings, problem: None }),
        Ok(file) => set_aside(path, defaults, &format!("version {} is not known", file.version)),
        Err(error) => set_aside(path, defaults, &error),
    }
}

/// A file of an earlier version of the app lacks the newer settings: those begin as they are at first.
fn whole(text: &str, defaults: &SettingsView) -> Result<File, Box<dyn std::error::Error>> {
    let mut found: toml::Table = toml::from_str(text)?;
    for (name, value) in toml::Table::try_from(defaults)? {
        found.entry(name).or_insert(value);
    }
    Ok(found.try_into()?)
}

fn set_aside(path: &Path, defaults: SettingsView, why: &dyn std::fmt::Display) -> Result<Loaded, ErrorView> {
    let aside =
        files::set_aside(path).map_err(|error| storage_error("keep the old settings", path, &error))?;
    let problem = ErrorView::new(ErrorCode::SettingsUnreadable, format!("read the settings: {why}"))
        .with("path", aside.display());
    Ok(Loaded { settings: defaults, problem: Some(problem) })
}

pub(crate) fn save(path: &Path, settings: &SettingsView) -> Result<(), ErrorView> {
    let text = toml::to_string_pretty(&File { version: VERSION, settings: settings.clone() })
        .map_err(|error| ErrorView::new(ErrorCode::Internal, format!("write the settings: {error}")))?;
    files::replace(path, text.as_bytes()).map_err(|error| storage_error("write the settings", path, &error))
}

fn check(settings: &SettingsView) -> Result<(), ErrorView> {
    let refuse = |what: &str, value: &str| {
        Err(ErrorView::new(ErrorCode::InvalidInput, format!("save the settings: {what}"))
            .with("value", value))
    };
    for endpoint in [&settings.hugging_face_endpoint, &settings.model_scope_endpoint] {
        if !(endpoint.starts_with("https://") || endpoint.starts_with("http://")) {
            return refuse("an endpoint begins with https:// or http://", endpoint);
        }
    }
    if let Err(OutboundError::HoldsSecrets) = ProxyAddress::parse(&settings.proxy_address) {
        return refuse(&OutboundError::HoldsSecrets.to_string(), "");
    }
    if !Path::new(&settings.models_dir).is_absolute() {
        return refuse("the model folder needs its whole path", &settings.models_dir);
    }
    Ok(())
}

/// The way out of this computer that the settings choose.
fn outbound(settings: &SettingsView, login: Option<Login>) -> Result<Outbound, ErrorView> {
    let refused = |error: OutboundError| {
        let message = format!("connect as the settings say: {error}");
        match error {
            OutboundError::Certificates { path, why } => {
                ErrorView::new(ErrorCode::CertificatesUnreadable, message)
                    .with("path", path.display())
                    .with("reason", why)
            }
            OutboundError::NotAProxy => {
                ErrorView::new(ErrorCode::InvalidInput, message).with("value", &settings.proxy_address)
            }
            // An address that holds a secret is not repeated.
            OutboundError::HoldsSecrets => ErrorView::new(ErrorCode::InvalidInput, message),
        }
    };
    let proxy = match settings.proxy {
        ProxyKind::System => Proxy::System,
        ProxyKind::Direct => Proxy::Direct,
        ProxyKind::Address => {
            let address = ProxyAddress::parse(&settings.proxy_address).map_err(refused)?;
            Proxy::At(address.with_login(login))
        }
    };
    let certificates = Some(settings.certificates.trim()).filter(|path| !path.is_empty());
    Outbound::new(proxy, certificates.map(Path::new)).map_err(refused)
}

impl App {
    /// Read at each use, so that a changed setting and a renewed certificate hold for the next connection.
    ///
    /// # Errors
    /// When the file of certificates is not there any more, or the password of the proxy: nothing is connected without.
    pub(crate) fn outbound(&self) -> impl Future<Output = Result<Outbound, ErrorView>> + Send + use<> {
        let (settings, clouds) = (self.settings_now(), self.clouds.clone());
        async move {
            let of = settings.clone();
            let login = blocking(move || login_of(&clouds, &of)).await?;
            outbound(&settings, login)
        }
    }

    /// Keeps the name and the password that the proxy of the settings asks for, or forgets them where both are empty. They go
    /// to this proxy and no other: with another address they are forgotten.
    ///
    /// # Errors
    /// When no proxy was chosen by its address, only one of the two is given, or nothing can keep them.
    pub async fn proxy_login(&self, user: &str, password: &str) -> Result<SettingsView, ErrorView> {
        let refuse = |what: &str| {
            ErrorView::new(ErrorCode::InvalidInput, format!("keep the name and the password: {what}"))
        };
        let now = self.settings_now();
        if now.proxy_address.is_empty() {
            return Err(refuse("the proxy has no address yet"));
        }
        if user.is_empty() != password.is_empty() {
            return Err(refuse("a proxy wants both or neither"));
        }
        // As SOCKS5 counts them; and a colon would end the name for an HTTP proxy.
        let too_long = [user, password].iter().any(|text| text.len() > 255);
        if user.contains(':')
            || too_long
            || [user, password].iter().any(|text| text.contains(char::is_control))
        {
            return Err(refuse("a name holds no colon, and neither is longer than 255 bytes"));
        }
        let mut next = now.clone();
        next.proxy_user = user.to_owned();
        let (clouds, old, kept, password) =
            (self.clouds.clone(), now.clone(), next.clone(), password.to_owned());
        next.proxy_password = blocking(move || {
            let place = clouds.keys.put(&login_id(&kept), &password)?;
            if login_id(&old) != login_id(&kept) || old.proxy_password != place {
                clouds.keys.remove(&login_id(&old), old.proxy_password)?;
            }
            Ok(place)
        })
        .await?;
        self.settings_write(next)
    }

    pub async fn settings(&self) -> Result<SettingsView, ErrorView> {
        Ok(self.settings_now())
    }

    /// Checks, writes, and returns what is in force now.
    pub async fn settings_save(&self, mut settings: SettingsView) -> Result<SettingsView, ErrorView> {
        check(&settings)?;
        let now = self.settings_now();
        let way = |settings: &SettingsView| {
            (settings.proxy, settings.proxy_address.clone(), settings.certificates.clone())
        };
        // A certificate that went away must not keep a person from changing the rest.
        if way(&settings) != way(&now) {
            outbound(&settings, None)?;
        }
        // The two are kept by a use case of their own.
        (settings.proxy_user, settings.proxy_password) = (now.proxy_user.clone(), now.proxy_password);
        if settings.proxy_address != now.proxy_address && now.proxy_password != KeyPlace::Nowhere {
            let (clouds, old) = (self.clouds.clone(), now);
            blocking(move || clouds.keys.remove(&login_id(&old), old.proxy_password)).await?;
            (settings.proxy_user, settings.proxy_password) = (String::new(), KeyPlace::Nowhere);
        }
        self.settings_write(settings)
    }

    fn settings_write(&self, settings: SettingsView) -> Result<SettingsView, ErrorView> {
        save(&self.paths.data_dir.join(crate::SETTINGS_FILE), &settings)?;
        *self.settings.lock().unwrap_or_else(|poisoned| poisoned.into_inner()) = settings.clone();
        Ok(settings)
    }

    /// What could not be read at the start and was moved aside, so that the page may say it once.
    pub fn start_problems(&self) -> &[ErrorView] {
        &self.start_problems
    }

    pub(crate) fn settings_now(&self) -> SettingsView {
        self.settings.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).clone()
    }
}

/// Made of the proxy and the name, so that a password is found for these and for nothing else.
fn login_id(settings: &SettingsView) -> String {
    format!("proxy {}@{}", settings.proxy_user, settings.proxy_address)
}

/// Waits for the keyring, so not for a thread of the runtime.
fn login_of(clouds: &Clouds, settings: &SettingsView) -> Result<Option<Login>, ErrorView> {
    if settings.proxy != ProxyKind::Address {
        return Ok(None);
    }
    let password = clouds.keys.get(&login_id(settings), settings.proxy_password)?;
    Ok(password.map(|password| Login { user: settings.proxy_user.clone(), password }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_saved_is_loaded() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("new/settings.toml");
        let mut settings = defaults(Path::new("/models"));
        settings.theme = Theme::Dark;
        settings.welcomed = true;
        save(&path, &settings).expect("is saved");
        let loaded = load(&path, defaults(Path::new("/other"))).expect("is loaded");
        assert_eq!(loaded.settings, settings);
        assert_eq!(loaded.problem, None);
    }

    #[test]
    fn a_file_of_an_earlier_version_of_the_app_keeps_its_settings() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("settings.toml");
        let mut settings = defaults(Path::new("/models"));
        settings.theme = Theme::Dark;
        save(&path, &settings).expect("is saved");
        let text = std::fs::read_to_string(&path).expect("is there");
        let older: String =
            text.lines().filter(|line| !line.starts_with("proxy")).collect::<Vec<_>>().join("\n");
        assert!(older.len() < text.len());
        std::fs::write(&path, older).expect("is written");
        let loaded = load(&path, defaults(Path::new("/other"))).expect("is loaded");
        assert_eq!((loaded.problem, loaded.settings), (None, settings));
    }

    #[test]
    fn a_proxy_or_a_certificate_that_cannot_be_used_is_refused() {
        let with = |address: &str, certificates: &str| SettingsView {
            proxy: ProxyKind::Address,
            proxy_address: address.into(),
            certificates: certificates.into(),
            ..defaults(Path::new("/models"))
        };
        assert!(outbound(&with("socks5h://localhost:1080", ""), None).is_ok());
        let code = |settings| outbound(&settings, None).err().expect("is refused").code;
        assert_eq!(code(with("proxy", "")), ErrorCode::InvalidInput);
        assert_eq!(code(with("http://proxy:1", "/no/such.pem")), ErrorCode::CertificatesUnreadable);
        let secret = check(&with("http://me:hunter2@proxy:1", "")).expect_err("is refused");
        assert!(!format!("{secret:?}").contains("hunter2"));
        // An address that is not used is not judged.
        let unused = SettingsView { proxy: ProxyKind::Direct, ..with("proxy", "") };
        assert!(outbound(&unused, None).is_ok() && check(&unused) == Ok(()));
    }

    #[test]
    fn an_unreadable_file_is_kept_and_reported() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("settings.toml");
        for text in ["version = 1\nlanguage = ", "version = 7"] {
            std::fs::write(&path, text).expect("is written");
            let loaded = load(&path, defaults(Path::new("/models"))).expect("defaults come");
            assert_eq!(loaded.settings, defaults(Path::new("/models")));
            let problem = loaded.problem.expect("it is reported");
            assert_eq!(problem.code, ErrorCode::SettingsUnreadable);
            assert_eq!(std::fs::read_to_string(&problem.detail["path"]).expect("was kept"), text);
        }
    }
}
