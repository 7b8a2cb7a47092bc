//! What the model id of a chat refers to: a model of this computer, of a cloud service, or of a deployment.
//! Chats, settings and the page keep the id as a string, whose form must not change.
use std::fmt;

use serde::{Deserialize, Serialize};

const CLOUD: &str = "cloud:";
const DEPLOYMENT: &str = "deployment:";

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub enum ModelRef {
    /// A model of the catalogue or one that the user imported, which the worker runs: its id.
    Local { id: String },
    /// `cloud:<endpoint>/<model>`; the name of the model may contain slashes.
    Cloud { endpoint: String, model: String },
    /// `deployment:<id>`
    Deployment { id: String },
}

impl ModelRef {
    pub fn cloud(endpoint: &str, model: &str) -> Self {
        Self::Cloud { endpoint: endpoint.to_owned(), model: model.to_owned() }
    }

    pub fn deployment(id: &str) -> Self {
        Self::Deployment { id: id.to_owned() }
    }
}

impl From<&str> for ModelRef {
    fn from(model_id: &str) -> Self {
        let cloud = model_id.strip_prefix(CLOUD).and_then(|rest| rest.split_once('/'));
        match (cloud, model_id.strip_prefix(DEPLOYMENT)) {
            (Some((endpoint, model)), _) => Self::cloud(endpoint, model),
            (None, Some(id)) => Self::deployment(id),
            (None, None) => Self::Local { id: model_id.to_owned() },
        }
    }
}

impl From<String> for ModelRef {
    fn from(model_id: String) -> Self {
        Self::from(model_id.as_str())
    }
}

impl From<ModelRef> for String {
    fn from(model: ModelRef) -> Self {
        model.to_string()
    }
}

impl fmt::Display for ModelRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Local { id } => f.write_str(id),
            Self::Cloud { endpoint, model } => write!(f, "{CLOUD}{endpoint}/{model}"),
            Self::Deployment { id } => write!(f, "{DEPLOYMENT}{id}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_names_where_its_model_runs() {
        let cloud = ModelRef::cloud("hub", "deepseek-ai/V3");
        assert_eq!(ModelRef::from("cloud:hub/deepseek-ai/V3"), cloud);
        assert_eq!(ModelRef::from("deployment:1"), ModelRef::deployment("1"));
        for local in ["guide", "cloud:without-a-model", "cloud"] {
            assert_eq!(ModelRef::from(local), ModelRef::Local { id: local.to_owned() });
        }
        for id in ["guide", "cloud:hub/deepseek-ai/V3", "deployment:1", "cloud"] {
            assert_eq!(ModelRef::from(id).to_string(), id);
            assert_eq!(serde_json::to_value(ModelRef::from(id)).expect("is data"), id);
        }
    }
}
