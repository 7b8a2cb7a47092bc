//! Common failures through the real programs: each error has a code, a message and a next step in both
//! languages, and no data of the user is lost.
use std::path::Path;
use std::process::Command;

use contract::{ChatView, ErrorCode, SettingsView};

use crate::host::{ONE_WORKER, ask, engine_binary, open};
use crate::programs::{LANGS, ProgramOutput, cli, guide_copy, run};

/// The settings and the chats of a user, to compare before and after.
#[derive(Debug, PartialEq)]
struct UserData {
    settings: SettingsView,
    chat: ChatView,
}

/// A data folder with settings and a chat.
async fn user_data(data: &Path) -> UserData {
    let (app, _host) = open(data).await;
    let chat = app.chat_create("guide").await.expect("a chat");
    ask(&app, &chat.id, "Hello").await;
    let mut settings = app.settings().await.expect("settings");
    settings.welcomed = true;
    let settings = app.settings_save(settings).await.expect("are saved");
    app.worker_stop().await.expect("stops");
    let chat = app.chat_get(&chat.id).await.expect("is there");
    assert_eq!(chat.messages.len(), 2);
    UserData { settings, chat }
}

/// Asserts that all data is unchanged, and that the refused operation added no chat.
async fn nothing_lost(data: &Path, before: &UserData) {
    let (app, _host) = open(data).await;
    assert_eq!(app.start_problems(), []);
    let settings = app.settings().await.expect("settings");
    let chat = app.chat_get(&before.chat.id).await.expect("the chat is there");
    assert_eq!(&UserData { settings, chat }, before);
    let ids: Vec<String> = app.chats().await.expect("a list").into_iter().map(|chat| chat.id).collect();
    assert_eq!(ids, [before.chat.id.as_str()]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_truncated_model_file() {
    let _alone = ONE_WORKER.lock().await;
    let data = tempfile::tempdir().expect("a folder");
    let before = user_data(data.path()).await;
    let model = guide_copy(data.path());
    let (app, _host) = open(data.path()).await;
    let own = app.model_import(&model).await.expect("is whole still");
    let weights = model.join("model.safetensors");
    let bytes = std::fs::read(&weights).expect("is read");
    std::fs::write(&weights, &bytes[..bytes.len() / 2]).expect("is cut");
    for lang in LANGS {
        let check = |output: ProgramOutput| {
            output.refused(lang, "model_file_truncated", "A model file is cut short", "模型文件不完整");
            assert!(output.err.contains("model.safetensors"), "{output:?}");
        };
        check(run(cli(data.path(), lang).arg("import").arg(&model)));
        check(run(cli(data.path(), lang).args(["ask", "Hello", "--model", &own.id])));
    }
    nothing_lost(data.path(), &before).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_scoring_function() {
    let _alone = ONE_WORKER.lock().await;
    let data = tempfile::tempdir().expect("a folder");
    let before = user_data(data.path()).await;
    let model = guide_copy(data.path());
    let (app, _host) = open(data.path()).await;
    let own = app.model_import(&model).await.expect("is known still");
    let config = std::fs::read_to_string(model.join("config.json")).expect("is read");
    std::fs::write(model.join("config.json"), config.replace("sigmoid", "tanh")).expect("is written");
    for lang in LANGS {
        let check = |output: ProgramOutput| {
            let (en, zh) = ("This version cannot run this model", "当前版本无法运行这个模型");
            output.refused(lang, "model_unsupported", en, zh);
            assert!(output.err.contains("scoring_func") && output.err.contains("tanh"), "{output:?}");
        };
        check(run(cli(data.path(), lang).arg("import").arg(&model)));
        check(run(cli(data.path(), lang).args(["ask", "Hello", "--model", &own.id])));
    }
    nothing_lost(data.path(), &before).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_of_ones_own_that_was_moved() {
    let data = tempfile::tempdir().expect("a folder");
    let (app, _host) = open(data.path()).await;
    let model = guide_copy(data.path());
    let own = app.model_import(&model).await.expect("is a model");
    let moved = data.path().join("moved");
    std::fs::rename(&model, &moved).expect("is moved");
    let shown = app.models().await.expect("a list").into_iter().find(|shown| shown.id == own.id);
    assert_eq!(shown.expect("is listed").problem.expect("an error").code, ErrorCode::OwnFileMissing);
    for lang in LANGS {
        let output = run(cli(data.path(), lang).args(["ask", "Hello", "--model", &own.id]));
        output.refused(
            lang,
            "own_file_missing",
            "Your model file is not where it was",
            "你的模型文件不在原来的位置",
        );
        assert!(output.err.contains(own.path.as_deref().expect("a path")), "{output:?}");
    }
    app.model_import(&moved).await.expect("is taken from its new place");
    app.model_remove(&own.id, None).await.expect("is forgotten");
    assert!(moved.join("model.safetensors").is_file(), "forgetting deletes nothing");
}

/// The app lets the system choose a free port; only a port that the user names can be in use.
#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn a_port_in_use() {
    use std::os::unix::fs::PermissionsExt;
    let _alone = ONE_WORKER.lock().await;
    let data = tempfile::tempdir().expect("a folder");
    let before = user_data(data.path()).await;
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = taken.local_addr().expect("an address").port();
    let worker = data.path().join("worker-on-a-port.sh");
    let script = format!("#!/bin/sh\nexec '{}' \"$@\" --port {port}\n", engine_binary().display());
    std::fs::write(&worker, script).expect("is written");
    std::fs::set_permissions(&worker, std::fs::Permissions::from_mode(0o755)).expect("may run");
    for lang in LANGS {
        let output = run(cli(data.path(), lang).env("WHALEDECK_ENGINE", &worker).args(["ask", "Hello"]));
        output.refused(lang, "port_in_use", "Another program uses the same port", "端口被其他程序占用");
        assert!(output.err.contains(&port.to_string()), "{output:?}");
    }
    nothing_lost(data.path(), &before).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_network() {
    let _alone = ONE_WORKER.lock().await;
    let data = tempfile::tempdir().expect("a folder");
    let mut before = user_data(data.path()).await;
    // A port of this computer that was free a moment ago, so nothing listens on it.
    let closed =
        std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address");
    let (app, _host) = open(data.path()).await;
    before.settings.hugging_face_endpoint = format!("http://{closed}");
    before.settings.model_scope_endpoint = format!("http://{closed}");
    app.settings_save(before.settings.clone()).await.expect("are saved");
    for lang in LANGS {
        for source in ["hugging-face", "model-scope"] {
            let output = run(cli(data.path(), lang)
                .args(["pull", "deepseek-r1-distill-qwen-1.5b", "--source", source])
                .env("NO_PROXY", "*"));
            output.refused(lang, "no_network", "No connection", "没有网络连接");
            let other = if source == "model-scope" { "hugging-face" } else { "model-scope" };
            assert!(
                output.err.contains(&format!("--source {other}")),
                "the other source is offered: {output:?}"
            );
        }
    }
    let output = run(cli(data.path(), LANGS[0]).args(["ask", "Hello"]));
    assert_eq!(output.code, Some(0), "the Guide needs no network: {output:?}");
    nothing_lost(data.path(), &before).await;
}

/// Runs `whaledeck-cli ask` with its data on a full disk of three megabytes, and copies the data back.
#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk() {
    const SCRIPT: &str = r#"mount -t tmpfs -o size=3m tmpfs "$SMALL" && cp -a "$SEED/." "$SMALL" || exit 99
        head -c 8m /dev/zero > "$SMALL/filler" 2>/dev/null
        "$@"; code=$?
        rm "$SMALL/filler"; cp -a "$SMALL/." "$BACK"; exit $code"#;
    let _alone = ONE_WORKER.lock().await;
    let folder = tempfile::tempdir().expect("a folder");
    let [seed, small, back] = ["seed", "small", "back"].map(|name| folder.path().join(name));
    for folder in [&seed, &small, &back] {
        std::fs::create_dir_all(folder).expect("is made");
    }
    let before = user_data(&seed).await;
    for lang in LANGS {
        let asked = cli(&small, lang);
        let mut command = Command::new("unshare");
        command.args(["--user", "--map-root-user", "--mount", "sh", "-c", SCRIPT, "sh"]);
        command.arg(asked.get_program()).args(["ask", "What is MoE?"]);
        command.envs(asked.get_envs().filter_map(|(name, value)| Some((name, value?))));
        command.envs([("SEED", &seed), ("SMALL", &small), ("BACK", &back)]);
        let output = run(&mut command);
        if output.code == Some(99) || output.err.starts_with("unshare:") {
            println!("not run: this system does not allow to mount a small disk: {}", output.err.trim());
            return;
        }
        output.refused(lang, "disk_full", "Not enough space on the disk", "磁盘空间不足");
        nothing_lost(&back, &before).await;
    }
}

/// The error of chats that cannot be opened in a terminal, and the recoveries that it names.
#[tokio::test(flavor = "multi_thread")]
async fn chats_that_cannot_be_opened() {
    let _alone = ONE_WORKER.lock().await;
    let data = tempfile::tempdir().expect("a folder");
    let before = user_data(data.path()).await;
    let file = data.path().join("history.db");
    let made = run(cli(data.path(), LANGS[0]).args(["backups", "create"]));
    let backup = made.out.split_whitespace().next().expect("its name").to_owned();
    let whole = std::fs::read(&file).expect("reads");
    let mut newer = whole.clone();
    // `user_version` is at offset 60 of the file.
    newer[60..64].copy_from_slice(&99_u32.to_be_bytes());
    let (unreadable, unreadable_zh) = ("Your chats cannot be opened", "无法打开对话记录");
    let (too_new, too_new_zh) =
        ("Your chats were saved by a newer version of Whaledeck", "对话记录由更新版本的 Whaledeck 保存");
    for (bytes, code, en, zh) in [
        (b"no database ".repeat(900), "history_unreadable", unreadable, unreadable_zh),
        (whole[..whole.len() / 2].to_vec(), "history_unreadable", unreadable, unreadable_zh),
        (newer, "history_too_new", too_new, too_new_zh),
    ] {
        std::fs::write(&file, &bytes).expect("is written");
        for lang in LANGS {
            let output = run(cli(data.path(), lang).args(["chats", "list"]));
            output.refused(lang, code, en, zh);
            assert!(output.err.contains("history.db"), "{output:?}");
            assert_eq!(std::fs::read(&file).expect("reads"), bytes, "it is left as it was");
        }
        let listed = run(cli(data.path(), LANGS[0]).args(["backups", "list"]));
        assert!(listed.code == Some(0) && listed.out.contains(&backup), "{listed:?}");
        let read = run(cli(data.path(), LANGS[0]).args(["--read-only", "chats", "list"]));
        assert_eq!(read.out.contains(&before.chat.id), code == "history_too_new", "{read:?}");
        let restored = run(cli(data.path(), LANGS[0]).args(["backups", "restore", &backup]));
        assert_eq!(restored.code, Some(0), "{restored:?}");
        nothing_lost(data.path(), &before).await;
    }
}

/// A read-only folder, as on a write-protected USB stick: an error is shown, and the chats can still be read.
#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn a_read_only_disk() {
    const SCRIPT: &str = r#"mount -t tmpfs tmpfs "$DISK" && cp -a "$SEED/." "$DISK" && mount -o remount,ro "$DISK" || exit 99
        exec "$@""#;
    let _alone = ONE_WORKER.lock().await;
    let folder = tempfile::tempdir().expect("a folder");
    let [seed, disk] = ["seed", "disk"].map(|name| folder.path().join(name));
    for folder in [&seed, &disk] {
        std::fs::create_dir_all(folder).expect("is made");
    }
    let before = user_data(&seed).await;
    for lang in LANGS {
        let on_disk = |args: &[&str]| {
            let asked = cli(&disk, lang);
            let mut command = Command::new("unshare");
            command.args(["--user", "--map-root-user", "--mount", "sh", "-c", SCRIPT, "sh"]);
            command.arg(asked.get_program()).args(args);
            command.envs(asked.get_envs().filter_map(|(name, value)| Some((name, value?))));
            run(command.envs([("SEED", &seed), ("DISK", &disk)]))
        };
        let output = on_disk(&["chats", "list"]);
        if output.code == Some(99) || output.err.starts_with("unshare:") {
            println!("not run: this system does not allow to mount a disk: {}", output.err.trim());
            return;
        }
        output.refused(lang, "permission_denied", "Access denied", "没有访问权限");
        let read = on_disk(&["--read-only", "chats", "list"]);
        assert!(read.code == Some(0) && read.out.contains(&before.chat.id), "{read:?}");
        let asked = on_disk(&["--read-only", "ask", "Hello"]);
        asked.refused(
            lang,
            "history_read_only",
            "Your chats are open for reading only",
            "对话以只读方式打开",
        );
    }
}

/// `--version` works on a terminal without a display.
#[test]
fn the_window_s_program_says_its_version() {
    for word in ["--version", "-V"] {
        let output = run(Command::new(env!("CARGO_BIN_EXE_whaledeck")).arg(word).env_remove("DISPLAY"));
        let version = format!("whaledeck {}\n", env!("CARGO_PKG_VERSION"));
        assert_eq!((output.code, output.out, output.err), (Some(0), version, String::new()));
    }
    for (lang, words) in [(LANGS[0], "Usage: whaledeck"), (LANGS[1], "用法：whaledeck")] {
        let mut help = Command::new(env!("CARGO_BIN_EXE_whaledeck"));
        help.arg("--help").env("LANG", lang).env_remove("LC_ALL").env_remove("LC_MESSAGES");
        let output = run(help.env_remove("DISPLAY"));
        assert!(output.code == Some(0) && output.out.contains(words), "{output:?}");
    }
}

/// The desktop program without a display: an error in the user's language, and an exit code for scripts.
#[cfg(target_os = "linux")]
#[test]
fn a_missing_display() {
    for lang in LANGS {
        let mut window = Command::new(env!("CARGO_BIN_EXE_whaledeck"));
        window.env("LANG", lang).env_remove("LC_ALL").env_remove("LC_MESSAGES");
        let output = run(window.env_remove("DISPLAY").env_remove("WAYLAND_DISPLAY"));
        let (en, zh) = ("There is no display to open a window on", "没有可以打开窗口的屏幕");
        output.refused(lang, "no_display", en, zh);
        assert!(output.err.contains("whaledeck-cli chat"), "{output:?}");
        assert_eq!(output.code, Some(2), "{output:?}");
    }
}
