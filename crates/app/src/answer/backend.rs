//! From a model id to a stream of events: finds the server of the model, starts the worker where it is a
//! model of this computer, sends the prompt. The prompt is the same for every server, so a chat may move
//! between models.
use std::sync::Arc;

use contract::{ErrorCode, ErrorView, WhenBusy};
use deploy::Worker;
use endpoint::{ChatRequest, ChatStream, Endpoint, EndpointError};
use futures_util::{StreamExt, stream};
use history::History;
use outbound::Outbound;
use protocol::ModelRef;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::backend_error::worker_error;
use super::event::{BackendEvent, BackendStream, events_of};
use super::prompt::Prompt;
use crate::App;
use crate::cloud::{Clouds, cloud_error};
use crate::convert::failure_view;
use crate::model_ref::ModelEndpoint;
use crate::worker::{Launch, Lease};

/// A model that can be asked now, any number of times.
#[derive(Clone)]
pub(crate) struct Backend {
    endpoint: Endpoint,
    /// The server's name of the model.
    model: String,
    server: Arc<Server>,
}

enum Server {
    /// The lease is held as long as events may come: until then no other model takes the worker's place.
    Worker { worker: Arc<Worker>, _lease: Lease },
    /// A cloud service or a deployment; `label` names it in errors.
    Remote { label: String },
}

/// What a model id needs before its backend is ready: a launch, a network configuration, or an endpoint.
enum Source<L, N> {
    Local(L),
    Cloud(N),
    /// Boxed: it is many times as large as the others.
    Deployment(Box<Result<ModelEndpoint, ErrorView>>),
}

impl<N: Future<Output = Result<Outbound, ErrorView>>> Source<Result<Launch, ErrorView>, N> {
    /// The backend of a model; `local` has the worker of this computer.
    async fn open<F: Future<Output = Result<Backend, ErrorView>>>(
        self,
        clouds: Arc<Clouds>,
        model_id: &str,
        local: impl FnOnce(Launch) -> F,
    ) -> Result<Backend, ErrorView> {
        match self {
            Self::Deployment(endpoint) => endpoint.map(Backend::remote),
            Self::Cloud(outbound) => {
                clouds.model_endpoint(model_id, outbound.await?).await.map(Backend::remote)
            }
            Self::Local(launch) => local(launch?).await,
        }
    }
}

impl App {
    /// Waits for a worker that must be started first, or reads the key of a service. `holder` is the chat or
    /// comparison that asks; `on_wait` is called while the worker answers with another model.
    pub(crate) fn backend<F: Fn() + Send + Sync + 'static>(
        &self,
        model_id: &str,
        holder: &str,
        when_busy: WhenBusy,
        on_wait: F,
    ) -> impl Future<Output = Result<Backend, ErrorView>> + Send + use<F> {
        let source = self.source(model_id);
        let (clouds, workers) = (self.clouds.clone(), self.workers.clone());
        let (model_id, holder) = (model_id.to_owned(), holder.to_owned());
        async move {
            let local = async |launch| {
                let (worker, lease) = workers.lease(launch, &holder, when_busy, on_wait).await;
                Backend::local(worker, lease, &model_id).await
            };
            source.open(clouds, &model_id, local).await
        }
    }

    /// As [`App::backend`], for work that nobody waits for: no worker is started, and no other model waits.
    ///
    /// # Errors
    /// When the worker does not have this model loaded, too.
    pub(super) fn background_backend(
        &self,
        model_id: &str,
    ) -> impl Future<Output = Result<Backend, ErrorView>> + Send + use<> {
        let source = self.source(model_id);
        let (clouds, workers, model_id) = (self.clouds.clone(), self.workers.clone(), model_id.to_owned());
        async move {
            let local = async |launch| {
                let not_loaded = || ErrorView::new(ErrorCode::NotLoaded, "use the model: it is not loaded");
                let (worker, lease) = workers.background(&launch).ok_or_else(not_loaded)?;
                Backend::local(worker, lease, &model_id).await
            };
            source.open(clouds, &model_id, local).await
        }
    }

    fn source(
        &self,
        model_id: &str,
    ) -> Source<Result<Launch, ErrorView>, impl Future<Output = Result<Outbound, ErrorView>> + Send + use<>>
    {
        match ModelRef::from(model_id) {
            ModelRef::Local { id } => Source::Local(self.launch(&id)),
            ModelRef::Cloud { .. } => Source::Cloud(self.outbound()),
            ModelRef::Deployment { id } => Source::Deployment(Box::new(self.deployments.model_endpoint(&id))),
        }
    }
}

impl Backend {
    fn remote(server: ModelEndpoint) -> Self {
        let ModelEndpoint { endpoint, model, label } = server;
        Self { endpoint, model, server: Arc::new(Server::Remote { label }) }
    }

    async fn local(worker: Arc<Worker>, lease: Lease, model_id: &str) -> Result<Self, ErrorView> {
        let endpoint = worker.ready().await.map_err(|failure| failure_view(&failure))?;
        let server = Arc::new(Server::Worker { worker, _lease: lease });
        Ok(Self { endpoint, model: model_id.to_owned(), server })
    }

    /// Whether it continues an answer that is begun, whatever the model.
    pub(super) fn continues(&self) -> bool {
        matches!(*self.server, Server::Worker { .. })
    }

    /// The deltas of an answer to a request without a chat. `model` is filled in.
    pub(super) async fn ask(&self, request: ChatRequest) -> Result<ChatStream, EndpointError> {
        self.endpoint.chat(&ChatRequest { model: self.model.clone(), ..request }).await
    }

    /// A route of the worker beside the protocol, with its JSON.
    ///
    /// # Errors
    /// When the model is of a cloud service or a deployment, which have none, and as an answer.
    pub(crate) async fn worker_call<R: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
    ) -> Result<R, ErrorView> {
        if let Server::Remote { label } = &*self.server {
            let message = format!("look into the model: {label} does not run on this computer");
            return Err(ErrorView::new(ErrorCode::InvalidInput, message));
        }
        match self.endpoint.worker_call(path, body).await {
            Ok(report) => Ok(report),
            Err(error) => Err(self.server.error_view(error).await),
        }
    }

    /// Sends the prompt, whose images are read from `history`, and streams the answer.
    pub(crate) async fn stream(
        self,
        prompt: Prompt,
        history: Arc<History>,
    ) -> Result<BackendStream, ErrorView> {
        let Self { endpoint, model, server } = self;
        let request = prompt.request(model, history).await?;
        let deltas = match endpoint.chat(&request).await {
            Ok(deltas) => deltas,
            Err(error) => return Err(server.error_view(error).await),
        };
        // Some services end without a finish reason. An answer that was cut off has an error before this
        // event.
        let remote = matches!(*server, Server::Remote { .. });
        let end = stream::iter(remote.then_some(Ok(BackendEvent::End { length: false })));
        let events = deltas.then(move |delta| {
            let server = server.clone();
            async move {
                match delta {
                    Ok(delta) => stream::iter(events_of(delta)),
                    Err(error) => stream::iter(vec![Err(server.error_view(error).await)]),
                }
            }
        });
        Ok(events.flatten().chain(end).boxed())
    }
}

impl Server {
    async fn error_view(&self, error: EndpointError) -> ErrorView {
        match self {
            Self::Worker { worker, .. } => worker_error(worker, error).await,
            Self::Remote { label } => cloud_error(&error, label),
        }
    }
}
