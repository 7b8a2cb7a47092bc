//! The network configuration: every connection uses the proxy and the company's certificate. The host names
//! of these tests do not exist, so a request that arrives came through the proxy.
mod common;

use std::net::SocketAddr;
use std::path::Path;

use app::App;
use common::open;
use contract::{
    ConnectionStep, DownloadState, EndpointSpec, EndpointTest, ErrorCode, KeyPlace, ModelState, ProxyKind,
    SettingsView, SourceKind, StepState,
};
use testkit::{AUTHORITY, ProxyAuth, TestCloud, TestHub, TestProxy, TestTls};

const KEY: &str = "sk-marked-proxy-4711";

async fn set(app: &App, change: impl FnOnce(&mut SettingsView)) {
    let mut settings = app.settings().await.expect("are there");
    change(&mut settings);
    app.settings_save(settings).await.expect("are kept");
}

fn at(address: &str) -> SocketAddr {
    address.trim_start_matches("http://").parse().expect("an address of loopback")
}

fn failed(test: &EndpointTest) -> (Option<ConnectionStep>, Option<ErrorCode>) {
    let step = test.steps.iter().find(|step| step.state == StepState::Failed).map(|step| step.step);
    (step, test.error.as_ref().map(|error| error.code))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cloud_is_reached_through_the_proxy_with_the_company_s_certificate() {
    let data = tempfile::tempdir().expect("a folder");
    let company = data.path().join("company.pem");
    std::fs::write(&company, AUTHORITY).expect("is written");
    let cloud = TestCloud::start(KEY).await.expect("starts");
    let tls = TestTls::start(at(cloud.address())).await.expect("starts");
    let proxy = TestProxy::start(tls.address(), ProxyAuth::Open).await.expect("starts");
    let app = open(data.path()).await;
    let spec = EndpointSpec {
        provider_id: "deepseek".into(),
        name: String::new(),
        address: "https://cloud.example".into(),
        key: KEY.into(),
        models: Vec::new(),
    };
    let id = app.endpoint_add(spec).await.expect("is added").id;
    let test = async || app.endpoint_test(&id, None).await.expect("is tested");

    set(&app, |settings| settings.proxy = ProxyKind::Direct).await;
    assert_eq!(failed(&test().await), (Some(ConnectionStep::Name), Some(ErrorCode::EndpointUnreachable)));

    // Both kinds of proxy work; without the certificate no server is trusted.
    for scheme in ["http", "socks5h"] {
        let address = proxy.address(scheme);
        set(&app, |settings| {
            (settings.proxy, settings.proxy_address) = (ProxyKind::Address, address);
            settings.certificates.clear();
        })
        .await;
        let strange = test().await;
        assert_eq!(failed(&strange), (Some(ConnectionStep::Tls), Some(ErrorCode::EndpointNotTrusted)));
        assert_eq!(strange.steps[0].step, ConnectionStep::Proxy);
        assert_eq!(strange.steps[0].state, StepState::Passed);
        set(&app, |settings| settings.certificates = company.display().to_string()).await;
        let passed = test().await;
        assert_eq!(passed.error, None, "{scheme}");
        assert!(passed.steps.iter().all(|step| step.state == StepState::Passed), "{passed:?}");
    }
    assert!(proxy.targets().iter().all(|target| target == "cloud.example:443"), "{:?}", proxy.targets());
    assert!(cloud.requests().iter().all(|asked| asked.header("authorization").is_some()));

    // A missing certificate file is an error, and no connection is made without it.
    let before = proxy.targets().len();
    std::fs::remove_file(&company).expect("is removed");
    let gone = app.endpoint_test(&id, None).await.expect_err("is refused");
    assert_eq!(gone.code, ErrorCode::CertificatesUnreadable);
    assert_eq!(proxy.targets().len(), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_in_the_way_is_named_and_not_gone_around() {
    let data = tempfile::tempdir().expect("a folder");
    let cloud = TestCloud::with_auth_header(None).await.expect("starts");
    let refusing = TestProxy::start(at(cloud.address()), ProxyAuth::Reject).await.expect("starts");
    let app = open(data.path()).await;
    let add = async |address: &str| {
        let spec = EndpointSpec {
            provider_id: "custom".into(),
            name: String::new(),
            address: address.into(),
            key: String::new(),
            models: vec!["m".into()],
        };
        app.endpoint_add(spec).await.expect("is added").id
    };
    let (far, here) = (add("https://cloud.example").await, add(cloud.address()).await);
    let none = "http://127.0.0.1:1".to_owned();
    let (door, gone) = (ErrorCode::ProxyLogin, ErrorCode::ProxyFailed);
    for (address, code) in
        [(refusing.address("http"), door), (refusing.address("socks5h"), door), (none, gone)]
    {
        set(&app, |settings| {
            (settings.proxy, settings.proxy_address) = (ProxyKind::Address, address.clone());
        })
        .await;
        let test = app.endpoint_test(&far, None).await.expect("is tested");
        assert_eq!(failed(&test), (Some(ConnectionStep::Proxy), Some(code)), "{address}: {test:?}");
        // A server on this computer is asked directly.
        let near = app.endpoint_test(&here, None).await.expect("is tested");
        assert_eq!(near.error, None, "{address}");
    }
    assert!(refusing.targets().iter().all(|target| !target.starts_with("127.")), "{:?}", refusing.targets());
}

const WORD: &str = "märked:word-0815";

/// The file under a folder that contains the text, if any.
fn holds(folder: &Path, text: &str) -> Option<std::path::PathBuf> {
    let entries =
        std::fs::read_dir(folder).expect("is a folder").map(|entry| entry.expect("an entry").path());
    entries.into_iter().find_map(|path| {
        if path.is_dir() {
            return holds(&path, text);
        }
        let bytes = std::fs::read(&path).expect("is read");
        bytes.windows(text.len()).any(|some| some == text.as_bytes()).then_some(path)
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_gets_its_name_and_password_and_no_file_does() {
    let data = tempfile::tempdir().expect("a folder");
    let cloud = TestCloud::with_auth_header(None).await.expect("starts");
    let proxy = TestProxy::start(at(cloud.address()), ProxyAuth::Basic("me", WORD)).await.expect("starts");
    let other = TestProxy::start(at(cloud.address()), ProxyAuth::Basic("me", WORD)).await.expect("starts");
    let app = open(data.path()).await;
    let spec = EndpointSpec {
        provider_id: "custom".into(),
        name: String::new(),
        // Without a tunnel as well as with one: the proxy refuses a plain request in its response.
        address: "http://cloud".into(),
        key: String::new(),
        models: vec!["m".into()],
    };
    let id = app.endpoint_add(spec).await.expect("is added").id;
    let test = async |app: &App| app.endpoint_test(&id, None).await.expect("is tested");
    let wanted = (Some(ConnectionStep::Proxy), Some(ErrorCode::ProxyLogin));
    let early = app.proxy_login("me", WORD).await.expect_err("there is no proxy yet");
    assert_eq!(early.code, ErrorCode::InvalidInput);

    for scheme in ["http", "socks5h"] {
        let address = proxy.address(scheme);
        set(&app, |settings| (settings.proxy, settings.proxy_address) = (ProxyKind::Address, address)).await;
        assert_eq!(failed(&test(&app).await), wanted, "{scheme}, without any");
        app.proxy_login("me", "wrong").await.expect("is kept");
        assert_eq!(failed(&test(&app).await), wanted, "{scheme}, with another");
        let kept = app.proxy_login("me", WORD).await.expect("is kept");
        assert_eq!((kept.proxy_user.as_str(), kept.proxy_password), ("me", KeyPlace::File));
        let passed = test(&app).await;
        assert_eq!(passed.error, None, "{scheme}: {passed:?}");
        // A page with older settings changes another value: the name and the password stay.
        set(&app, |settings| {
            (settings.proxy_user, settings.proxy_password) = ("x".into(), KeyPlace::Nowhere)
        })
        .await;
        assert_eq!(test(&app).await.error, None, "{scheme}");
        let text = std::fs::read_to_string(data.path().join("settings.toml")).expect("is there");
        assert!(text.contains("proxy_user = \"me\""), "{text}");
    }
    for refused in [("me", ""), ("", WORD), ("m:e", WORD), ("me", "a\nb")] {
        let error = app.proxy_login(refused.0, refused.1).await.expect_err("is refused");
        assert!(!format!("{error:?}").contains("word-0815"), "{error:?}");
    }
    drop(app);
    let app = open(data.path()).await;
    assert_eq!(test(&app).await.error, None, "after another start");
    assert_eq!(holds(data.path(), "word-0815"), None);

    // Another proxy never gets this password.
    let address = other.address("http");
    set(&app, |settings| settings.proxy_address = address).await;
    assert_eq!(failed(&test(&app).await), wanted);
    let now = app.settings().await.expect("are there");
    assert_eq!((now.proxy_user.as_str(), now.proxy_password), ("", KeyPlace::Nowhere));
    app.proxy_login("me", WORD).await.expect("is kept");
    assert_eq!(test(&app).await.error, None);
    app.proxy_login("", "").await.expect("is forgotten");
    assert_eq!(failed(&test(&app).await), wanted);
    let sealed = std::fs::read_to_string(data.path().join("keys.sealed.json")).expect("is there");
    assert!(!sealed.contains("proxy"), "{sealed}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_download_through_a_proxy_with_a_door_says_so() {
    const MODEL: &str = "deepseek-r1-distill-qwen-1.5b";
    let data = tempfile::tempdir().expect("a folder");
    let files = tempfile::tempdir().expect("a folder");
    std::fs::write(files.path().join("config.json"), "{}").expect("is written");
    let hub =
        TestHub::start(&[("deepseek-ai/DeepSeek-R1-Distill-Qwen-1.5B", files.path())]).await.expect("starts");
    let proxy = TestProxy::start(at(hub.model_scope_endpoint()), ProxyAuth::Reject).await.expect("starts");
    let app = open(data.path()).await;
    for (scheme, endpoint) in
        [("http", "http://hub.example"), ("http", "https://hub.example"), ("socks5h", "http://hub.example")]
    {
        let address = proxy.address(scheme);
        set(&app, |settings| {
            settings.model_scope_endpoint = endpoint.into();
            (settings.proxy, settings.proxy_address) = (ProxyKind::Address, address);
        })
        .await;
        app.download_start(MODEL, "bf16", SourceKind::ModelScope).await.expect("begins");
        let error = loop {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            let view = app.downloads().await.expect("lists").pop().expect("is listed");
            if view.state == DownloadState::Failed {
                break view.error.expect("an error");
            }
        };
        assert_eq!(error.code, ErrorCode::ProxyLogin, "{scheme} {endpoint}: {error:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_download_takes_the_same_way() {
    const MODEL: &str = "deepseek-r1-distill-qwen-1.5b";
    let data = tempfile::tempdir().expect("a folder");
    let company = data.path().join("company.pem");
    std::fs::write(&company, AUTHORITY).expect("is written");
    let files = tempfile::tempdir().expect("a folder");
    std::fs::write(files.path().join("config.json"), "{}").expect("is written");
    std::fs::write(files.path().join("model.safetensors"), [7; 5000]).expect("is written");
    let repository = "deepseek-ai/DeepSeek-R1-Distill-Qwen-1.5B";
    let hub = TestHub::start(&[(repository, files.path())]).await.expect("starts");
    let tls = TestTls::start(at(hub.model_scope_endpoint())).await.expect("starts");
    let proxy = TestProxy::start(tls.address(), ProxyAuth::Open).await.expect("starts");
    let app = open(data.path()).await;
    let address = proxy.address("http");
    set(&app, |settings| {
        settings.model_scope_endpoint = "https://hub.example".into();
        (settings.proxy, settings.proxy_address) = (ProxyKind::Address, address);
    })
    .await;
    // The error, if the download failed; a finished one leaves the list.
    let end = async || {
        app.download_start(MODEL, "bf16", SourceKind::ModelScope).await.expect("begins");
        for _ in 0..600 {
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            match app.downloads().await.expect("lists").pop() {
                None => return None,
                Some(view) if view.state == DownloadState::Failed => return view.error,
                Some(_) => {}
            }
        }
        panic!("the download did not end")
    };
    let strange = end().await;
    assert_eq!(strange.expect("an error").code, ErrorCode::SourceNotTrusted);
    set(&app, |settings| settings.certificates = company.display().to_string()).await;
    let listed = end().await;
    assert!(proxy.targets().iter().all(|target| target == "hub.example:443"), "{:?}", proxy.targets());
    // The list of files was read. The file server of the test has no TLS, and a redirect from HTTPS to HTTP
    // is not followed.
    assert_eq!(listed.expect("an error").code, ErrorCode::SourceRefused);

    let open_proxy = TestProxy::start(at(hub.model_scope_endpoint()), ProxyAuth::Open).await.expect("starts");
    let address = open_proxy.address("http");
    set(&app, |settings| {
        settings.model_scope_endpoint = "http://hub.example".into();
        settings.proxy_address = address;
    })
    .await;
    assert_eq!(end().await, None);
    let models = app.models().await.expect("lists");
    let there = models.iter().find(|model| model.id == MODEL).expect("is in the catalogue");
    assert_eq!(there.state, ModelState::Ready);
    let asked = open_proxy.targets();
    assert!(asked.contains(&"hub.example".to_owned()), "{asked:?}");
    assert!(asked.iter().any(|target| target.starts_with("localhost:")), "the storage too: {asked:?}");
}
