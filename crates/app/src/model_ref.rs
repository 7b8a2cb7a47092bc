//! What the model id of a chat refers to: a model of this computer, one of a cloud service, or a deployment.
//! The ids are stored in chats and known to the page, so their form stays as it is.
use endpoint::Endpoint;

const CLOUD: &str = "cloud:";
const DEPLOYMENT: &str = "deployment:";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ModelRef<'a> {
    /// Of the catalogue, or one that the user imported. Answered by the worker.
    Local(&'a str),
    /// `cloud:<endpoint>/<model>`
    Cloud { endpoint: &'a str, model: &'a str },
    /// `deployment:<id>`
    Deployment(&'a str),
}

/// An OpenAI-compatible server that answers with this model.
pub(crate) struct ModelEndpoint {
    pub endpoint: Endpoint,
    /// The server's name of the model.
    pub model: String,
    /// Names the server in errors.
    pub label: String,
}

impl<'a> ModelRef<'a> {
    pub(crate) fn parse(model_id: &'a str) -> Self {
        let cloud = model_id.strip_prefix(CLOUD).and_then(|rest| rest.split_once('/'));
        match (cloud, model_id.strip_prefix(DEPLOYMENT)) {
            (Some((endpoint, model)), _) => Self::Cloud { endpoint, model },
            (None, Some(id)) => Self::Deployment(id),
            (None, None) => Self::Local(model_id),
        }
    }
}

/// The model id of a cloud service's model.
pub(crate) fn cloud_id(endpoint: &str, model: &str) -> String {
    format!("{CLOUD}{endpoint}/{model}")
}

/// The model id of a deployment.
pub(crate) fn deployment_id(id: &str) -> String {
    format!("{DEPLOYMENT}{id}")
}

/// The endpoint and the model of a cloud service's model.
pub(crate) fn cloud_model(model_id: &str) -> Option<(&str, &str)> {
    match ModelRef::parse(model_id) {
        ModelRef::Cloud { endpoint, model } => Some((endpoint, model)),
        ModelRef::Local(_) | ModelRef::Deployment(_) => None,
    }
}

/// The id of the deployment that answers with this model.
pub(crate) fn deployment_model(model_id: &str) -> Option<&str> {
    match ModelRef::parse(model_id) {
        ModelRef::Deployment(id) => Some(id),
        ModelRef::Local(_) | ModelRef::Cloud { .. } => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_names_where_its_model_runs() {
        let cloud = ModelRef::Cloud { endpoint: "hub", model: "deepseek-ai/V3" };
        assert_eq!(ModelRef::parse(&cloud_id("hub", "deepseek-ai/V3")), cloud);
        assert_eq!(ModelRef::parse(&deployment_id("1")), ModelRef::Deployment("1"));
        for local in ["guide", "cloud:without-a-model", "cloud"] {
            assert_eq!(ModelRef::parse(local), ModelRef::Local(local));
        }
    }
}
