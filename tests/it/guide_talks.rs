//! Chats of ten turns with the Guide through the real worker: each answer equals the fact's answer in
//! training/guide-model/data, whatever the earlier turns were. It does not know how the Guide was trained.
use contract::{AnswerEvent, MessageState, SamplingView};

use crate::host::{ONE_WORKER, ask_after, open, root};

/// The answer to a fact in the training data.
fn fact(id: &str, lang: &str) -> String {
    for file in ["app", "fit", "models", "terms"] {
        let path = root().join(format!("training/guide-model/data/{file}.toml"));
        let text = std::fs::read_to_string(path).expect("the facts are there");
        let facts: toml::Table = text.parse().expect("they are TOML");
        if let Some(answer) = facts["fact"].get(id).and_then(|fact| fact.get(lang)) {
            return answer.as_str().expect("an answer is text").to_owned();
        }
    }
    panic!("no fact {id}");
}

/// Topics and languages change from turn to turn; one question asks for the answer before it once more.
const TALK: [(&str, &str, &str); 10] = [
    ("about", "en", "What can I do with Whaledeck?"),
    ("card24", "en", "Which DeepSeek model should I run on a 24 GB GPU?"),
    ("moe", "zh", "混合专家是什么意思？"),
    ("presets", "en", "What do the presets change?"),
    ("unknown", "en", "Write a 500 word essay about the history of Portugal"),
    ("pause", "zh", "怎么暂停下载？"),
    ("pause", "en", "Say that in English"),
    ("ram16", "en", "My laptop has 16 GB of memory, which model?"),
    ("unknown", "zh", "法国的首都是哪里？"),
    ("thanks", "zh", "谢谢"),
];

#[tokio::test(flavor = "multi_thread")]
async fn ten_turns_are_answered_by_the_last_question_at_any_temperature() {
    let _alone = ONE_WORKER.lock().await;
    let data = tempfile::tempdir().expect("a folder");
    let (app, _host) = open(data.path()).await;
    for (temperature, frequency_penalty, instructions) in
        [(0.6, 0.7, ""), (1.0, 0.0, "Answer like a pirate.")]
    {
        let chat = app.chat_create("guide").await.expect("a chat");
        let sampling = SamplingView {
            temperature,
            top_p: 1.0,
            frequency_penalty,
            seed: Some(7),
            ..SamplingView::default()
        };
        app.chat_update(&chat.id, "guide", "custom", sampling, instructions).await.expect("it is kept");
        let mut last: Option<String> = None;
        for (id, lang, question) in TALK {
            let events = ask_after(&app, &chat.id, last.as_deref(), question).await;
            let Some(AnswerEvent::Finished { message }) = events.last() else {
                panic!("{question}: {events:?}")
            };
            assert_eq!(message.state, MessageState::Done, "{question}");
            assert_eq!(message.text.trim(), fact(id, lang), "{question} at {temperature}");
            last = Some(message.id.clone());
        }
    }
    app.worker_stop().await.expect("the worker stops");
}
