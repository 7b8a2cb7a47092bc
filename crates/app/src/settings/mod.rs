//! The settings as use cases: read, validate, save, and the network configuration that follows from them.
//! `settings/file.rs` has the file format. Knows no page and no download.
pub(crate) mod file;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::Ordering;

use contract::{
    AppEvent, ErrorCode, ErrorView, KeyPlace, Language, LastChat, PlaceKind, ProxyKind, SettingsView,
    SourceKind, Theme, TitleSource,
};
use outbound::{Outbound, OutboundError, Proxy, ProxyAddress, ProxyCredentials};

use crate::App;
use crate::blocking::blocking;
use crate::cloud::Clouds;
use crate::convert::storage_error;

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
        chat_titles: TitleSource::Local,
        notifications: true,
        tray: false,
        place: PlaceKind::Auto,
        card: 0,
        proxy: ProxyKind::System,
        proxy_address: String::new(),
        proxy_user: String::new(),
        proxy_password: KeyPlace::Nowhere,
        certificates: String::new(),
        last_chat: LastChat {
            model_id: String::new(),
            preset_id: "deepseek".into(),
            sampling: None,
            system_prompt: String::new(),
        },
        models: BTreeMap::new(),
        measured: None,
    }
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
    if let Err(OutboundError::CredentialsInUrl) = ProxyAddress::parse(&settings.proxy_address) {
        return refuse(&OutboundError::CredentialsInUrl.to_string(), "");
    }
    if !Path::new(&settings.models_dir).is_absolute() {
        return refuse("the model folder needs an absolute path", &settings.models_dir);
    }
    Ok(())
}

/// The network configuration of the settings.
fn outbound(settings: &SettingsView, login: Option<ProxyCredentials>) -> Result<Outbound, ErrorView> {
    let refused = |error: OutboundError| {
        let message = format!("use the network settings: {error}");
        match error {
            OutboundError::Certificates { path, why } => {
                ErrorView::new(ErrorCode::CertificatesUnreadable, message)
                    .with("path", path.display())
                    .with("reason", why)
            }
            OutboundError::InvalidProxy => {
                ErrorView::new(ErrorCode::InvalidInput, message).with("value", &settings.proxy_address)
            }
            // An address that contains a secret is not repeated.
            OutboundError::CredentialsInUrl => ErrorView::new(ErrorCode::InvalidInput, message),
        }
    };
    let proxy = match settings.proxy {
        ProxyKind::System => Proxy::System,
        ProxyKind::Direct => Proxy::Direct,
        ProxyKind::Address => {
            let address = ProxyAddress::parse(&settings.proxy_address).map_err(refused)?;
            Proxy::At(address.with_credentials(login))
        }
    };
    let certificates = Some(settings.certificates.trim()).filter(|path| !path.is_empty());
    Outbound::new(proxy, certificates.map(Path::new)).map_err(refused)
}

impl App {
    /// The network configuration. It is made at each use, so that a changed setting or certificate applies to
    /// the next connection.
    ///
    /// # Errors
    /// When the file of certificates or the password of the proxy is missing; no connection is made without
    /// them.
    pub(crate) fn outbound(&self) -> impl Future<Output = Result<Outbound, ErrorView>> + Send + use<> {
        let (settings, clouds) = (self.settings_now(), self.clouds.clone());
        async move {
            let copy = settings.clone();
            let login = blocking("read the data folder", move || login_of(&clouds, &copy)).await?;
            outbound(&settings, login)
        }
    }

    /// Stores the user name and password of the proxy, or removes them where both are empty. They are sent to
    /// this proxy only: a change of its address removes them.
    ///
    /// # Errors
    /// When the settings have no proxy address, only one of the two is given, or they cannot be stored.
    pub async fn proxy_login(&self, user: &str, password: &str) -> Result<SettingsView, ErrorView> {
        let refuse = |what: &str| {
            ErrorView::new(ErrorCode::InvalidInput, format!("store the name and the password: {what}"))
        };
        let now = self.settings_now();
        if now.proxy_address.is_empty() {
            return Err(refuse("the proxy has no address yet"));
        }
        if user.is_empty() != password.is_empty() {
            return Err(refuse("a proxy wants both or neither"));
        }
        // 255 bytes is the limit of SOCKS5; a colon would end the name for an HTTP proxy.
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
        next.proxy_password = blocking("read the data folder", move || {
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

    /// Validates and writes the settings, and returns those in effect.
    pub async fn settings_save(&self, mut settings: SettingsView) -> Result<SettingsView, ErrorView> {
        check(&settings)?;
        let now = self.settings_now();
        let now_place = (now.place, now.card);
        let network = |settings: &SettingsView| {
            (settings.proxy, settings.proxy_address.clone(), settings.certificates.clone())
        };
        // A missing certificate must not prevent changes of the other settings.
        if network(&settings) != network(&now) {
            outbound(&settings, None)?;
        }
        // `proxy_login` changes these two.
        (settings.proxy_user, settings.proxy_password) = (now.proxy_user.clone(), now.proxy_password);
        if settings.proxy_address != now.proxy_address && now.proxy_password != KeyPlace::Nowhere {
            let (clouds, old) = (self.clouds.clone(), now);
            blocking("read the data folder", move || clouds.keys.remove(&login_id(&old), old.proxy_password))
                .await?;
            (settings.proxy_user, settings.proxy_password) = (String::new(), KeyPlace::Nowhere);
        }
        let before = self.devices();
        if (settings.place, settings.card) != now_place {
            self.without_card.store(false, Ordering::Relaxed);
        }
        let saved = self.settings_write(settings)?;
        if self.devices() != before {
            self.host.emit(AppEvent::ModelsChanged);
        }
        Ok(saved)
    }

    /// Keeps the values that the app sets itself: a page sends back those that it read earlier.
    fn settings_write(&self, settings: SettingsView) -> Result<SettingsView, ErrorView> {
        self.settings_change(|now| {
            let own = (now.last_chat.clone(), now.models.clone(), now.measured.clone());
            *now = settings;
            (now.last_chat, now.models, now.measured) = own;
        })
    }

    /// Changes the settings, one caller at a time, and writes them if they differ.
    pub(crate) fn settings_change(
        &self,
        change: impl FnOnce(&mut SettingsView),
    ) -> Result<SettingsView, ErrorView> {
        let _guard = self.settings_lock.lock();
        let now = self.settings_now();
        let mut next = now.clone();
        change(&mut next);
        if next != now {
            let path = self.paths.data_dir.join(file::SETTINGS_FILE);
            // The file has values that could not be read at the start.
            if self.settings_file_protected.load(Ordering::Relaxed) && path.exists() {
                store::set_aside(&path)
                    .map_err(|error| storage_error("keep the old settings", &path, &error))?;
            }
            file::save(&path, &next)?;
            self.settings_file_protected.store(false, Ordering::Relaxed);
            *self.settings.lock() = next.clone();
        }
        Ok(next)
    }

    /// Errors of files that could not be read at the start and were moved aside; the page shows them once.
    pub fn start_problems(&self) -> Vec<ErrorView> {
        self.start_problems.lock().clone()
    }

    pub(crate) fn settings_now(&self) -> SettingsView {
        self.settings.lock().clone()
    }
}

/// Contains the proxy and the name, so that the password is found for this pair only.
fn login_id(settings: &SettingsView) -> String {
    format!("proxy {}@{}", settings.proxy_user, settings.proxy_address)
}

/// Blocks on the keyring, so it must not run on a runtime thread.
fn login_of(clouds: &Clouds, settings: &SettingsView) -> Result<Option<ProxyCredentials>, ErrorView> {
    if settings.proxy != ProxyKind::Address {
        return Ok(None);
    }
    let password = clouds.keys.get(&login_id(settings), settings.proxy_password)?;
    Ok(password.map(|password| ProxyCredentials { user: settings.proxy_user.clone(), password }))
}

#[cfg(test)]
mod tests {
    use super::*;

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
        // An address that is not in use is not validated.
        let unused = SettingsView { proxy: ProxyKind::Direct, ..with("proxy", "") };
        assert!(outbound(&unused, None).is_ok() && check(&unused) == Ok(()));
    }
}
