//! Documents of a chat: a short one is in the prompt as a whole, a long one is searched for the question and
//! the answer keeps the passages with their pages. Both go with the chat to a file and back, and survive the
//! end of the process.
use std::path::PathBuf;

use contract::{AnswerEvent, ContextQuery, ErrorCode, MessageView, SendRequest};
use testkit::{PLAIN_TEMPLATE, ScriptModel};

use crate::host::{ONE_WORKER, open};
use crate::scripts::import;

async fn send(app: &app::App, request: SendRequest) -> MessageView {
    let (sender, mut receiver) = tokio::sync::mpsc::unbounded_channel();
    app.answer_start(request, Box::new(move |event| drop(sender.send(event)))).await.expect("starts");
    while let Some(event) = receiver.recv().await {
        match event {
            AnswerEvent::Finished { message } => return message,
            AnswerEvent::Failed { error, .. } => panic!("{error:?}"),
            _ => {}
        }
    }
    panic!("no end came");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_short_document_is_whole_in_the_prompt_and_goes_with_the_chat() {
    let _alone = ONE_WORKER.lock().await;
    let data = tempfile::tempdir().expect("a folder");
    let (app, _host) = open(data.path()).await;
    let model = import(&app, data.path(), "reads", &ScriptModel::new(PLAIN_TEMPLATE, &["Read."])).await;
    let file = data.path().join("town.md");
    std::fs::write(&file, "# Town\n\nEllen Voss opened the harbour.\n").expect("is written");
    let document = app.document_add_file(&file).await.expect("is read");
    assert_eq!((document.name.as_str(), document.pages, document.tokens > 5), ("town.md", 1, true));
    let chat = app.chat_create(&model).await.expect("a chat");
    let query = |documents: Vec<String>| ContextQuery {
        model_id: model.clone(),
        chat_id: Some(chat.id.clone()),
        text: "Who?".into(),
        documents,
        ..ContextQuery::default()
    };
    let without = app.context_use(query(Vec::new())).await.expect("is estimated");
    let with = app.context_use(query(vec![document.id.clone()])).await.expect("is estimated");
    assert!(with.tokens > without.tokens + 10 && !with.searched, "{with:?}");
    let request = SendRequest {
        chat_id: chat.id.clone(),
        text: "Who?".into(),
        documents: vec![document.id.clone()],
        ..SendRequest::default()
    };
    let answer = send(&app, request).await;
    // A token of the script model is a byte: the whole file was read.
    let read = answer.stats.expect("is counted").prompt_tokens;
    assert!(read > "Ellen Voss opened the harbour. [file content begin] Who?".len() as u32, "{read}");
    assert!(answer.passages.is_empty());

    let saved = data.path().join("chat.json");
    app.chat_export(&chat.id, &saved).await.expect("is saved");
    app.chat_delete(&chat.id).await.expect("is deleted");
    let gone = app.document_page(&document.id, 1).await.expect_err("went with the chat");
    assert_eq!(gone.code, ErrorCode::DocumentMissing);
    let back = app.chat_import(&saved).await.expect("is added");
    assert_eq!(back.messages[0].documents, std::slice::from_ref(&document));
    let page = app.document_page(&document.id, 1).await.expect("is there again");
    assert!(page.text.contains("Ellen Voss"), "{page:?}");
    app.worker_stop().await.expect("stops");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_book_of_400_pages_is_searched_and_the_page_of_the_fact_is_cited() {
    let Some(folder) = std::env::var_os("WHALEDECK_DOCUMENTS").map(PathBuf::from) else {
        println!("not run: WHALEDECK_DOCUMENTS names no folder of documents (make test sets it)");
        return;
    };
    let _alone = ONE_WORKER.lock().await;
    let data = tempfile::tempdir().expect("a folder");
    let (app, _host) = open(data.path()).await;
    let script = ScriptModel::new(PLAIN_TEMPLATE, &["It was ", "Ottoline Brask ", "[citation:1]."]);
    let model = import(&app, data.path(), "searches", &script).await;
    let book = app.document_add_file(&folder.join("harbours.pdf")).await.expect("is read");
    assert_eq!(book.pages, 400);
    let chat = app.chat_create(&model).await.expect("a chat");
    // A model that is loaded counts exactly.
    send(&app, SendRequest { chat_id: chat.id.clone(), text: "Hello".into(), ..SendRequest::default() })
        .await;
    for (question, page, fact) in [
        ("What was the lighthouse keeper called?", 237, "Ottoline Brask"),
        ("How many berths has the harbour of Skell-90?", 90, "270 berths"),
    ] {
        let request = SendRequest {
            chat_id: chat.id.clone(),
            text: question.into(),
            documents: vec![book.id.clone()],
            ..SendRequest::default()
        };
        let answer = send(&app, request).await;
        let cited = answer.passages.iter().find(|passage| passage.text.contains(fact));
        let cited = cited.unwrap_or_else(|| panic!("{question}: {:?}", answer.passages));
        assert_eq!((cited.page, cited.name.as_str()), (page, "harbours.pdf"), "{question}");
        let shown = app.document_page(&book.id, cited.page).await.expect("the page opens");
        assert!(shown.text.contains(fact), "{question}");
        let stats = answer.stats.expect("is counted");
        assert!(stats.prompt_tokens < 16_384, "the prompt fits: {}", stats.prompt_tokens);
    }
    // The passages stay with the answer.
    let again = app.chat_get(&chat.id).await.expect("reads");
    assert!(!again.messages.last().expect("an answer").passages.is_empty());
    app.worker_stop().await.expect("stops");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_read_is_refused_before_anything_is_stored() {
    let data = tempfile::tempdir().expect("a folder");
    let (app, _host) = open(data.path()).await;
    for (name, content, code) in [
        ("empty.txt", &b""[..], ErrorCode::DocumentEmpty),
        ("program.bin", b"\x7fELF\x02\x01\x01\x00\x00\x00", ErrorCode::DocumentUnsupported),
        ("cut.pdf", b"%PDF-1.7\n", ErrorCode::DocumentInvalid),
    ] {
        let path = data.path().join(name);
        std::fs::write(&path, content).expect("is written");
        let error = app.document_add_file(&path).await.expect_err(name);
        assert_eq!(error.code, code, "{name}: {error:?}");
    }
    assert_eq!(app.document_discard("no such").await, Ok(()));
}
