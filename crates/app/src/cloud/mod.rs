//! Cloud services as use cases: add, list, change, test and remove them. The only module that handles a cloud
//! key.

mod check;
mod failure;
mod keys;
mod list;
mod prices;
mod services;

use contract::{
    AppEvent, EndpointChange, EndpointSpec, EndpointTest, EndpointView, ErrorCode, ErrorView, KeyPlace,
    Localized, ProviderView,
};
use endpoint::Provider;

use self::check::{ConnectionTest, run};
use self::services::{dialect, view};
use crate::App;
use crate::blocking::blocking;
use crate::model_ref::{cloud_model, deployment_model};

pub(crate) use self::failure::cloud_error;
pub(crate) use self::prices::Prices;
pub(crate) use self::services::{Clouds, cloud_sampling};

impl App {
    /// The known services.
    pub async fn providers(&self) -> Result<Vec<ProviderView>, ErrorView> {
        let view = |provider: &Provider| ProviderView {
            id: provider.id.clone(),
            name: Localized { en: provider.name.en.clone(), zh: provider.name.zh.clone() },
            address: if provider.id == "custom" { String::new() } else { provider.address.clone() },
            key_page: provider.key_page.clone(),
            lists_models: provider.dialect.lists_models,
        };
        Ok(endpoint::providers().iter().map(view).collect())
    }

    /// The services that were added, the oldest first.
    pub async fn endpoints(&self) -> Result<Vec<EndpointView>, ErrorView> {
        Ok(self.clouds.records.all()?.iter().map(view).collect())
    }

    /// Adds a service and stores its key. Sends no request to it.
    pub async fn endpoint_add(&self, spec: EndpointSpec) -> Result<EndpointView, ErrorView> {
        let clouds = self.clouds.clone();
        let added = blocking("read the data folder", move || clouds.add(spec)).await?;
        self.host.emit(AppEvent::EndpointsChanged);
        Ok(added)
    }

    /// Changes the key, address, name or models; existing chats use the change. Sends no request to the
    /// service.
    pub async fn endpoint_change(&self, id: &str, change: EndpointChange) -> Result<EndpointView, ErrorView> {
        let (clouds, id) = (self.clouds.clone(), id.to_owned());
        let changed = blocking("read the data folder", move || clouds.change(&id, &change)).await?;
        self.host.emit(AppEvent::EndpointsChanged);
        Ok(changed)
    }

    /// Tests the connection up to one token of an answer, and stores the list of models that the service
    /// returns.
    pub async fn endpoint_test(&self, id: &str, model: Option<&str>) -> Result<EndpointTest, ErrorView> {
        let record = self.clouds.records.find(id)?;
        let (clouds, of) = (self.clouds.clone(), record.clone());
        let outbound = self.outbound().await?;
        let proxied = outbound.has_proxy();
        let (endpoint, address) =
            blocking("read the data folder", move || clouds.endpoint(&of, outbound)).await?;
        let tested = run(ConnectionTest {
            endpoint: &endpoint,
            host: address.host(),
            proxied,
            secure: record.address.starts_with("https://"),
            has_key: record.key_place != KeyPlace::Nowhere,
            lists: dialect(&record).lists_models,
            model: model.or(record.named.first().map(String::as_str)),
        })
        .await;
        let record = match tested.listed {
            Some(listed) => {
                let id = id.to_owned();
                let kept = self.clouds.records.change(move |records| {
                    records.iter_mut().find(|record| record.id == id).map(|record| {
                        record.listed = listed;
                        record.clone()
                    })
                })?;
                self.host.emit(AppEvent::EndpointsChanged);
                kept.unwrap_or(record)
            }
            None => record,
        };
        let (steps, error, model) = (tested.steps, tested.error, tested.model);
        Ok(EndpointTest { steps, error, endpoint: view(&record), model })
    }

    /// Removes the service and its key. Its chats stay.
    pub async fn endpoint_remove(&self, id: &str) -> Result<(), ErrorView> {
        let (clouds, id) = (self.clouds.clone(), id.to_owned());
        blocking("read the data folder", move || clouds.remove(&id)).await?;
        self.host.emit(AppEvent::EndpointsChanged);
        Ok(())
    }

    /// Refuses to continue an answer where the service cannot.
    pub(crate) async fn check_continuation(&self, chat_id: &str) -> Result<(), ErrorView> {
        let model_id = self.chat_model(chat_id).await?;
        let cannot =
            || ErrorView::new(ErrorCode::ContinueUnsupported, "go on with the answer: the service cannot");
        if deployment_model(&model_id).is_some() {
            return Err(cannot());
        }
        let Some((id, _)) = cloud_model(&model_id) else { return Ok(()) };
        if dialect(&self.clouds.records.find(&id)?).continuation.is_some() {
            return Ok(());
        }
        Err(cannot())
    }
}
