//! Cloud services as they are and as they misbehave: each dialect at every split, each refusal by its name,
//! and a key that reaches nobody but the service it is for.
use std::time::Duration;

use endpoint::{
    Address, ChatDelta, ChatMessage, ChatRequest, Dialect, Endpoint, EndpointError, Step, provider,
};
use futures_util::StreamExt;
use testkit::{CloudResponse, DEEPSEEK, StreamEnd, TRANSFORMERS, TestCloud};

const KEY: &str = "sk-marked-4711";
/// The longest silence in these tests.
const LIMIT: Duration = Duration::from_millis(700);

fn endpoint(cloud: &TestCloud, dialect: Dialect) -> Endpoint {
    let address = Address::parse(&format!("{}/api/v3", cloud.address())).expect("is an address");
    Endpoint::for_service(address, Some(KEY.into()), dialect).with_limit(LIMIT)
}

fn custom() -> Dialect {
    provider("custom").expect("is there").dialect.clone()
}

async fn ask(endpoint: &Endpoint) -> Result<Vec<Result<ChatDelta, EndpointError>>, EndpointError> {
    let request = ChatRequest {
        model: "m".into(),
        messages: vec![ChatMessage::new("user", "Hi")],
        ..ChatRequest::default()
    };
    Ok(endpoint.chat(&request).await?.collect().await)
}

/// Thinking, text, finish reason and the error at the end.
fn joined(
    heard: &[Result<ChatDelta, EndpointError>],
) -> (String, String, Option<&str>, Option<&EndpointError>) {
    let deltas = || heard.iter().flatten();
    (
        deltas().map(|delta| delta.reasoning.as_str()).collect(),
        deltas().map(|delta| delta.text.as_str()).collect(),
        deltas().find_map(|delta| delta.finish.as_deref()),
        heard.iter().find_map(|item| item.as_ref().err()),
    )
}

fn event(delta: &str, finish: &str) -> String {
    format!("data: {{\"choices\":[{{\"index\":0,\"delta\":{delta},\"finish_reason\":{finish}}}]}}\n\n")
}

/// The same answer as services write it.
fn dialects() -> Vec<(&'static str, String)> {
    let end = event("{}", "\"stop\"") + "data: [DONE]\n\n";
    let fields = |thinking: &str| {
        let thought = event(&format!("{{{thinking},\"content\":\"\"}}"), "null");
        thought
            + &event("{\"content\":\"A whale \"}", "null")
            + &event("{\"content\":\"是鲸。\"}", "\"\"")
            + &end
    };
    let tags = ["<thi", "nk>想", "一想</th", "ink>A whale ", "是鲸。"];
    let tags: String = tags.map(|piece| event(&format!("{{\"content\":\"{piece}\"}}"), "null")).concat();
    let crlf = fields("\"reasoning\":\"想一想\"").replace('\n', "\r\n");
    vec![
        ("deepseek", DEEPSEEK.to_owned()),
        ("transformers serve", TRANSFORMERS.to_owned()),
        (
            "openrouter",
            format!(
                ": OPENROUTER PROCESSING\n\n{}",
                fields("\"reasoning\":\"想一想\",\"reasoning_details\":[{\"type\":\"x\"}]")
            ),
        ),
        ("nim", fields("\"reasoning_content\":null,\"reasoning\":\"想一想\"")),
        ("ollama", fields("\"thinking\":\"想一想\"")),
        ("tags in the text", tags + &end),
        ("carriage returns", crlf),
        ("no done", fields("\"reasoning_content\":\"想一想\"").replace("data: [DONE]\n\n", "")),
        (
            "azure",
            format!(
                "data: {{\"choices\":[],\"prompt_filter_results\":[]}}\n\n{}",
                fields("\"reasoning_content\":\"想一想\"")
            ),
        ),
        (
            "null lists and odd counts",
            format!(
                "data: {{\"choices\":null,\"usage\":\"none\"}}\n\n{}",
                fields("\"reasoning_content\":\"想一想\",\"refusal\":null")
            ),
        ),
    ]
}

#[tokio::test]
async fn every_dialect_says_the_same_at_every_split() {
    let cloud = TestCloud::start(KEY).await.expect("starts");
    let endpoint = endpoint(&cloud, custom());
    let said = ("想一想".to_owned(), "A whale 是鲸。".to_owned(), Some("stop"), None);
    for (name, body) in dialects() {
        for at in 0..=body.len() {
            cloud.set_chat_response(CloudResponse::stream(body.clone()).split(at));
            let heard = ask(&endpoint).await.unwrap_or_else(|error| panic!("{name} at {at}: {error}"));
            assert_eq!(joined(&heard), said, "{name} at {at}");
        }
        cloud.set_chat_response(CloudResponse {
            parts: body.bytes().map(|byte| vec![byte]).collect(),
            ..CloudResponse::stream("")
        });
        assert_eq!(joined(&ask(&endpoint).await.expect("answers")), said, "{name} byte by byte");
    }
}

#[tokio::test]
async fn counts_come_with_the_end_or_after_it() {
    let cloud = TestCloud::start(KEY).await.expect("starts");
    let endpoint = endpoint(&cloud, custom());
    for body in [DEEPSEEK, TRANSFORMERS] {
        cloud.set_chat_response(CloudResponse::stream(body));
        let heard = ask(&endpoint).await.expect("answers");
        let usage = heard.iter().flatten().find_map(|delta| delta.usage.clone()).expect("counts");
        assert_eq!((usage.prompt_tokens.0, usage.completion_tokens.0), (9, 6));
    }
}

/// `transformers serve` as it was seen: no list where nothing was downloaded, strict about what it does not
/// know.
#[tokio::test]
async fn what_transformers_serve_refuses_is_said_in_its_words() {
    let cloud = TestCloud::start(KEY).await.expect("starts");
    let endpoint = endpoint(&cloud, custom());
    cloud.set_models_response(CloudResponse::json("200 OK", "{\"object\":\"list\",\"data\":[]}"));
    assert_eq!(endpoint.models().await, Ok(Vec::new()));
    cloud.set_models_response(CloudResponse::new(
        "500 Internal Server Error",
        "text/plain",
        "Internal Server Error",
    ));
    assert!(matches!(endpoint.models().await, Err(EndpointError::Server { status: 500, .. })));
    let told = |status, message: &str| EndpointError::Server {
        status,
        code: String::new(),
        message: message.into(),
    };
    for (status, number, said) in [
        ("422 Unprocessable Entity", 422, "Unexpected fields in the request: {'min_p', 'top_k'}"),
        ("400 Bad Request", 400, "Server is pinned to '/models/guide'; requested 'x'."),
    ] {
        cloud.set_chat_response(CloudResponse::json(status, format!("{{\"detail\":\"{said}\"}}")));
        assert_eq!(ask(&endpoint).await.err(), Some(told(number, said)));
    }
    // What it says in the middle of an answer is put between quotes as it is.
    for said in ["out of memory", "no \"kernel\" for this"] {
        cloud.set_chat_response(CloudResponse::stream(format!("data: {{\"error\": \"{said}\"}}\n\n")));
        let heard = ask(&endpoint).await.expect("begins");
        assert_eq!(joined(&heard).3, Some(&told(200, said)));
    }
}

#[tokio::test]
async fn an_answer_in_one_piece_is_an_answer() {
    let cloud = TestCloud::start(KEY).await.expect("starts");
    let whole = "{\"choices\":[{\"message\":{\"role\":\"assistant\",\"content\":\"<think>hm</think>Yes\"},\
        \"finish_reason\":\"length\"}],\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":2}}";
    cloud.set_chat_response(CloudResponse::json("200 OK", whole));
    let heard = ask(&endpoint(&cloud, custom())).await.expect("answers");
    assert_eq!(joined(&heard), ("hm".into(), "Yes".into(), Some("length"), None));
    let parts = "{\"choices\":[{\"message\":{\"content\":[{\"type\":\"text\",\"text\":\"Y\"},{\"type\":\"text\",\"text\":\"es\"}]}}]}";
    cloud.set_chat_response(CloudResponse::json("200 OK", parts));
    let heard = ask(&endpoint(&cloud, custom())).await.expect("answers");
    assert_eq!(joined(&heard), (String::new(), "Yes".into(), Some("stop"), None));
}

#[tokio::test]
async fn refusals_have_their_names() {
    let cloud = TestCloud::start(KEY).await.expect("starts");
    let endpoint = endpoint(&cloud, custom());
    let date = "Wed, 25 Nov 2020 20:00:00 GMT";
    let slow = "429 Too Many Requests";
    for (answer, error) in [
        (
            CloudResponse::json("402 Payment Required", "{\"error\":{\"message\":\"Insufficient Balance\"}}"),
            EndpointError::NoCredit { message: "Insufficient Balance".into() },
        ),
        (
            CloudResponse::json(slow, "").with("retry-after", "12"),
            EndpointError::RateLimited { retry_after: Some(12) },
        ),
        (
            CloudResponse::json(slow, "").with("retry-after", date),
            EndpointError::RateLimited { retry_after: Some(0) },
        ),
        (CloudResponse::json(slow, ""), EndpointError::RateLimited { retry_after: None }),
        (
            CloudResponse::json("503 Service Unavailable", format!("busy, {KEY}")),
            EndpointError::Server { status: 503, code: String::new(), message: "busy, …".into() },
        ),
        (
            CloudResponse::json("307 Temporary Redirect", "").with("location", "https://elsewhere.example/"),
            EndpointError::Moved { to: "https://elsewhere.example/".into() },
        ),
        (
            CloudResponse::json("200 OK", "not json"),
            EndpointError::Malformed("expected ident at line 1 column 2".into()),
        ),
    ] {
        cloud.set_chat_response(answer.clone());
        assert_eq!(ask(&endpoint).await.err(), Some(error), "{answer:?}");
    }
    // An error page without an end is not read to it.
    cloud.set_chat_response(
        CloudResponse::json("500 Internal Server Error", "").with_end(StreamEnd::Line(200 << 20)),
    );
    let refused = ask(&endpoint).await.err();
    assert_eq!(
        refused,
        Some(EndpointError::Server { status: 500, code: String::new(), message: String::new() })
    );
    let stranger = Endpoint::for_service(
        Address::parse(cloud.address()).expect("is one"),
        Some("sk-wrong".into()),
        custom(),
    );
    assert_eq!(ask(&stranger).await.err(), Some(EndpointError::Unauthorized));
    assert_eq!(stranger.models().await, Err(EndpointError::Unauthorized));
}

#[tokio::test]
async fn what_arrived_before_the_end_is_kept_and_the_end_has_a_name() {
    let cloud = TestCloud::start(KEY).await.expect("starts");
    let endpoint = endpoint(&cloud, custom());
    let begun = event("{\"content\":\"half\"}", "null");
    let with = |more: &str| format!("{begun}{more}");
    let silent = EndpointError::Silent { seconds: 0 };
    for (answer, end) in [
        (CloudResponse::stream(with("")), EndpointError::Cut),
        (CloudResponse::stream(with("data: {\"cho")).with_end(StreamEnd::Reset), EndpointError::Cut),
        (CloudResponse::stream(with("")).with_end(StreamEnd::Hang), silent.clone()),
        (
            CloudResponse::stream(with("data: ")).with_end(StreamEnd::Trickle(Duration::from_millis(60))),
            silent,
        ),
        (CloudResponse::stream(with("data: ")).with_end(StreamEnd::Line(100 << 20)), EndpointError::TooLong),
        (
            CloudResponse::stream(with("data: {\"error\":{\"message\":\"down\",\"code\":502}}\n\n")),
            EndpointError::Server { status: 502, code: "502".into(), message: "down".into() },
        ),
    ] {
        cloud.set_chat_response(answer.clone());
        let heard = ask(&endpoint).await.expect("begins");
        assert_eq!(joined(&heard), (String::new(), "half".into(), None, Some(&end)), "{:?}", answer.end);
    }
    for garbage in [&b"data: {\"choices\":7}\n\n"[..], b"data: nonsense\n\n", b"data: \xff\xfe\n\n"] {
        cloud.set_chat_response(CloudResponse::stream([begun.as_bytes(), garbage].concat()));
        let heard = ask(&endpoint).await.expect("begins");
        let (_, text, _, error) = joined(&heard);
        assert!(matches!(error, Some(EndpointError::Malformed(_))), "{garbage:?}: {error:?}");
        assert_eq!(text, "half");
    }
}

#[tokio::test]
async fn a_redirect_takes_the_key_nowhere() {
    let thief = TestCloud::with_auth_header(None).await.expect("starts");
    let azure = provider("azure").expect("is there").dialect.clone();
    for dialect in [custom(), azure] {
        let cloud = TestCloud::with_auth_header(None).await.expect("starts");
        // Another name of this computer: another host.
        let to = format!("{}/v1/models", thief.address().replace("127.0.0.1", "localhost"));
        for status in
            ["301 Moved Permanently", "302 Found", "307 Temporary Redirect", "308 Permanent Redirect"]
        {
            cloud.set_models_response(CloudResponse::json(status, "").with("location", &to));
            cloud.set_chat_response(CloudResponse::json(status, "").with("location", &to));
            let endpoint = endpoint(&cloud, dialect.clone());
            assert_eq!(endpoint.models().await, Err(EndpointError::Moved { to: to.clone() }));
            assert_eq!(ask(&endpoint).await.err(), Some(EndpointError::Moved { to: to.clone() }));
        }
        assert!(
            cloud.requests().iter().all(|asked| asked.headers.iter().any(|(_, value)| value.contains(KEY)))
        );
    }
    assert_eq!(thief.requests(), [], "nobody came");
}

#[tokio::test]
async fn each_service_is_asked_in_its_way() {
    let cloud = TestCloud::with_auth_header(None).await.expect("starts");
    let azure = endpoint(&cloud, provider("azure").expect("is there").dialect.clone());
    assert_eq!(azure.models().await.expect("lists"), ["deepseek-flash", "deepseek/v4-pro"]);
    let asked = cloud.requests().pop().expect("was asked");
    assert_eq!(
        (asked.path.as_str(), asked.header("api-key"), asked.header("authorization")),
        ("/api/v3/models", Some(KEY), None)
    );

    let address = Address::parse(cloud.address()).expect("is one");
    let deepseek = provider("deepseek").expect("is there").dialect.clone();
    let deepseek = Endpoint::for_service(address, Some(KEY.into()), deepseek);
    ask(&deepseek).await.expect("answers");
    assert_eq!(cloud.requests().pop().expect("was asked").path, "/v1/chat/completions");
    let request = ChatRequest {
        messages: vec![ChatMessage::new("user", "Count"), ChatMessage::prefix("One, ", "Hm.")],
        temperature: 0.7,
        repetition_penalty: Some(1.1),
        ..ChatRequest::default()
    };
    deepseek.chat(&request).await.expect("is let in").collect::<Vec<_>>().await;
    let asked = cloud.requests().pop().expect("was asked");
    assert_eq!(asked.path, "/beta/chat/completions");
    assert!(asked.body.contains("\"reasoning_content\":\"Hm.\",\"prefix\":true"), "{}", asked.body);
    assert!(
        asked.body.contains("\"temperature\":0.7,") && !asked.body.contains("repetition"),
        "{}",
        asked.body
    );

    cloud.set_models_response(CloudResponse::json("200 OK", "[{\"id\":\"one\"}]"));
    assert_eq!(azure.models().await.expect("Together's way"), ["one"]);
    cloud.set_models_response(CloudResponse::json("200 OK", "{\"models\":7}"));
    assert!(matches!(azure.models().await, Err(EndpointError::Malformed(_))));
    cloud.set_models_response(CloudResponse::json("200 OK", "[").with_end(StreamEnd::Line(60 << 20)));
    assert_eq!(azure.models().await, Err(EndpointError::TooLong));
}

#[tokio::test]
async fn the_step_that_failed_is_named() {
    let step = async |address: &str| {
        let endpoint = Endpoint::for_service(Address::parse(address).expect("is one"), None, custom());
        match endpoint.with_limit(Duration::from_secs(5)).models().await {
            Err(EndpointError::Unreachable { step, .. }) => step,
            other => panic!("{address}: {other:?}"),
        }
    };
    assert_eq!(step("https://no-such-name.invalid").await, Step::Name);
    assert_eq!(step("http://127.0.0.1:1").await, Step::Connect);
    let cloud = TestCloud::start(KEY).await.expect("starts");
    assert_eq!(step(&cloud.address().replace("http://", "https://")).await, Step::Tls);
}
