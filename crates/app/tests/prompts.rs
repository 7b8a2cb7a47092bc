//! The library of prompts: what is saved is there after a restart and for another process, nothing is lost
//! when the list cannot be read or written, and a file of prompts is added whole or not at all.
mod common;

use std::collections::BTreeMap;

use app::App;
use common::open;
use contract::{ErrorCode, ErrorView, PromptDraft, PromptPart, SavedPrompt};
use messages::Lang;

fn draft(id: Option<&str>, name: &str, text: &str) -> PromptDraft {
    PromptDraft { id: id.map(str::to_owned), name: name.into(), text: text.into() }
}

async fn save(app: &App, id: Option<&str>, name: &str, text: &str) -> Result<SavedPrompt, ErrorView> {
    app.prompt_save(draft(id, name, text), Lang::En).await
}

/// The names of the user's prompts.
async fn own(app: &App) -> Vec<String> {
    let library = app.prompts(Lang::En).await.expect("lists");
    library.prompts.into_iter().filter(|prompt| !prompt.example).map(|prompt| prompt.name).collect()
}

#[tokio::test]
async fn a_prompt_is_saved_changed_and_removed() {
    let folder = tempfile::tempdir().expect("a folder");
    let app = open(folder.path()).await;
    let saved = save(&app, None, " Review ", "Review {{code}}\n").await.expect("is saved");
    assert_eq!((saved.name.as_str(), saved.text.as_str()), ("Review", "Review {{code}}"));
    assert_eq!(saved.parts[1], PromptPart::Variable { name: "code".into(), default: String::new() });
    save(&app, None, "审阅", "请审阅{{代码}}").await.expect("a name needs no English letter");
    assert_eq!(save(&app, None, "REVIEW", "x").await.expect_err("is taken").code, ErrorCode::PromptNameTaken);
    save(&app, Some(&saved.id), "Review", "Changed").await.expect("its own name is not taken");

    let other = open(folder.path()).await;
    assert_eq!(own(&other).await, ["Review", "审阅"]);
    other.prompt_remove(&saved.id).await.expect("is removed");
    assert_eq!(own(&app).await, ["审阅"]);
    let gone = save(&app, Some(&saved.id), "Review", "x").await.expect_err("is gone");
    assert_eq!(gone.code, ErrorCode::PromptNotFound);
    for (name, text) in [("", "x"), ("x", " \n"), ("a\nb", "x"), (&"x".repeat(81), "x")] {
        let error = save(&app, None, name, text).await.expect_err("is refused");
        assert_eq!(error.code, ErrorCode::InvalidInput, "{name}");
    }
}

#[tokio::test]
async fn examples_are_hidden_shown_again_and_replaced() {
    let folder = tempfile::tempdir().expect("a folder");
    let app = open(folder.path()).await;
    let all = app.prompts(Lang::En).await.expect("lists");
    assert!(all.prompts.iter().all(|prompt| prompt.example) && all.hidden_examples == 0);
    let first = &all.prompts[0];
    app.prompt_remove(&first.id).await.expect("is hidden");
    let hidden = app.prompts(Lang::Zh).await.expect("lists");
    assert_eq!((hidden.hidden_examples, hidden.prompts.len() + 1), (1, all.prompts.len()));

    let second = &all.prompts[1];
    let mine = save(&app, Some(&second.id), &second.name, "Mine {{x}}").await.expect("takes its place");
    assert!(!mine.example && mine.id != second.id);
    assert_eq!(app.prompts(Lang::En).await.expect("lists").hidden_examples, 2);
    app.prompt_examples_show().await.expect("are shown");
    let shown = app.prompts(Lang::En).await.expect("lists");
    assert_eq!((shown.hidden_examples, shown.prompts.len()), (0, all.prompts.len() + 1));
}

#[tokio::test]
async fn prompts_travel_in_a_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let app = open(folder.path()).await;
    save(&app, None, "One", "1 {{a|b}}").await.expect("is saved");
    save(&app, None, "Two", "2").await.expect("is saved");
    let file = folder.path().join("prompts-out.json");
    app.prompts_export(&file).await.expect("is written");
    assert_eq!(app.prompts_import(&file, Lang::En).await, Ok(0), "they are there already");

    let other = tempfile::tempdir().expect("a folder");
    let app = open(other.path()).await;
    save(&app, None, "two", "another").await.expect("is saved");
    assert_eq!(app.prompts_import(&file, Lang::En).await, Ok(2));
    assert_eq!(own(&app).await, ["One", "two", "Two 2"]);

    for text in [
        "",
        "{}",
        r#"{"format": "whaledeck-prompts", "version": 2, "prompts": []}"#,
        r#"{"format": "whaledeck-prompts", "version": 1, "prompts": [{"name": "A", "text": "x"}, {"name": ""}]}"#,
        r#"{"format": "whaledeck-prompts", "version": 1, "prompts": [{"name": "", "text": "x"}]}"#,
    ] {
        std::fs::write(&file, text).expect("is written");
        let error = app.prompts_import(&file, Lang::En).await.expect_err("is refused");
        assert_eq!(error.code, ErrorCode::PromptFileInvalid, "{text}");
        assert_eq!(error.detail["path"], file.display().to_string());
    }
    assert_eq!(own(&app).await, ["One", "two", "Two 2"], "nothing was added");
    let missing = app.prompts_import(&other.path().join("none.json"), Lang::En).await;
    assert_eq!(missing.expect_err("is refused").code, ErrorCode::PromptFileInvalid);
    let nowhere = app.prompts_export(&other.path().join("no/out.json")).await;
    assert!(nowhere.expect_err("is refused").detail["path"].ends_with("out.json"));
}

#[tokio::test]
async fn a_list_that_cannot_be_used_is_told_and_kept() {
    let folder = tempfile::tempdir().expect("a folder");
    let list = folder.path().join("prompts.json");
    std::fs::write(&list, "{\"version\": 1, \"prompts\": [").expect("is written");
    let app = open(folder.path()).await;
    let problems = app.start_problems();
    let told = problems.iter().find(|problem| problem.code == ErrorCode::PromptsUnreadable).expect("is told");
    assert!(std::fs::read_to_string(&told.detail["path"]).expect("is kept").contains("prompts"));
    save(&app, None, "New", "x").await.expect("it goes on");

    // A folder of this name can be neither read nor replaced, as a file on a full disk cannot.
    std::fs::remove_file(&list).expect("is removed");
    std::fs::create_dir_all(list.join("inside")).expect("is made");
    assert!(app.prompts(Lang::En).await.is_err());
    assert!(save(&app, None, "Other", "x").await.is_err());
    assert!(list.join("inside").is_dir());
}

#[tokio::test]
async fn a_prompt_is_filled_in_by_name() {
    let folder = tempfile::tempdir().expect("a folder");
    let app = open(folder.path()).await;
    save(&app, None, "Greet", "{{who}}: {{greeting|Hello}}, {{date}}").await.expect("is saved");
    let filled = async |name: &str, values: &[(&str, &str)]| {
        let values: BTreeMap<String, String> =
            values.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        app.prompt_filled(name, values, Lang::En).await
    };
    let greeting = filled("greet", &[("who", "Ellen")]).await.expect("is filled in");
    assert!(greeting.starts_with("Ellen: Hello, ") && !greeting.contains("{{"), "{greeting}");
    let dated = filled("Greet", &[("who", "Ellen"), ("date", "today")]).await;
    assert_eq!(dated.expect("is filled in"), "Ellen: Hello, today");
    let missing = filled("Greet", &[]).await.expect_err("asks");
    assert_eq!((missing.code, missing.detail["name"].as_str()), (ErrorCode::PromptValueMissing, "who"));
    let unknown = filled("Greet", &[("whom", "x")]).await.expect_err("is refused");
    assert_eq!((unknown.code, unknown.detail["name"].as_str()), (ErrorCode::PromptValueUnknown, "whom"));
    assert_eq!(filled("Nobody", &[]).await.expect_err("is not there").code, ErrorCode::PromptNotFound);
}
