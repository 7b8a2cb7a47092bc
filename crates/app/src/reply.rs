//! An answer from the worker, which is started when needed, or from a cloud service: asks, and turns what arrives into
//! pieces. What is asked is the same for both, so a chat may move from one to the other.
use std::sync::Arc;
use std::time::Duration;

use contract::{ErrorCode, ErrorView, Role, SendRequest, Thinking, WhenBusy};
use deploy::{State, Worker};
use endpoint::{ChatDelta, ChatRequest, Endpoint, EndpointError, Message};
use futures_util::stream::BoxStream;
use futures_util::{StreamExt, stream};
use history::{History, HistoryError};
use outbound::Outbound;
use tokio::sync::mpsc;

use crate::App;
use crate::ask::{OnAnswer, Question, Said};
use crate::cloud::{Ready, cloud_error, cloud_model};
use crate::convert::history_error;
use crate::deployments::{Serving, deployment_model};
use crate::pictures::data_urls;
use crate::recorder::Piece;
use crate::worker::{Lease, failure_view};

pub(crate) type Pieces = BoxStream<'static, Result<Piece, ErrorView>>;

impl App {
    /// Returns once both messages exist; the events follow until a terminal one. A worker that does not run, or has
    /// failed, is started first.
    pub async fn answer_start(&self, request: SendRequest, on_event: OnAnswer) -> Result<(), ErrorView> {
        if request.continue_of.is_some() {
            self.may_continue(&request.chat_id).await?;
        }
        let shown = self.may_show(&request).await?;
        let (chat_id, when_busy) = (request.chat_id.clone(), request.when_busy);
        let model_id = self.model_of(&chat_id).await?;
        self.may_use_worker(&model_id, &chat_id, when_busy).await?;
        self.may_fit(&request, &model_id, shown).await?;
        let history = self.chats_file.writable()?;
        let source = |question: Question| {
            let (waits, waiting) = mpsc::unbounded_channel();
            let on_wait = move || drop(waits.send(Ok(Piece::Waiting)));
            let prepared = self.prepare(&question.model_id, &chat_id, when_busy, on_wait);
            let pieces = opened(async move { prepared.await?.ask(question, history).await });
            stream::select(received(waiting), pieces)
        };
        self.answer_from(request, shown, on_event, source).await
    }

    /// What a model is asked through, once it can be: a worker is started and waited for, a key is read.
    /// `holder` is for whom, and `on_wait` is called while another model is answering.
    pub(crate) fn prepare<F: Fn() + Send + Sync + 'static>(
        &self,
        model_id: &str,
        holder: &str,
        when_busy: WhenBusy,
        on_wait: F,
    ) -> impl Future<Output = Result<Answerer, ErrorView>> + Send + use<F> {
        let cloud = cloud_model(model_id).is_some();
        let deployed = deployment_model(model_id).map(|_| self.deployments.serving(model_id));
        let launch = (!cloud && deployed.is_none()).then(|| self.launch(model_id)).transpose();
        let outbound = cloud.then(|| self.outbound());
        let (clouds, workers, model_id) = (self.clouds.clone(), self.workers.clone(), model_id.to_owned());
        let holder = holder.to_owned();
        async move {
            if let Some(serving) = deployed {
                let Serving { endpoint, name, model } = serving?;
                return Ok(Answerer::Service(Ready { endpoint, host: name, model }));
            }
            let Some(launch) = launch? else {
                let outbound = match outbound {
                    Some(way) => way.await?,
                    None => Outbound::default(),
                };
                return clouds.ready(&model_id, outbound).await.map(Answerer::Service);
            };
            let (worker, lease) = workers.lease(launch, &holder, when_busy, on_wait).await;
            let endpoint = worker.ready().await.map_err(|failure| failure_view(&failure))?;
            Ok(Answerer::Worker(worker, endpoint, lease))
        }
    }
}

/// A model that can be asked now.
pub(crate) enum Answerer {
    Worker(Arc<Worker>, Endpoint, Lease),
    /// A cloud service or a deployment.
    Service(Ready),
}

impl Answerer {
    /// Pictures of the question are read from `history`.
    pub(crate) async fn ask(self, question: Question, history: Arc<History>) -> Result<Pieces, ErrorView> {
        match self {
            Self::Service(ready) => ask_service(ready, question, history).await,
            Self::Worker(worker, endpoint, lease) => {
                ask_worker(worker, endpoint, lease, question, history).await
            }
        }
    }
}

/// What prevents an answer is its only item.
fn opened(pieces: impl Future<Output = Result<Pieces, ErrorView>> + Send + 'static) -> Pieces {
    let pieces = async move { pieces.await.unwrap_or_else(|error| stream::iter([Err(error)]).boxed()) };
    stream::once(pieces).flatten().boxed()
}

async fn ask_service(ready: Ready, question: Question, history: Arc<History>) -> Result<Pieces, ErrorView> {
    let Ready { endpoint, host, model } = ready;
    let request = ChatRequest { model, ..request(question, history).await? };
    let deltas = endpoint.chat(&request).await.map_err(|error| cloud_error(&error, &host))?;
    let pieces = deltas.map(move |delta| match delta {
        Ok(delta) => stream::iter(pieces(delta)),
        Err(error) => stream::iter(vec![Err(cloud_error(&error, &host))]),
    });
    // Some services end without saying why; an answer that was cut has an error before this.
    let end = stream::iter([Ok(Piece::End { length: false })]);
    Ok(pieces.flatten().chain(end).boxed())
}

async fn ask_worker(
    worker: Arc<Worker>,
    endpoint: Endpoint,
    lease: Lease,
    question: Question,
    history: Arc<History>,
) -> Result<Pieces, ErrorView> {
    let deltas = match endpoint.chat(&request(question, history).await?).await {
        Ok(deltas) => deltas,
        Err(error) => return Err(explained(&worker, error).await),
    };
    let pieces = deltas.then(move |delta| {
        // As long as pieces may come, no other model takes the worker's place.
        let _held = &lease;
        let worker = worker.clone();
        async move {
            match delta {
                Ok(delta) => stream::iter(pieces(delta)),
                Err(error) => stream::iter(vec![Err(explained(&worker, error).await)]),
            }
        }
    });
    Ok(pieces.flatten().boxed())
}

fn received<T: Send + 'static>(channel: mpsc::UnboundedReceiver<T>) -> BoxStream<'static, T> {
    stream::unfold(channel, |mut channel| async { Some((channel.recv().await?, channel)) }).boxed()
}

/// Reads the pictures from the disk.
async fn request(question: Question, history: Arc<History>) -> Result<ChatRequest, ErrorView> {
    let Question { model_id, sampling, messages, so_far, box_target: _ } = question;
    let message = move |Said { role, text, pictures }| {
        let role = role_key(role);
        if pictures.is_empty() {
            return Ok(Message::new(role, text));
        }
        data_urls(&history, &pictures).map(|pictures| Message::showing(role, pictures, text))
    };
    let messages = tokio::task::spawn_blocking(move || messages.into_iter().map(message).collect());
    let messages: Result<Vec<Message>, HistoryError> = messages
        .await
        .map_err(|error| ErrorView::new(ErrorCode::Internal, format!("read the pictures: {error}")))?;
    let prefix = (!so_far.is_empty()).then(|| Message::prefix(so_far.text, so_far.reasoning));
    Ok(ChatRequest {
        model: model_id,
        messages: messages.map_err(history_error)?.into_iter().chain(prefix).collect(),
        temperature: sampling.temperature,
        top_p: sampling.top_p,
        top_k: (sampling.top_k > 0).then_some(sampling.top_k),
        min_p: (sampling.min_p > 0.0).then_some(sampling.min_p),
        frequency_penalty: sampling.frequency_penalty,
        presence_penalty: sampling.presence_penalty,
        repetition_penalty: Some(sampling.repetition_penalty),
        max_tokens: (sampling.max_tokens > 0).then_some(sampling.max_tokens),
        seed: sampling.seed,
        thinking: thinks(sampling.thinking),
    })
}

pub(crate) fn thinks(thinking: Thinking) -> Option<bool> {
    match thinking {
        Thinking::Own => None,
        Thinking::On => Some(true),
        Thinking::Off => Some(false),
    }
}

pub(crate) fn role_key(role: Role) -> &'static str {
    match role {
        Role::System => "system",
        Role::User => "user",
        Role::Assistant => "assistant",
    }
}

/// The end comes last: what follows it is only waited for a moment.
fn pieces(delta: ChatDelta) -> Vec<Result<Piece, ErrorView>> {
    let mut pieces = Vec::new();
    pieces.extend(delta.looking.map(Piece::Looking));
    if !delta.reasoning.is_empty() {
        pieces.push(Piece::Reasoning(delta.reasoning));
    }
    if !delta.text.is_empty() {
        pieces.push(Piece::Text(delta.text));
    }
    if !delta.boxes.is_empty() {
        pieces.push(Piece::Boxes(delta.boxes));
    }
    if let Some(usage) = delta.usage {
        let (prompt_tokens, completion_tokens) = (usage.prompt_tokens, usage.completion_tokens);
        pieces.push(Piece::Usage { prompt_tokens, completion_tokens });
        if let Some(measured) = usage.whaledeck {
            let (first_token_ms, tokens_per_second) = (measured.first_token_ms, measured.tokens_per_second);
            pieces.push(Piece::Measured { first_token_ms, tokens_per_second });
        }
    }
    if let Some(finish) = delta.finish {
        pieces.push(Piece::End { length: finish == "length" });
    }
    pieces.into_iter().map(Ok).collect()
}

/// A broken connection is often the first sign of a dead worker; the reason follows within moments.
async fn explained(worker: &Worker, error: EndpointError) -> ErrorView {
    if matches!(error, EndpointError::Unreachable { .. } | EndpointError::Cut) {
        for _ in 0..20 {
            match worker.state() {
                State::Failed(failure) => return failure_view(&failure),
                State::Stopped | State::Draining => {
                    return ErrorView::new(ErrorCode::NotLoaded, "end the answer: the model was stopped");
                }
                _ => tokio::time::sleep(Duration::from_millis(50)).await,
            }
        }
    }
    endpoint_error(error)
}

fn endpoint_error(error: EndpointError) -> ErrorView {
    let code = match &error {
        EndpointError::Unreachable { .. }
        | EndpointError::Silent { .. }
        | EndpointError::Unauthorized
        | EndpointError::NoCredit { .. }
        | EndpointError::Moved { .. }
        | EndpointError::RateLimited { .. } => ErrorCode::WorkerUnreachable,
        EndpointError::ContextLength { .. } => ErrorCode::PromptTooLong,
        EndpointError::Loading => ErrorCode::NotLoaded,
        EndpointError::Cut => ErrorCode::WorkerDied,
        EndpointError::Server { code, .. } => {
            serde_json::from_value(serde_json::Value::from(code.as_str())).unwrap_or(ErrorCode::Internal)
        }
        EndpointError::Malformed(_) | EndpointError::TooLong => ErrorCode::Internal,
    };
    let view = ErrorView::new(code, error.to_string());
    match error {
        EndpointError::ContextLength { tokens, context, .. } => {
            let view = tokens.iter().fold(view, |view, tokens| view.with("tokens", tokens));
            context.iter().fold(view, |view, context| view.with("context", context))
        }
        EndpointError::Silent { seconds } => view.with("seconds", seconds),
        _ => view,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_is_the_last_piece_of_a_delta() {
        let delta = ChatDelta { text: "a".into(), finish: Some("length".into()), ..ChatDelta::default() };
        assert_eq!(pieces(delta), [Ok(Piece::Text("a".into())), Ok(Piece::End { length: true })]);
    }

    #[test]
    fn errors_of_the_endpoint_have_codes() {
        let server =
            |code: &str| EndpointError::Server { status: 200, code: code.into(), message: "m".into() };
        for (error, code) in [
            (EndpointError::Cut, ErrorCode::WorkerDied),
            (EndpointError::Silent { seconds: 120 }, ErrorCode::WorkerUnreachable),
            (server("out_of_memory"), ErrorCode::OutOfMemory),
            (server("engine_failed"), ErrorCode::EngineFailed),
            (server("unsupported_content"), ErrorCode::UnsupportedContent),
            (server("invalid_image"), ErrorCode::InvalidImage),
            (server("conversation_refused"), ErrorCode::ConversationRefused),
            (server("invalid_input"), ErrorCode::InvalidInput),
            (server("some other server's"), ErrorCode::Internal),
        ] {
            assert_eq!(endpoint_error(error).code, code);
        }
        let long =
            EndpointError::ContextLength { tokens: Some(9000), context: Some(2048), message: "m".into() };
        let long = endpoint_error(long);
        assert_eq!(long.code, ErrorCode::PromptTooLong);
        assert_eq!((long.detail["tokens"].as_str(), long.detail["context"].as_str()), ("9000", "2048"));
    }
}
