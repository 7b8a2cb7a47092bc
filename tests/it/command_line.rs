//! The command line for programs: JSON in, JSON out, and a download that is paused and resumed.
//! The worker is the real one with the Guide; downloads come from the test hub.
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use contract::{AnswerEvent, DownloadState, DownloadView, ModelView, SizingView, Verdict};
use testkit::{Fault, FaultTarget, TestHub};

use crate::host::{ONE_WORKER, open};
use crate::programs::{LANGS, ProgramOutput, cli, guide_copy, lines, run};

/// A model of the catalogue; the test hub serves the Guide's files under its name.
const MODEL: &str = "deepseek-r1-distill-qwen-1.5b";
const FOLDER: &str = "deepseek-r1-distill-qwen-1.5b@bf16";
const REPOSITORY: &str = "deepseek-ai/DeepSeek-R1-Distill-Qwen-1.5B";

#[tokio::test(flavor = "multi_thread")]
async fn a_program_talks_in_lines() {
    let _alone = ONE_WORKER.lock().await;
    let data = tempfile::tempdir().expect("a folder");
    let mut program = cli(data.path(), LANGS[0])
        .args(["chat", "--json"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut typed = program.stdin.take().expect("is piped");
    typed.write_all(b"{\"text\": \"Hello\"}\nnot json\n{\"text\": \"What is MoE?\"}\n").expect("is typed");
    drop(typed);
    let output = ProgramOutput::of(program.wait_with_output().expect("it ends"));
    assert_eq!(output.code, Some(0), "{output:?}");
    let all: Vec<serde_json::Value> = lines(&output.out);
    assert_eq!((&all[0]["kind"], &all[0]["model_id"]), (&"chat".into(), &"guide".into()));
    let refused = all.iter().filter(|line| line["kind"] == "error").collect::<Vec<_>>();
    assert_eq!(refused.len(), 1, "{all:?}");
    assert_eq!(refused[0]["error"]["code"], "invalid_input");
    let events = all.iter().skip(1).filter(|line| line["kind"] != "error");
    let events: Vec<AnswerEvent> =
        events.map(|line| serde_json::from_value(line.clone()).expect("an event of the contract")).collect();
    let finished = events.iter().filter(|event| matches!(event, AnswerEvent::Finished { .. })).count();
    assert_eq!(finished, 2, "{events:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_whose_answer_nobody_reads_leaves_no_chat() {
    let _alone = ONE_WORKER.lock().await;
    let data = tempfile::tempdir().expect("a folder");
    let unread = std::io::pipe().expect("a pipe").1;
    let output = ProgramOutput::of(
        cli(data.path(), LANGS[0]).args(["ask", "Hello"]).stdout(unread).output().expect("the program runs"),
    );
    assert_eq!((output.code, output.err.as_str()), (Some(0), ""));
    let chats = run(cli(data.path(), LANGS[0]).args(["chats", "list", "--json"]));
    assert_eq!(lines::<serde_json::Value>(&chats.out), [serde_json::json!([])], "{chats:?}");
}

/// The Guide with R1's published template, whose prompt opens `<think>`: all of its output is thinking.
#[tokio::test(flavor = "multi_thread")]
async fn thoughts_are_kept_apart_from_the_answer_in_a_pipe() {
    let _alone = ONE_WORKER.lock().await;
    let data = tempfile::tempdir().expect("a folder");
    let copy = guide_copy(data.path());
    let template = crate::host::root().join("tests/fixtures/text/templates/r1.jinja");
    std::fs::copy(template, copy.join("chat_template.jinja")).expect("is copied");
    let imported = run(cli(data.path(), LANGS[0]).arg("import").arg(&copy).arg("--json"));
    let [model] = &lines::<ModelView>(&imported.out)[..] else { panic!("{imported:?}") };
    for (lang, thinking, answer) in
        [(LANGS[0], "Thinking:\n", "\n\nAnswer:\n"), (LANGS[1], "思考：\n", "\n\n回答：\n")]
    {
        let output =
            run(cli(data.path(), lang).args(["ask", "Hello", "--model", &model.id, "--temperature", "0"]));
        assert_eq!((output.code, output.out.as_str()), (Some(0), "\n"), "{output:?}");
        assert!(
            output.err.starts_with(thinking) && output.err.contains(answer) && output.err.len() > 40,
            "{output:?}"
        );
    }
    // The Guide with its own template does not think.
    let output = run(cli(data.path(), LANGS[0]).args(["ask", "Hello", "--temperature", "0"]));
    assert!(output.out.len() > 10 && output.err.is_empty(), "{output:?}");
}

#[test]
fn a_model_is_sized_with_the_conversations_that_are_asked_for() {
    let data = tempfile::tempdir().expect("a folder");
    for (lang, sequences, output) in [
        (LANGS[0], "1", "One conversation of 163,840 tokens\n"),
        (LANGS[1], "4", "同时 4 个对话，每个 163,840 词元\n"),
    ] {
        let words =
            ["sizing", "--model", "deepseek-r1", "--precision", "fp8", "--context", "163840", "--sequences"];
        let sized = |more: &[&str]| run(cli(data.path(), lang).args(words).arg(sequences).args(more));
        let shown = sized(&[]);
        assert!(shown.code == Some(0) && shown.out.contains(output), "{shown:?}");
        let view: SizingView = serde_json::from_str(sized(&["--json"]).out.trim()).expect("is JSON");
        // For each conversation, on each GPU of the model.
        let asked = 163_840.0 * 70_272.0 * f64::from(view.sequences);
        assert!(view.here.verdict == Verdict::ShortContext || view.here.kv >= asked, "{:?}", view.here);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn models_come_and_go() {
    let data = tempfile::tempdir().expect("a folder");
    let copy = guide_copy(data.path());
    let imported = run(cli(data.path(), LANGS[0]).arg("import").arg(&copy).arg("--json"));
    let [model] = &lines::<ModelView>(&imported.out)[..] else { panic!("{imported:?}") };
    assert_eq!(model.path.as_deref(), copy.to_str());
    let shown = run(cli(data.path(), LANGS[1]).arg("models"));
    assert!(shown.out.contains(&model.id) && shown.out.contains("你自己的文件"), "{shown:?}");
    let removed = run(cli(data.path(), LANGS[0]).args(["remove", &model.id]));
    assert!(removed.out.contains("the files stay in"), "{removed:?}");
    assert!(copy.join("model.safetensors").is_file());
    let again = run(cli(data.path(), LANGS[1]).args(["remove", &model.id]));
    again.refused(LANGS[1], "model_not_found", "This model is not on your disk", "磁盘上没有这个模型");
}

/// A data folder whose sources are the test hub.
async fn with_hub(data: &Path) -> TestHub {
    let served = guide_copy(data);
    let hub = TestHub::start(&[(REPOSITORY, &served)]).await.expect("the hub starts");
    let (app, _host) = open(data).await;
    let mut settings = app.settings().await.expect("settings");
    settings.hugging_face_endpoint = hub.hugging_face_endpoint().into();
    settings.model_scope_endpoint = hub.model_scope_endpoint().into();
    app.settings_save(settings).await.expect("are saved");
    hub
}

fn pull(data: &Path, more: &[&str]) -> Command {
    let mut command = cli(data, LANGS[0]);
    command.args(["pull", MODEL]).args(more);
    command
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn a_download_is_paused_by_ctrl_c_and_goes_on() {
    let data = tempfile::tempdir().expect("a folder");
    let hub = with_hub(data.path()).await;
    hub.inject(Fault::stall_after(FaultTarget::File("model.safetensors".into()), 2_000_000).always());
    let mut paused = pull(data.path(), &["--variant", "bf16", "--json"]);
    let mut program = paused.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
    let mut out = BufReader::new(program.stdout.take().expect("is piped"));
    let mut text = String::new();
    out.read_line(&mut text).expect("a line");
    let view: DownloadView = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
    assert_eq!(view.model_id, MODEL);
    let result = Command::new("kill").args(["-INT", &program.id().to_string()]).status();
    assert!(result.expect("kill runs").success());
    let rest: Vec<String> = out.lines().map(|line| line.expect("a line")).collect();
    assert_eq!(program.wait().expect("it ends").code(), Some(130));
    let last: serde_json::Value = serde_json::from_str(rest.last().expect("a line")).expect("JSON");
    assert_eq!(last["error"]["code"], "cancelled");
    let command = last["error"]["detail"]["command"].as_str().expect("says how to go on");
    assert!(command.starts_with(&format!("whaledeck-cli pull {MODEL} --variant ")), "{command}");

    hub.clear_faults();
    let words: Vec<&str> = command.split(' ').skip(3).collect();
    let output = run(&mut pull(data.path(), &words));
    assert_eq!(output.code, Some(0), "{output:?}");
    assert!(output.out.contains("is here and checked") && output.err.contains("downloading"), "{output:?}");
    assert!(data.path().join("models").join(FOLDER).join("model.json").is_file());

    let again = run(&mut pull(data.path(), &["--variant", "bf16", "--source", "model-scope", "--json"]));
    assert_eq!(again.code, Some(0), "{again:?}");
    let views: Vec<DownloadView> = lines(&again.out);
    assert_eq!(views.last().expect("a view").state, DownloadState::Ready);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mistyped_variant_is_told_what_there_is() {
    let data = tempfile::tempdir().expect("a folder");
    let output = run(&mut pull(data.path(), &["--variant", "q9"]));
    output.refused(LANGS[0], "invalid_input", "This value is not allowed", "这个值不允许");
    assert!(output.err.contains("bf16"), "{output:?}");
}
