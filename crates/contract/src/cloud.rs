//! Cloud services that are reached with the user's key: the list to choose from, those that were added, and
//! the result of a connection test. A key enters here and never comes back out.
use serde::{Deserialize, Serialize};
use specta::Type;

use crate::{ErrorView, Localized, SamplingView};

/// A service that can be chosen by name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
pub struct ProviderView {
    pub id: String,
    pub name: Localized,
    /// What calls are added to. Empty, or with a part in braces, when the person has to say it.
    pub address: String,
    /// Where a key is made; empty where that is not known.
    pub key_page: String,
    /// False where the person has to name the models.
    pub lists_models: bool,
}

/// What the person types to add a service.
#[derive(Clone, PartialEq, Serialize, Deserialize, Type)]
pub struct EndpointSpec {
    pub provider_id: String,
    /// Empty for the service's own name.
    pub name: String,
    /// Empty for the service's own address.
    pub address: String,
    /// Empty where a server on the own network wants none.
    pub key: String,
    /// Models to offer beside those that the service lists.
    pub models: Vec<String>,
}

impl std::fmt::Debug for EndpointSpec {
    /// Without the key: what is printed ends in logs.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EndpointSpec")
            .field("provider_id", &self.provider_id)
            .field("name", &self.name)
            .field("address", &self.address)
            .field("models", &self.models)
            .finish_non_exhaustive()
    }
}

/// What is to be different about a service that was added; `None` leaves it as it is.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize, Type)]
pub struct EndpointChange {
    pub name: Option<String>,
    /// Another computer or port needs its key with it: a key is sent only where it was meant for.
    pub address: Option<String>,
    pub key: Option<String>,
    pub models: Option<Vec<String>>,
}

impl std::fmt::Debug for EndpointChange {
    /// Without the key, as [`EndpointSpec`].
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
    /// A word for the command line, made of the name.
    pub id: String,
    pub provider_id: String,
    pub name: String,
    pub address: String,
    pub key_place: KeyPlace,
    pub models: Vec<CloudModelView>,
    /// The style of a new chat.
    pub recommended: SamplingView,
    /// Values of the style that the service does not use, by their names in `SamplingView`.
    pub unused: Vec<String>,
    /// Those that it does not use while the model thinks.
    pub unused_while_thinking: Vec<String>,
    /// False where an answer that was cut off cannot be gone on with.
    pub continues: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct CloudModelView {
    /// What chats call it: `cloud:<endpoint>/<name>`.
    pub id: String,
    /// What the service calls it.
    pub name: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "snake_case")]
pub enum KeyPlace {
    /// The operating system's own store of secrets.
    Keyring,
    /// A sealed file in the data folder, where the system offers no store.
    File,
    /// The server wants no key.
    Nowhere,
}

/// The steps of a connection, in order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
pub struct EndpointTest {
    pub steps: Vec<StepView>,
    /// Why the step that failed did.
    pub error: Option<ErrorView>,
    /// The endpoint with the models that were listed now.
    pub endpoint: EndpointView,
    /// The model that was asked for a word.
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
    /// The proxy of the settings is there and lets the connection through.
    Proxy,
    /// The computer of the address has a name that is known.
    Name,
    Connect,
    /// The connection is private and its certificate is trusted.
    Tls,
    Key,
    Models,
    /// A word of an answer.
    Token,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "snake_case")]
pub enum StepState {
    Passed,
    Failed,
    /// It was tried, the service has nothing of the kind, and the connection does without.
    Absent,
    /// A step before it failed, or it does not apply.
    Skipped,
}
