//! Images from the user to the model: through the app, the command line and a cloud service, with the small
//! random DeepSeek-VL2 of the fixtures and the real worker.
use std::path::{Path, PathBuf};

use contract::{AnswerEvent, EndpointSpec, ErrorCode, ErrorView, MessageView, SendRequest, Sight};
use testkit::TestCloud;

use crate::host::{ONE_WORKER, open, root};
use crate::programs::{LANGS, cli, run};

/// The size and the question of a talk in the fixture's reference.
const SIZE: (u32, u32) = (40, 31);
const QUESTION: &str = "What is this?";

/// A copy of the fixture in a folder of the user.
fn model(folder: &Path) -> PathBuf {
    let copy = folder.join("little-vl2");
    std::fs::create_dir_all(&copy).expect("is made");
    for entry in std::fs::read_dir(root().join("tests/fixtures/vl2/tiny")).expect("the fixture is there") {
        let path = entry.expect("an entry").path();
        std::fs::copy(&path, copy.join(path.file_name().expect("a name"))).expect("is copied");
    }
    copy
}

fn talk() -> serde_json::Value {
    let reference = std::fs::read(root().join("tests/fixtures/vl2/tiny/reference.json")).expect("is there");
    let reference: serde_json::Value = serde_json::from_slice(&reference).expect("is JSON");
    reference["talks"][1].clone()
}

/// A BMP with the pixels of tests/fixtures/vl2/make_pixels.py.
fn drawn((width, height): (u32, u32)) -> Vec<u8> {
    let stride = (width * 3).next_multiple_of(4);
    let size = stride * height;
    let mut bytes = b"BM".to_vec();
    for number in [54 + size, 0, 54, 40, width, height, 1 | 24 << 16, 0, size, 0, 0, 0, 0] {
        bytes.extend(number.to_le_bytes());
    }
    for y in (0..height).rev() {
        let start = bytes.len();
        for x in 0..width {
            for c in [2, 1, 0u32] {
                let mixed = x * 73 + y * 151 + c * 199 + x.wrapping_mul(y) % 251 * 31;
                bytes.push((mixed.wrapping_mul(2_654_435_761) >> 13) as u8);
            }
        }
        bytes.resize(start + stride as usize, 0);
    }
    bytes
}

async fn answer(app: &app::App, request: SendRequest) -> Result<MessageView, ErrorView> {
    let (sender, mut receiver) = tokio::sync::mpsc::unbounded_channel();
    app.answer_start(request, Box::new(move |event| drop(sender.send(event)))).await?;
    while let Some(event) = receiver.recv().await {
        match event {
            AnswerEvent::Finished { message } => return Ok(message),
            AnswerEvent::Failed { error, .. } => return Err(error),
            AnswerEvent::Started { .. }
            | AnswerEvent::Looking { .. }
            | AnswerEvent::Reading { .. }
            | AnswerEvent::Waiting { .. }
            | AnswerEvent::Called { .. }
            | AnswerEvent::Traced { .. }
            | AnswerEvent::Delta { .. }
            | AnswerEvent::Counted { .. }
            | AnswerEvent::Repeating { .. } => {}
        }
    }
    panic!("no terminal event came")
}

fn files(data: &Path) -> usize {
    std::fs::read_dir(data.join("pictures")).map_or(0, Iterator::count)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_picture_is_planned_seen_kept_and_copied() {
    let _alone = ONE_WORKER.lock().await;
    let data = tempfile::tempdir().expect("a folder");
    let (app, _host) = open(data.path()).await;
    let own = app.model_import(&model(data.path())).await.expect("is taken");
    assert!(own.takes_images, "{own:?}");
    let file = data.path().join("drawn.bmp");
    std::fs::write(&file, drawn(SIZE)).expect("is written");
    let picture = app.picture_add_file(&file).await.expect("is attached");
    assert_eq!((picture.width, picture.height, picture.kind.as_str()), (SIZE.0, SIZE.1, "image/bmp"));

    let talk = talk();
    let places = talk["mask"].as_array().expect("a list").iter().filter(|place| **place == 1).count();
    let plan = app.pictures_plan(&own.id, None, std::slice::from_ref(&picture.id)).await.expect("is planned");
    assert_eq!((plan.sight, plan.tokens as usize, plan.context), (Sight::Sees, places, Some(512)));
    let grid = [plan.each[0].columns, plan.each[0].rows];
    assert_eq!(serde_json::json!([grid]), talk["grids"]);

    let chat = app.chat_create(&own.id).await.expect("a chat");
    let mut sampling = chat.sampling.clone();
    (sampling.temperature, sampling.max_tokens) = (0.0, 8);
    app.chat_update(&chat.id, &own.id, "custom", sampling, "").await.expect("is kept");
    let request = SendRequest {
        chat_id: chat.id.clone(),
        text: QUESTION.into(),
        pictures: vec![picture.id.clone()],
        ..SendRequest::default()
    };
    let answered = answer(&app, request).await.expect("is answered");
    let read = answered.stats.as_ref().expect("has counts").prompt_tokens as usize;
    assert_eq!(read, talk["input_ids"].as_array().expect("a list").len(), "as the reference counts");
    app.worker_stop().await.expect("stops");
    drop(app);

    let (app, _host) = open(data.path()).await;
    let kept = app.chat_get(&chat.id).await.expect("is there after a restart");
    assert_eq!(kept.messages[0].pictures, std::slice::from_ref(&picture));
    assert!(app.picture_data(&picture.id).await.expect("is there").starts_with("data:image/bmp;base64,Qk"));

    // A prompt to a text-only model is refused with a suggestion, and is sent without the image when the user
    // agrees.
    app.chat_update(&chat.id, "guide", "custom", kept.sampling.clone(), "").await.expect("is kept");
    let more = |leave_out_pictures| SendRequest {
        chat_id: chat.id.clone(),
        parent_id: Some(answered.id.clone()),
        text: "What is MoE?".into(),
        leave_out_pictures,
        ..SendRequest::default()
    };
    let plan = app.pictures_plan("guide", Some(&answered.id), &[]).await.expect("is planned");
    let offer = plan.offer.expect("the own model sees");
    assert_eq!((plan.sight, plan.pictures, offer.model_id, offer.ready), (Sight::Blind, 1, own.id, true));
    let refused = answer(&app, more(false)).await.expect_err("is not left out unasked");
    assert_eq!(
        (refused.code, refused.detail["offer"].as_str()),
        (ErrorCode::UnsupportedContent, "little-vl2")
    );
    assert_eq!(app.chat_get(&chat.id).await.expect("reads").messages.len(), 2, "nothing was added");
    answer(&app, more(true)).await.expect("is answered");
    app.worker_stop().await.expect("stops");

    // The exported chat is imported on another computer.
    let copy = data.path().join("chat.json");
    app.chat_export(&chat.id, &copy).await.expect("is saved");
    let other = tempfile::tempdir().expect("a folder");
    let (there, _host) = open(other.path()).await;
    let came = there.chat_import(&copy).await.expect("is taken");
    assert_eq!((came.messages.len(), &came.messages[0].pictures), (4, &vec![picture.clone()]));
    assert_eq!(
        there.picture_data(&picture.id).await.expect("came too"),
        app.picture_data(&picture.id).await.expect("is there")
    );
    let text = std::fs::read_to_string(&copy).expect("is text");
    for (from, to) in [
        ("\"version\": 1", "\"version\": 2"),
        ("\"parent\": 0", "\"parent\": 3"),
        (picture.id.as_str(), "0000"),
        ("Qk", "QQ"),
    ] {
        std::fs::write(&copy, text.replace(from, to)).expect("is changed");
        let refused = there.chat_import(&copy).await.expect_err(from);
        assert!(
            matches!(refused.code, ErrorCode::ChatFileInvalid | ErrorCode::PictureKindUnknown),
            "{refused:?}"
        );
    }
    assert_eq!((there.chats().await.expect("lists").len(), files(other.path())), (1, 1), "nothing was added");
    there.chat_delete(&came.id).await.expect("deletes");
    assert_eq!(files(other.path()), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_picture_is_refused_before_anything_is_kept() {
    let data = tempfile::tempdir().expect("a folder");
    let (app, _host) = open(data.path()).await;
    let file = |name: &str, bytes: &[u8]| {
        let path = data.path().join(name);
        std::fs::write(&path, bytes).expect("is written");
        path
    };
    let whole = drawn((60, 40));
    let mut bomb = drawn((1, 1));
    bomb[18..22].copy_from_slice(&40_000u32.to_le_bytes());
    bomb[22..26].copy_from_slice(&40_000u32.to_le_bytes());
    let huge = file("huge.png", b"");
    std::fs::File::options().write(true).open(&huge).and_then(|f| f.set_len(33 << 20)).expect("is long");
    for (path, code) in [
        (file("words.png", b"no picture"), ErrorCode::PictureKindUnknown),
        (file("cut.bmp", &whole[..whole.len() / 2]), ErrorCode::InvalidImage),
        (file("bomb.bmp", &bomb), ErrorCode::PictureTooLarge),
        (huge, ErrorCode::PictureTooLarge),
        (data.path().join("none.png"), ErrorCode::InvalidInput),
    ] {
        let refused = app.picture_add_file(&path).await.expect_err("is no picture");
        assert_eq!(refused.code, code, "{refused:?}");
        assert!(refused.detail["path"].ends_with(path.file_name().expect("a name").to_str().expect("text")));
    }
    let broken = app.picture_add("!!!".into()).await.expect_err("is no base64");
    assert_eq!(broken.code, ErrorCode::InvalidInput);
    assert_eq!(files(data.path()), 0);

    let words = file("words.txt", b"no picture");
    let output = run(cli(data.path(), LANGS[0]).args(["ask", "What?", "--image"]).arg(&words));
    output.refused(LANGS[0], "picture_kind_unknown", "This file is not an image", "");
    let output = run(cli(data.path(), LANGS[1]).args(["ask", "What?", "--image"]).arg(&words));
    output.refused(LANGS[1], "picture_kind_unknown", "", "这个文件不是图片");
}

/// The id of an imported model that accepts images, and the path of an image.
async fn model_and_picture(data: &Path) -> (String, PathBuf) {
    let (app, _host) = open(data).await;
    let own = app.model_import(&model(data)).await.expect("is taken");
    let file = data.join("drawn.bmp");
    std::fs::write(&file, drawn(SIZE)).expect("is written");
    (own.id, file)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_terminal_shows_pictures() {
    let _alone = ONE_WORKER.lock().await;
    let data = tempfile::tempdir().expect("a folder");
    let (own, file) = model_and_picture(data.path()).await;
    let ask = |lang, model: &str, more: &[&str]| {
        let mut command = cli(data.path(), lang);
        command.args(["ask", QUESTION, "--temperature", "0", "--model", model, "--image"]).arg(&file);
        run(command.args(more))
    };
    let output = ask(LANGS[0], &own, &["--json"]);
    assert_eq!(output.code, Some(0), "{output:?}");
    let answer: serde_json::Value = serde_json::from_str(&output.out).expect("is JSON");
    let expected = talk()["input_ids"].as_array().expect("a list").len();
    assert_eq!(answer["stats"]["prompt_tokens"], expected, "{answer}");
    assert!(answer["place"].as_str().expect("a place").starts_with("CPU, "), "{answer}");
    assert_eq!(files(data.path()), 0, "a single question leaves nothing");

    for lang in LANGS {
        let refused = ask(lang, "guide", &[]);
        refused.refused(lang, "unsupported_content", "This model reads text only", "这个模型只能读文字");
        assert!(refused.err.contains("little-vl2"), "it offers one that sees: {refused:?}");
    }
    let blind = ask(LANGS[0], "guide", &["--leave-out-pictures"]);
    assert_eq!(blind.code, Some(0), "{blind:?}");

    let mut talking = cli(data.path(), LANGS[0]);
    talking.args(["chat", "--json", "--model", &own]).stdin(std::process::Stdio::piped());
    talking.stdout(std::process::Stdio::piped());
    let mut program = talking.spawn().expect("it starts");
    let line = serde_json::json!({"text": QUESTION, "images": [file]});
    std::io::Write::write_all(&mut program.stdin.take().expect("is piped"), format!("{line}\n").as_bytes())
        .expect("is typed");
    let out = String::from_utf8(program.wait_with_output().expect("it ends").stdout).expect("is text");
    let events: Vec<AnswerEvent> = out.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let Some(AnswerEvent::Started { user: Some(user), .. }) = events.first() else { panic!("{out}") };
    assert_eq!(user.pictures.len(), 1);
    assert!(matches!(events.last(), Some(AnswerEvent::Finished { .. })), "{out}");

    let listed = run(cli(data.path(), LANGS[0]).args(["chats", "list"]));
    let id = listed.out.split("  ").next().expect("an id");
    let copy = data.path().join("copy.json");
    let saved = run(cli(data.path(), LANGS[1]).args(["chats", "export", id]).arg(&copy));
    assert!(saved.out.contains("对话已保存到"), "{saved:?}");
    let added = run(cli(data.path(), LANGS[0]).args(["chats", "import"]).arg(&copy));
    assert!(added.out.contains("was added"), "{added:?}");
    let wrong = run(cli(data.path(), LANGS[0]).args(["chats", "import"]).arg(&file));
    wrong.refused(LANGS[0], "chat_file_invalid", "This file is not a saved chat", "");
}

/// `script` runs the program on a terminal of its own and forwards every byte of its output.
#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn a_terminal_is_told_how_far_a_look_is_and_is_left_clean() {
    const CLEARED: &str = "\u{1b}[2K";
    let _alone = ONE_WORKER.lock().await;
    let data = tempfile::tempdir().expect("a folder");
    let (own, file) = model_and_picture(data.path()).await;
    for (lang, looking) in LANGS.into_iter().zip(["Processing the image: ", "正在处理图片："]) {
        let mut command = cli(data.path(), lang);
        command.args(["ask", QUESTION, "--temperature", "0", "--model", &own, "--image"]).arg(&file);
        let mut terminal = std::process::Command::new("script");
        terminal.args([
            "-q",
            "-e",
            "-c",
            "\"$PROGRAM\" ask \"$QUESTION\" --temperature 0 --model \"$MODEL\" --image \"$FILE\"",
        ]);
        terminal.arg("/dev/null").envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
        terminal.env("PROGRAM", command.get_program()).env("QUESTION", QUESTION).env("MODEL", &own);
        terminal
            .env("FILE", &file)
            .env_remove("LC_ALL")
            .env_remove("LC_MESSAGES")
            .stdin(std::process::Stdio::null());
        let seen = run(&mut terminal);
        let (_, after) =
            seen.out.rsplit_once(looking).unwrap_or_else(|| panic!("no `{looking}` in {seen:?}"));
        let (percent, rest) = after.split_once('%').expect("a number");
        assert!(percent.parse::<u32>().is_ok_and(|percent| percent <= 100), "{seen:?}");
        assert!(seen.code == Some(0) && rest.contains(CLEARED), "{seen:?}");

        let kept = run(&mut command);
        assert_eq!((kept.code, kept.err.as_str()), (Some(0), ""), "{kept:?}");
        let answer = kept.out.trim();
        assert!(!answer.is_empty() && !kept.out.contains(CLEARED) && !kept.out.contains(looking), "{kept:?}");
        let (_, shown) = rest.rsplit_once(CLEARED).expect("was cleared");
        assert_eq!(shown.trim().replace("\r\n", "\n"), answer, "the line is gone before the answer");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pictures_go_to_a_cloud_as_data_urls_and_are_left_out_only_when_agreed() {
    let cloud = TestCloud::with_auth_header(None).await.expect("starts");
    let data = tempfile::tempdir().expect("a folder");
    let (app, _host) = open(data.path()).await;
    let spec = EndpointSpec {
        provider_id: "custom".into(),
        name: "Lab".into(),
        address: cloud.address().into(),
        // Without a key the keyring is not used.
        key: String::new(),
        models: vec!["big".into()],
    };
    app.endpoint_add(spec).await.expect("is added");
    let file = data.path().join("drawn.bmp");
    std::fs::write(&file, drawn(SIZE)).expect("is written");
    let picture = app.picture_add_file(&file).await.expect("is attached").id;
    let plan =
        app.pictures_plan("cloud:lab/big", None, std::slice::from_ref(&picture)).await.expect("is planned");
    assert_eq!((plan.sight, plan.each.len()), (Sight::Unknown, 0));
    let chat = app.chat_create("cloud:lab/big").await.expect("a chat");
    let request = SendRequest {
        chat_id: chat.id,
        text: QUESTION.into(),
        pictures: vec![picture],
        ..SendRequest::default()
    };
    answer(&app, request.clone()).await.expect("is answered");
    let content = || {
        let body: serde_json::Value =
            serde_json::from_str(&cloud.requests().last().expect("was asked").body).expect("is JSON");
        body["messages"][0]["content"].clone()
    };
    let shown = content();
    assert_eq!((&shown[0]["type"], &shown[1]["text"]), (&"image_url".into(), &QUESTION.into()));
    let url = shown[0]["image_url"]["url"].as_str().expect("a text");
    assert!(url.starts_with("data:image/bmp;base64,Qk"), "{url}");
    answer(&app, SendRequest { leave_out_pictures: true, ..request }).await.expect("is answered");
    let output = content();
    assert_eq!(output, format!("[Here is a picture of 40x31 pixels that you cannot see.]\n{QUESTION}"));
}
