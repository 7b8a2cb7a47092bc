//! Test connection: the steps in order, and the one that failed by its name. Costs one token.
use contract::{ConnectionStep, ErrorCode, ErrorView, StepState, StepView};
use endpoint::{ChatRequest, Endpoint, EndpointError, Message, Step};
use futures_util::StreamExt;

use super::failure::cloud_error;
use crate::App;

/// How a test went, and what it learned.
pub(super) struct Checked {
    pub steps: Vec<StepView>,
    pub error: Option<ErrorView>,
    /// The models of the service, where it lists them.
    pub listed: Option<Vec<String>>,
    pub model: Option<String>,
}

pub(super) struct Subject<'a> {
    pub endpoint: &'a Endpoint,
    pub host: &'a str,
    /// A proxy was chosen in the settings.
    pub proxied: bool,
    /// False for a server on the own network that is asked without TLS.
    pub secure: bool,
    pub has_key: bool,
    pub lists: bool,
    /// The model to ask for a word, when the person named one.
    pub model: Option<&'a str>,
}

const ALL: [ConnectionStep; 7] = {
    use ConnectionStep::{Connect, Key, Models, Name, Proxy, Tls, Token};
    [Proxy, Name, Connect, Tls, Key, Models, Token]
};

pub(super) async fn check(subject: Subject<'_>) -> Checked {
    let mut listed = None;
    if subject.lists {
        match subject.endpoint.models().await {
            Ok(models) => listed = Some(models),
            // It offers no list; the models that were named are tried.
            Err(EndpointError::Server { status: 404 | 405 | 501, .. }) => {}
            // `transformers serve` fails at its list where nothing was ever downloaded, and answers.
            Err(EndpointError::Server { status: 500, .. }) if subject.model.is_some() => {}
            Err(error) => return failed(&subject, listed, None, &error, ConnectionStep::Models),
        }
    }
    let first = listed.as_deref().and_then(|listed| App::offered(listed).into_iter().next());
    let Some(model) = subject.model.map(str::to_owned).or(first) else {
        let error =
            ErrorView::new(ErrorCode::InvalidInput, "test the service: it lists no models, so name one");
        return ended(&subject, listed, None, Some((ConnectionStep::Models, error)));
    };
    match word(subject.endpoint, &model).await {
        Ok(()) => ended(&subject, listed, Some(model), None),
        Err(error) => failed(&subject, listed, Some(model), &error, ConnectionStep::Token),
    }
}

async fn word(endpoint: &Endpoint, model: &str) -> Result<(), EndpointError> {
    let request = ChatRequest {
        model: model.to_owned(),
        messages: vec![Message::new("user", "Hi")],
        temperature: 1.0,
        top_p: 1.0,
        max_tokens: Some(1),
        ..ChatRequest::default()
    };
    let mut deltas = endpoint.chat(&request).await?;
    while let Some(delta) = deltas.next().await {
        let delta = delta?;
        if !delta.text.is_empty() || !delta.reasoning.is_empty() || delta.finish.is_some() {
            return Ok(());
        }
    }
    Err(EndpointError::Cut)
}

/// An error tells more exactly than the call that met it where the way ended.
fn failed(
    subject: &Subject<'_>,
    listed: Option<Vec<String>>,
    model: Option<String>,
    error: &EndpointError,
    otherwise: ConnectionStep,
) -> Checked {
    let step = match error {
        EndpointError::Unreachable { step: Step::Proxy | Step::ProxyLogin, .. } => ConnectionStep::Proxy,
        EndpointError::Unreachable { step: Step::Name, .. } => ConnectionStep::Name,
        EndpointError::Unreachable { step: Step::Connect, .. } => ConnectionStep::Connect,
        EndpointError::Unreachable { step: Step::Tls, .. } => ConnectionStep::Tls,
        EndpointError::Unauthorized => ConnectionStep::Key,
        _ => otherwise,
    };
    ended(subject, listed, model, Some((step, cloud_error(error, subject.host))))
}

fn ended(
    subject: &Subject<'_>,
    listed: Option<Vec<String>>,
    model: Option<String>,
    failed: Option<(ConnectionStep, ErrorView)>,
) -> Checked {
    let at = failed.as_ref().and_then(|(step, _)| ALL.iter().position(|one| one == step));
    let state = |(number, step): (usize, ConnectionStep)| {
        let applies = match step {
            ConnectionStep::Tls => subject.secure,
            ConnectionStep::Key => subject.has_key,
            ConnectionStep::Models => subject.lists,
            _ => true,
        };
        let state = match at {
            Some(at) if number == at => StepState::Failed,
            Some(at) if number > at => StepState::Skipped,
            _ if applies && step == ConnectionStep::Models && listed.is_none() => StepState::Absent,
            _ if applies => StepState::Passed,
            _ => StepState::Skipped,
        };
        StepView { step, state }
    };
    // A proxy of the system's is told only where it is in the way.
    let shown = |step: &StepView| {
        step.step != ConnectionStep::Proxy || subject.proxied || step.state == StepState::Failed
    };
    let steps = ALL.into_iter().enumerate().map(state).filter(shown).collect();
    Checked { steps, error: failed.map(|(_, error)| error), listed, model }
}
