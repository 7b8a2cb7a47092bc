//! Cloud services that are reached with the user's key: the list to choose from, those that were added, and
//! the result of a connection test. A key is in a request only and is never returned.
use serde::{Deserialize, Serialize};
use specta::Type;

use crate::{ErrorView, Localized, SamplingView};

/// A known service.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
pub struct ProviderView {
    pub id: String,
    pub name: Localized,
    /// The base URL. Empty, or with a part in braces, when the user must complete it.
    pub address: String,
    /// The page where a key is created; empty when it is not known.
    pub key_page: String,
    /// False when the user must name the models.
    pub lists_models: bool,
}

/// The input to add a service.
#[derive(Clone, PartialEq, Serialize, Deserialize, Type)]
pub struct EndpointSpec {
    pub provider_id: String,
    /// Empty for the service's own name.
    pub name: String,
    /// Empty for the service's own address.
    pub address: String,
    /// Empty for a server in the own network that needs none.
    pub key: String,
    /// Models to offer in addition to those that the service lists.
    pub models: Vec<String>,
}

impl std::fmt::Debug for EndpointSpec {
    /// Omits the key, because debug output ends up in logs.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EndpointSpec")
            .field("provider_id", &self.provider_id)
            .field("name", &self.name)
            .field("address", &self.address)
            .field("models", &self.models)
            .finish_non_exhaustive()
    }
}

/// A change of a service; `None` leaves a value as it is.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize, Type)]
pub struct EndpointChange {
    pub name: Option<String>,
    /// A change of the host or port must come with a key: a key is sent only to the address it was added for.
    pub address: Option<String>,
    pub key: Option<String>,
    pub models: Option<Vec<String>>,
}

impl std::fmt::Debug for EndpointChange {
    /// Omits the key, as [`EndpointSpec`].
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EndpointChange")
            .field("name", &self.name)
            .field("address", &self.address)
            .field("models", &self.models)
            .finish_non_exhaustive()
    }
}

/// A service that was added. Its key never leaves the app.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
pub struct EndpointView {
    /// Its name on the command line, made of `name`.
    pub id: String,
    pub provider_id: String,
    pub name: String,
    pub address: String,
    pub key_place: KeyPlace,
    pub models: Vec<CloudModelView>,
    /// The sampling of a new chat.
    pub recommended: SamplingView,
    /// Sampling parameters that the service ignores, by their names in `SamplingView`.
    pub unused: Vec<String>,
    /// Sampling parameters that it ignores while the model thinks.
    pub unused_while_thinking: Vec<String>,
    /// False when the service cannot continue an answer.
    pub continues: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct CloudModelView {
    /// The model id of chats: `cloud:<endpoint>/<name>`.
    pub id: String,
    /// The service's name of the model.
    pub name: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "snake_case")]
pub enum KeyPlace {
    /// The keyring of the operating system.
    Keyring,
    /// An encrypted file in the data folder, where the system has no keyring.
    File,
    /// The server needs no key.
    Nowhere,
}

/// The result of a connection test, with its steps in order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
pub struct EndpointTest {
    pub steps: Vec<StepView>,
    /// The error of the failed step.
    pub error: Option<ErrorView>,
    /// The endpoint with the models of the new list.
    pub endpoint: EndpointView,
    /// The model that was asked for one token.
    pub model: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct StepView {
    pub step: ConnectionStep,
    pub state: StepState,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Type, strum::VariantArray)]
#[serde(rename_all = "snake_case")]
pub enum ConnectionStep {
    /// The proxy of the settings accepts the connection.
    Proxy,
    /// The host name is resolved.
    Name,
    Connect,
    /// The TLS handshake succeeds and the certificate is trusted.
    Tls,
    Key,
    Models,
    /// One token of an answer.
    Token,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "snake_case")]
pub enum StepState {
    Passed,
    Failed,
    /// The service does not have this, and the connection works without it.
    Absent,
    /// An earlier step failed, or the step does not apply.
    Skipped,
}
