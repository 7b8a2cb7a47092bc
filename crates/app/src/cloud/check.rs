//! Tests a connection: its steps in order, and the step that failed. It costs one token of an answer.
//! It changes nothing that is stored; the caller keeps the list of models.
use contract::{ConnectionStep, ErrorCode, ErrorView, StepState, StepView};
use endpoint::{ChatMessage, ChatRequest, Endpoint, EndpointError, Step};
use futures_util::StreamExt;

use super::failure::cloud_error;
use super::services::offered;

/// The result of a test, and the models that the service lists.
pub(super) struct TestResult {
    pub steps: Vec<StepView>,
    pub error: Option<ErrorView>,
    /// The models of the service; `None` where it has no list.
    pub listed: Option<Vec<String>>,
    pub model: Option<String>,
}

pub(super) struct ConnectionTest<'a> {
    pub endpoint: &'a Endpoint,
    pub host: &'a str,
    /// A proxy was chosen in the settings.
    pub proxied: bool,
    /// False for a server on the own network that is asked without TLS.
    pub secure: bool,
    pub has_key: bool,
    pub lists: bool,
    /// The model to ask, when the user named one.
    pub model: Option<&'a str>,
}

const ALL: [ConnectionStep; 7] = {
    use ConnectionStep::{Connect, Key, Models, Name, Proxy, Tls, Token};
    [Proxy, Name, Connect, Tls, Key, Models, Token]
};

pub(super) async fn run(test: ConnectionTest<'_>) -> TestResult {
    let mut listed = None;
    if test.lists {
        match test.endpoint.models().await {
            Ok(models) => listed = Some(models),
            // The service has no list; a model that was named is tested.
            Err(EndpointError::Server { status: 404 | 405 | 501, .. }) => {}
            // The list of `transformers serve` fails where nothing was ever downloaded, but a named model
            // answers.
            Err(EndpointError::Server { status: 500, .. }) if test.model.is_some() => {}
            Err(error) => return failed(&test, listed, None, &error, ConnectionStep::Models),
        }
    }
    let first = listed.as_deref().and_then(|listed| offered(listed).into_iter().next());
    let Some(model) = test.model.map(str::to_owned).or(first) else {
        let error =
            ErrorView::new(ErrorCode::InvalidInput, "test the service: it lists no models, so name one");
        return result(&test, listed, None, Some((ConnectionStep::Models, error)));
    };
    match one_token(test.endpoint, &model).await {
        Ok(()) => result(&test, listed, Some(model), None),
        Err(error) => failed(&test, listed, Some(model), &error, ConnectionStep::Token),
    }
}

async fn one_token(endpoint: &Endpoint, model: &str) -> Result<(), EndpointError> {
    let request = ChatRequest {
        model: model.to_owned(),
        messages: vec![ChatMessage::new("user", "Hi")],
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

/// The error names the failed step more exactly than the call that returned it.
fn failed(
    test: &ConnectionTest<'_>,
    listed: Option<Vec<String>>,
    model: Option<String>,
    error: &EndpointError,
    otherwise: ConnectionStep,
) -> TestResult {
    let step = match error {
        EndpointError::Unreachable { step: Step::Proxy | Step::ProxyLogin, .. } => ConnectionStep::Proxy,
        EndpointError::Unreachable { step: Step::Name, .. } => ConnectionStep::Name,
        EndpointError::Unreachable { step: Step::Connect, .. } => ConnectionStep::Connect,
        EndpointError::Unreachable { step: Step::Tls, .. } => ConnectionStep::Tls,
        EndpointError::Unauthorized => ConnectionStep::Key,
        _ => otherwise,
    };
    result(test, listed, model, Some((step, cloud_error(error, test.host))))
}

fn result(
    test: &ConnectionTest<'_>,
    listed: Option<Vec<String>>,
    model: Option<String>,
    failed: Option<(ConnectionStep, ErrorView)>,
) -> TestResult {
    let at = failed.as_ref().and_then(|(step, _)| ALL.iter().position(|one| one == step));
    let state = |(number, step): (usize, ConnectionStep)| {
        let applies = match step {
            ConnectionStep::Tls => test.secure,
            ConnectionStep::Key => test.has_key,
            ConnectionStep::Models => test.lists,
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
    // A system proxy is shown only where it is the failed step.
    let shown = |step: &StepView| {
        step.step != ConnectionStep::Proxy || test.proxied || step.state == StepState::Failed
    };
    let steps = ALL.into_iter().enumerate().map(state).filter(shown).collect();
    TestResult { steps, error: failed.map(|(_, error)| error), listed, model }
}
