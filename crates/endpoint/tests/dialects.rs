//! Streams as servers send them, cut at every byte.
use endpoint::{ChatDelta, ChatRequest, Endpoint, EndpointError};
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

async fn hear(body: &str, cut: usize) -> Vec<Result<ChatDelta, EndpointError>> {
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
            hear(STREAM, cut).await.into_iter().map(|d| d.expect("no error")).collect();
        let join = |part: fn(&ChatDelta) -> &str| deltas.iter().map(part).collect::<String>();
        assert_eq!((join(|d| &d.reasoning), join(|d| &d.text)), ("想!".into(), "鲸".into()), "cut at {cut}");
        assert_eq!(deltas.iter().find_map(|d| d.finish.as_deref()), Some("stop"));
        assert_eq!(deltas.iter().find_map(|d| d.usage.as_ref()).expect("usage").completion_tokens, 2);
    }
}

#[tokio::test]
async fn a_stream_without_its_end_was_cut() {
    let short = STREAM.split("data: {\"choices\":[{\"delta\":{\"content\"").next().expect("a beginning");
    assert_eq!(hear(short, 5).await.last(), Some(&Err(EndpointError::Cut)));
}

#[tokio::test]
async fn refusals_have_their_names() {
    let check = async |status, body: &str| {
        let endpoint = serve(status, body.to_owned(), 0).await;
        endpoint.chat(&ChatRequest::default()).await.err().expect("it is refused")
    };
    assert_eq!(check("401 Unauthorized", "").await, EndpointError::Unauthorized);
    assert_eq!(check("429 Too Many Requests", "").await, EndpointError::RateLimited { retry_after: None });
    let long = "{\"error\":{\"message\":\"9 > 4\",\"code\":\"context_length_exceeded\"}}";
    assert_eq!(
        check("400 Bad Request", long).await,
        EndpointError::ContextLength { message: "9 > 4".into() }
    );
    let refused = Endpoint::new("http://127.0.0.1:1", None).health().await;
    assert!(matches!(refused, Err(EndpointError::Unreachable { .. })));
}
