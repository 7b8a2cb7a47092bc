//! Streams and refusals as servers send them, with the bytes cut at many places, and the body of a request.
//! The server is a socket of this test that answers one request; real services are replayed in `clouds.rs`.
use endpoint::{ChatDelta, ChatMessage, ChatRequest, Endpoint, EndpointError, Health};
use futures_util::StreamExt;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// Answers one request with `status` and `body`, in two writes split at `cut`.
async fn serve(status: &'static str, body: String, cut: usize) -> Endpoint {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.expect("a caller");
        let mut buffer = vec![0; 8192];
        let _ = socket.read(&mut buffer).await;
        let head =
            format!("HTTP/1.1 {status}\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n");
        let bytes = [head.as_bytes(), body.as_bytes()].concat();
        let cut = head.len() + cut;
        let _ = socket.write_all(&bytes[..cut]).await;
        let _ = socket.flush().await;
        tokio::task::yield_now().await;
        let _ = socket.write_all(&bytes[cut..]).await;
    });
    Endpoint::new(format!("http://{address}"), Some("key".into()))
}

async fn deltas_of(body: &str, cut: usize) -> Vec<Result<ChatDelta, EndpointError>> {
    let endpoint = serve("200 OK", body.to_owned(), cut).await;
    endpoint.chat(&ChatRequest::default()).await.expect("it is let in").collect().await
}

const STREAM: &str = "data: {\"choices\":[{\"delta\":{\"role\":\"assistant\",\"content\":null}}]}\n\n\
    : a comment\n\n\
    data: {\"choices\":[{\"delta\":{\"reasoning_content\":\"想\"}}]}\n\n\
    data: {\"choices\":[{\"delta\":{\"reasoning\":\"!\"}}]}\r\n\r\n\
    data: {\"choices\":[{\"delta\":{\"content\":\"鲸\"},\"finish_reason\":\"stop\"}]}\n\n\
    data: {\"choices\":[],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":2}}\n\ndata: [DONE]\n\n";

#[tokio::test]
async fn every_cut_of_the_stream_gives_the_same() {
    for cut in (0..STREAM.len()).step_by(7) {
        let deltas: Vec<ChatDelta> =
            deltas_of(STREAM, cut).await.into_iter().map(|d| d.expect("no error")).collect();
        let join = |part: fn(&ChatDelta) -> &str| deltas.iter().map(part).collect::<String>();
        assert_eq!((join(|d| &d.reasoning), join(|d| &d.text)), ("想!".into(), "鲸".into()), "cut at {cut}");
        assert_eq!(deltas.iter().find_map(|d| d.finish.as_deref()), Some("stop"));
        assert_eq!(deltas.iter().find_map(|d| d.usage.as_ref()).expect("usage").completion_tokens, 2);
    }
}

#[tokio::test]
async fn a_stream_without_its_end_was_cut() {
    let short = STREAM.split("data: {\"choices\":[{\"delta\":{\"content\"").next().expect("a beginning");
    assert_eq!(deltas_of(short, 5).await.last(), Some(&Err(EndpointError::Cut)));
}

#[tokio::test]
async fn refusals_have_their_names() {
    let check = async |status, body: &str| {
        let endpoint = serve(status, body.to_owned(), 0).await;
        endpoint.chat(&ChatRequest::default()).await.err().expect("it is refused")
    };
    assert_eq!(check("401 Unauthorized", "").await, EndpointError::Unauthorized);
    assert_eq!(check("429 Too Many Requests", "").await, EndpointError::RateLimited { retry_after: None });
    let long = |more: &str| {
        format!("{{\"error\":{{\"message\":\"9 > 4\",\"code\":\"context_length_exceeded\"{more}}}}}")
    };
    let told = |tokens, context| EndpointError::ContextLength { tokens, context, message: "9 > 4".into() };
    assert_eq!(check("400 Bad Request", &long("")).await, told(None, None));
    let sizes = ",\"whaledeck\":{\"tokens\":9,\"context\":4}";
    assert_eq!(check("400 Bad Request", &long(sizes)).await, told(Some(9), Some(4)));
    let refused = Endpoint::new("http://127.0.0.1:1", None).health().await;
    assert!(matches!(refused, Err(EndpointError::Unreachable { .. })));
}

#[tokio::test]
async fn only_a_server_that_says_so_is_loading() {
    let health = async |status, body: &str| serve(status, body.to_owned(), 0).await.health().await;
    let loading = "{\"status\":\"loading\",\"done\":1,\"total\":4}";
    assert_eq!(health("503 Service Unavailable", loading).await, Ok(Health::Loading { done: 1, total: 4 }));
    assert_eq!(health("200 OK", "{}").await, Ok(Health::Ready));
    for body in ["", "<html>down for repairs</html>", "{\"status\":\"overloaded\"}"] {
        let refused = health("503 Service Unavailable", body).await;
        assert!(matches!(refused, Err(EndpointError::Server { status: 503, .. })), "{body}: {refused:?}");
    }
}

#[tokio::test]
async fn a_server_that_falls_silent_is_given_up() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        let mut open = Vec::new();
        loop {
            let (mut socket, _) = listener.accept().await.expect("a caller");
            let mut buffer = vec![0; 8192];
            let read = socket.read(&mut buffer).await.unwrap_or(0);
            if !String::from_utf8_lossy(&buffer[..read]).contains("mute") {
                let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n";
                let word = "data: {\"choices\":[{\"delta\":{\"content\":\"half\"}}]}\n\n";
                let _ = socket.write_all(format!("{head}{word}").as_bytes()).await;
            }
            open.push(socket);
        }
    });
    let limit = std::time::Duration::from_millis(1200);
    let endpoint = Endpoint::with_idle_limit(format!("http://{address}"), None, limit);
    let heard: Vec<_> = endpoint.chat(&ChatRequest::default()).await.expect("it is let in").collect().await;
    assert_eq!(heard[0].as_ref().expect("a word").text, "half");
    assert_eq!(heard[1..], [Err(EndpointError::Silent { seconds: 1 })]);

    let mute = ChatRequest { model: "mute".into(), ..ChatRequest::default() };
    let refused = endpoint.chat(&mute).await.err();
    assert_eq!(refused, Some(EndpointError::Silent { seconds: 1 }), "nor are heads waited for longer");
}

/// Answers as if it kept each connection, and resets one that is used again.
#[tokio::test]
async fn no_question_goes_over_a_connection_that_the_server_has_done_with() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut buffer = vec![0; 8192];
                let _ = socket.read(&mut buffer).await;
                let body = "{\"data\":[]}";
                let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n";
                let reply = format!("{head}content-length: {}\r\n\r\n{body}", body.len());
                let _ = socket.write_all(reply.as_bytes()).await;
                let _ = socket.read(&mut buffer).await;
                let _ = socket.set_zero_linger();
            });
        }
    });
    let endpoint = Endpoint::new(format!("http://{address}"), None);
    for _ in 0..3 {
        assert_eq!(endpoint.models().await, Ok(Vec::new()));
    }
}

#[tokio::test]
async fn what_is_sent_is_what_was_set() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let request = ChatRequest {
        temperature: 0.7,
        top_p: 0.95,
        messages: vec![ChatMessage::new("user", "hi"), ChatMessage::prefix("One, ", "Hm.")],
        ..ChatRequest::default()
    };
    let endpoint = Endpoint::new(format!("http://{address}"), Some("a secret".into()));
    assert!(!format!("{endpoint:?}").contains("secret"), "{endpoint:?}");
    let asked = tokio::spawn(async move { endpoint.chat(&request).await.map(drop) });
    let (mut socket, _) = listener.accept().await.expect("a caller");
    let mut text = String::new();
    while !text.contains("include_usage") {
        let mut buffer = vec![0; 8192];
        let read = socket.read(&mut buffer).await.expect("is read");
        assert!(read > 0, "{text}");
        text += &String::from_utf8_lossy(&buffer[..read]);
    }
    asked.abort();
    for part in [
        "\"temperature\":0.7,",
        "\"top_p\":0.95,",
        "{\"role\":\"user\",\"content\":\"hi\"}",
        "{\"role\":\"assistant\",\"content\":\"One, \",\"reasoning_content\":\"Hm.\",\"prefix\":true}",
        "\"stream\":true,\"stream_options\":{\"include_usage\":true,\"continuous_usage_stats\":true}",
    ] {
        assert!(text.contains(part), "{part} is not in {text}");
    }
}
