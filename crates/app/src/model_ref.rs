//! The server behind a model id, and short forms of two questions about an id.
//! The forms of ids are in `protocol::ModelRef`; which server is running is decided by the callers.
use endpoint::Endpoint;
use protocol::ModelRef;

/// An OpenAI-compatible server that answers with this model.
pub(crate) struct ModelEndpoint {
    pub endpoint: Endpoint,
    /// The server's name of the model.
    pub model: String,
    /// Names the server in errors.
    pub label: String,
}

/// The endpoint and the model of a cloud service's model.
pub(crate) fn cloud_model(model_id: &str) -> Option<(String, String)> {
    match ModelRef::from(model_id) {
        ModelRef::Cloud { endpoint, model } => Some((endpoint, model)),
        ModelRef::Local { .. } | ModelRef::Deployment { .. } => None,
    }
}

/// The id of the deployment that answers with this model.
pub(crate) fn deployment_model(model_id: &str) -> Option<String> {
    match ModelRef::from(model_id) {
        ModelRef::Deployment { id } => Some(id),
        ModelRef::Local { .. } | ModelRef::Cloud { .. } => None,
    }
}
