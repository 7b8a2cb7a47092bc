//! The cloud services that were added, with their keys: what a use case changes in them, what a page shows of
//! one, and the endpoint of a model for an answer.
use std::path::Path;
use std::sync::Arc;

use contract::{
    CloudModelView, EndpointChange, EndpointSpec, EndpointView, ErrorCode, ErrorView, KeyPlace, SamplingView,
};
use endpoint::{Address, Dialect, Endpoint, Provider};
use outbound::Outbound;
use protocol::ModelRef;
use secrets::SecretBackend;

use super::failure::address_error;
use super::keys::Keys;
use super::list::{Record, Records, free_id};
use crate::blocking::blocking;
use crate::convert;
use crate::model_ref::{ModelEndpoint, cloud_model};

/// The most models that are shown of a service without DeepSeek models; some services list hundreds.
const MAX_LISTED: usize = 60;

pub(crate) struct Clouds {
    pub(super) records: Records,
    pub(crate) keys: Keys,
}

/// What DeepSeek recommends for the models that its service and most others offer today.
pub(crate) fn cloud_sampling() -> SamplingView {
    SamplingView { temperature: 1.0, top_p: 0.95, ..SamplingView::default() }
}

fn invalid(message: &str) -> ErrorView {
    ErrorView::new(ErrorCode::InvalidInput, message)
}

impl Clouds {
    /// Also returns the errors of a list or of keys that cannot be parsed.
    pub(crate) fn open(data_dir: &Path, secrets: SecretBackend) -> (Self, Vec<ErrorView>) {
        let (records, problem) = Records::open(data_dir);
        let (keys, keys_problem) = Keys::open(data_dir, secrets);
        let problems = problem.into_iter().chain(keys_problem).collect();
        (Self { records, keys }, problems)
    }

    /// Blocks on the keyring, so it must not run on a runtime thread.
    pub(super) fn endpoint(
        &self,
        record: &Record,
        outbound: Outbound,
    ) -> Result<(Endpoint, Address), ErrorView> {
        let address =
            Address::parse(&record.address).map_err(|error| address_error(error, &record.address))?;
        let key = self.keys.get(&record.key_id, record.key_place)?;
        let endpoint = Endpoint::for_service(address.clone(), key, dialect(record)).with_proxy(outbound);
        Ok((endpoint, address))
    }

    pub(crate) async fn model_endpoint(
        self: Arc<Self>,
        model_id: &str,
        outbound: Outbound,
    ) -> Result<ModelEndpoint, ErrorView> {
        let (id, model) =
            cloud_model(model_id).ok_or_else(|| invalid("find the cloud service: it has no name"))?;
        blocking("read the data folder", move || {
            let (endpoint, address) = self.endpoint(&self.records.find(&id)?, outbound)?;
            Ok(ModelEndpoint { endpoint, model, label: address.host().to_owned() })
        })
        .await
    }

    pub(super) fn add(&self, spec: EndpointSpec) -> Result<EndpointView, ErrorView> {
        let provider = endpoint::provider(&spec.provider_id).ok_or_else(|| {
            let known: Vec<&str> =
                endpoint::providers().iter().map(|provider| provider.id.as_str()).collect();
            let message = "add the cloud service: it is not one of the list";
            convert::invalid(message, &spec.provider_id, known.join(", "))
        })?;
        let typed = spec.address.trim();
        let text = if typed.is_empty() { provider.address.as_str() } else { typed };
        let address = Address::parse(text).map_err(|error| address_error(error, text))?;
        let key = valid_key(&spec.key, provider)?;
        let named = named(&spec.models);
        let key_id = uuid::Uuid::now_v7().to_string();
        let key_place = self.keys.put(&key_id, key)?;
        let name = spec.name.trim();
        let added = self.records.change(|records| {
            let name = if name.is_empty() { default_name(provider, &address) } else { name.to_owned() };
            let record = Record {
                id: free_id(records, if provider.id == "custom" { &name } else { &provider.id }),
                provider_id: provider.id.clone(),
                name,
                address: address.to_string(),
                key_id: key_id.clone(),
                key_place,
                named,
                listed: Vec::new(),
            };
            records.push(record.clone());
            record
        });
        match added {
            Ok(record) => Ok(view(&record)),
            Err(error) => {
                // Nothing would refer to the key any more.
                self.keys.remove(&key_id, key_place)?;
                Err(error)
            }
        }
    }

    /// The new key is stored before the record refers to it, and the old key is removed afterwards. If a step
    /// in between fails, one of the two keys works.
    pub(super) fn change(&self, id: &str, change: &EndpointChange) -> Result<EndpointView, ErrorView> {
        let old = self.records.find(id)?;
        let provider = endpoint::provider(&old.provider_id).or_else(|| endpoint::provider("custom"));
        let provider = provider.ok_or_else(|| invalid("change the cloud service: its kind is not known"))?;
        let mut new = old.clone();
        if let Some(text) = &change.address {
            let address = Address::parse(text).map_err(|error| address_error(error, text))?;
            let before = Address::parse(&old.address).ok();
            let moved = before.is_none_or(|before| !before.same_server(&address));
            if moved && change.key.is_none() && old.key_place != KeyPlace::Nowhere {
                return Err(invalid(
                    "change the address: a key goes only where it was meant for, so enter it again",
                ));
            }
            new.address = address.to_string();
            if new.address != old.address {
                new.listed.clear();
            }
        }
        if let Some(name) = change.name.as_deref().map(str::trim).filter(|name| !name.is_empty()) {
            new.name = name.to_owned();
        }
        if let Some(models) = &change.models {
            new.named = named(models);
        }
        if let Some(key) = &change.key {
            let key = valid_key(key, provider)?;
            new.key_id = uuid::Uuid::now_v7().to_string();
            new.key_place = self.keys.put(&new.key_id, key)?;
        }
        let kept = self.records.change(|records| {
            let known = records.iter_mut().find(|record| record.id == id);
            known.map(|record| *record = new.clone()).is_some()
        });
        let rotated = new.key_id != old.key_id;
        match kept {
            Ok(true) if rotated => self.keys.remove(&old.key_id, old.key_place)?,
            Ok(true) => {}
            // The service was removed meanwhile, or the list could not be written.
            other => {
                if rotated {
                    self.keys.remove(&new.key_id, new.key_place)?;
                }
                other?;
                self.records.find(id)?;
            }
        }
        Ok(view(&new))
    }

    /// Removes the key first: a service without a key can be removed later, a key without a service cannot be
    /// found.
    pub(super) fn remove(&self, id: &str) -> Result<(), ErrorView> {
        let record = self.records.find(id)?;
        self.keys.remove(&record.key_id, record.key_place)?;
        self.records.change(|records| records.retain(|record| record.id != id))
    }
}

fn default_name(provider: &Provider, address: &Address) -> String {
    if provider.id == "custom" { address.host().to_owned() } else { provider.name.en.clone() }
}

fn valid_key<'a>(typed: &'a str, provider: &Provider) -> Result<&'a str, ErrorView> {
    let key = typed.trim();
    // A key that is not valid in a header was pasted together with something else.
    if !key.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(invalid("keep the key: a key has no spaces and no letters beyond English ones"));
    }
    if key.is_empty() && provider.id != "custom" {
        return Err(invalid("keep the cloud service: its key is missing"));
    }
    Ok(key)
}

fn named(models: &[String]) -> Vec<String> {
    models.iter().map(|model| model.trim().to_owned()).filter(|model| !model.is_empty()).collect()
}

pub(super) fn dialect(record: &Record) -> Dialect {
    let provider = endpoint::provider(&record.provider_id).or_else(|| endpoint::provider("custom"));
    provider.map(|provider| provider.dialect.clone()).unwrap_or_default()
}

pub(super) fn view(record: &Record) -> EndpointView {
    let dialect = dialect(record);
    let mut models: Vec<CloudModelView> = Vec::new();
    for name in record.named.iter().chain(&offered(&record.listed)) {
        let id = ModelRef::cloud(&record.id, name).to_string();
        if models.iter().all(|model| model.id != id) {
            models.push(CloudModelView { id, name: name.clone() });
        }
    }
    EndpointView {
        id: record.id.clone(),
        provider_id: record.provider_id.clone(),
        name: record.name.clone(),
        address: record.address.clone(),
        key_place: record.key_place,
        models,
        recommended: cloud_sampling(),
        unused: dialect.unused_params(),
        unused_while_thinking: dialect.ignored_while_thinking.clone(),
        continues: dialect.continuation.is_some(),
    }
}

/// The DeepSeek models of a service's list; the first models of a list without any.
pub(super) fn offered(listed: &[String]) -> Vec<String> {
    let deepseek = |name: &&String| name.to_lowercase().contains("deepseek");
    let own: Vec<String> = listed.iter().filter(deepseek).cloned().collect();
    if own.is_empty() { listed.iter().take(MAX_LISTED).cloned().collect() } else { own }
}
