//! One setting for the way out: through a proxy, with a company's certificate, and never around either. The names of these
//! tests exist nowhere, so what arrives came through the proxy.
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use app::{App, Keeping, Paths};
use contract::{
    AppEvent, ConnectionStep, DownloadState, EndpointSpec, EndpointTest, ErrorCode, ModelState, ProxyKind,
    SettingsView, SourceKind, StepState,
};
use testkit::{AUTHORITY, Manner, TestCloud, TestHub, TestProxy, TestTls};

const KEY: &str = "sk-marked-proxy-4711";

struct Deaf;

impl app::Host for Deaf {
    fn emit(&self, _: AppEvent) {}
}

async fn open(data: &Path) -> App {
    let paths = Paths {
        data_dir: data.to_owned(),
        models_dir: data.join("models"),
        engine_binary: data.join("no-engine"),
        guide_dir: data.join("no-guide"),
    };
    App::open_keeping(paths, Arc::new(Deaf), Keeping::File).await.expect("opens")
}

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
    let proxy = TestProxy::start(tls.address(), Manner::Lets).await.expect("starts");
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

    // Both kinds of proxy lead there; without the certificate nobody is believed.
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
    assert!(proxy.asked().iter().all(|target| target == "cloud.example:443"), "{:?}", proxy.asked());
    assert!(cloud.asked().iter().all(|asked| asked.header("authorization").is_some()));

    // A file that went away is told, and nothing goes out without it.
    let before = proxy.asked().len();
    std::fs::remove_file(&company).expect("is removed");
    let gone = app.endpoint_test(&id, None).await.expect_err("is refused");
    assert_eq!(gone.code, ErrorCode::CertificatesUnreadable);
    assert_eq!(proxy.asked().len(), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_in_the_way_is_named_and_not_gone_around() {
    let data = tempfile::tempdir().expect("a folder");
    let cloud = TestCloud::with_door(None).await.expect("starts");
    let refusing = TestProxy::start(at(cloud.address()), Manner::Refuses).await.expect("starts");
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
    for address in [refusing.address("http"), refusing.address("socks5"), none] {
        set(&app, |settings| {
            (settings.proxy, settings.proxy_address) = (ProxyKind::Address, address.clone());
        })
        .await;
        let test = app.endpoint_test(&far, None).await.expect("is tested");
        assert_eq!(
            failed(&test),
            (Some(ConnectionStep::Proxy), Some(ErrorCode::ProxyFailed)),
            "{address}: {test:?}"
        );
        // What runs on this computer is asked directly.
        let near = app.endpoint_test(&here, None).await.expect("is tested");
        assert_eq!(near.error, None, "{address}");
    }
    assert!(refusing.asked().iter().all(|target| !target.starts_with("127.")), "{:?}", refusing.asked());
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
    let proxy = TestProxy::start(tls.address(), Manner::Lets).await.expect("starts");
    let app = open(data.path()).await;
    let address = proxy.address("http");
    set(&app, |settings| {
        settings.model_scope_endpoint = "https://hub.example".into();
        (settings.proxy, settings.proxy_address) = (ProxyKind::Address, address);
    })
    .await;
    // Why it failed, if it did; one that is ready leaves the list.
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
    assert_eq!(strange.expect("is told").code, ErrorCode::SourceNotTrusted);
    set(&app, |settings| settings.certificates = company.display().to_string()).await;
    let listed = end().await;
    assert!(proxy.asked().iter().all(|target| target == "hub.example:443"), "{:?}", proxy.asked());
    // The list of files was taken; the storage of the test is without TLS, and nobody follows from a private connection to
    // an open one.
    assert_eq!(listed.expect("is told").code, ErrorCode::SourceRefused);

    let open_proxy = TestProxy::start(at(hub.model_scope_endpoint()), Manner::Lets).await.expect("starts");
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
    let asked = open_proxy.asked();
    assert!(asked.contains(&"hub.example".to_owned()), "{asked:?}");
    assert!(asked.iter().any(|target| target.starts_with("localhost:")), "the storage too: {asked:?}");
}
