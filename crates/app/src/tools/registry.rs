//! The servers of tools, their settings with their secrets, and the calls that wait: what the use cases of
//! tools and the answers share. Does not know `App`.
use std::path::{Path, PathBuf};
use std::sync::Arc;

use contract::{
    AppEvent, BUILT_IN_TOOLS, ErrorCode, ErrorView, KeyPlace, ToolPermission, ToolServerSpec,
    ToolServerState, ToolServerView, ToolView, WebSearchService,
};
use outbound::Outbound;
use serde_json::{Map, Value};
use tools::{McpServer, Search, SearchService, Timeouts, ToolResult};

use super::decisions::Decisions;
use super::failure::{invalid, tool_error};
use super::record::{Record, Records, StoredTool};
use super::servers::Servers;
use super::spec::{Secrets, parts, view, with_secrets};
use crate::Host;
use crate::blocking::blocking;
use crate::cloud::Clouds;
use crate::convert::failure_view;
use crate::list_file::free_id;

/// The name of the search service's key among the secrets of the built-in tools.
pub(super) const SEARCH_KEY: &str = "key";

/// The servers, their settings and the calls that wait.
pub(crate) struct Tools {
    pub(super) records: Records,
    pub(super) servers: Servers,
    pub(crate) decisions: Decisions,
    clouds: Arc<Clouds>,
    engine_binary: PathBuf,
    host: Arc<dyn Host>,
}

impl Tools {
    /// Also returns the error of a list that cannot be parsed.
    pub(crate) fn open(
        data_dir: &Path,
        engine_binary: &Path,
        clouds: Arc<Clouds>,
        host: Arc<dyn Host>,
    ) -> (Self, Option<ErrorView>) {
        let (records, problem) = Records::open(data_dir);
        let servers = Servers::new(host.clone(), timeouts());
        let (decisions, engine_binary) = (Decisions::default(), engine_binary.to_owned());
        (Self { records, servers, decisions, clouds, engine_binary, host }, problem)
    }

    pub(super) fn permit(&self, id: &str, tool: &str, permission: ToolPermission) -> Result<(), ErrorView> {
        self.records.update(id, |record| {
            record.permissions.insert(tool.to_owned(), permission);
        })?;
        self.host.emit(AppEvent::ToolsChanged);
        Ok(())
    }

    /// Blocks on the keyring, so it must not run on a runtime thread.
    pub(super) fn secrets(&self, record: &Record) -> Result<Secrets, ErrorView> {
        let text = self.clouds.keys.get(&record.secrets_id, record.secrets_place)?;
        let parsed = text.map(|text| serde_json::from_str(&text)).transpose();
        parsed.map(Option::unwrap_or_default).map_err(|error| {
            ErrorView::new(ErrorCode::KeyStoreFailed, format!("read the values of the tool server: {error}"))
        })
    }

    /// Stores values under a new id. Blocks, as [`Tools::secrets`].
    pub(super) fn keep(&self, secrets: &Secrets) -> Result<(String, KeyPlace), ErrorView> {
        if secrets.is_empty() {
            return Ok((String::new(), KeyPlace::Nowhere));
        }
        let text = serde_json::to_string(secrets)
            .map_err(|error| ErrorView::new(ErrorCode::Internal, error.to_string()))?;
        let id = uuid::Uuid::now_v7().to_string();
        let place = self.clouds.keys.put(&id, &text)?;
        Ok((id, place))
    }

    pub(super) fn forget(&self, id: &str, place: KeyPlace) -> Result<(), ErrorView> {
        if place == KeyPlace::Nowhere { Ok(()) } else { self.clouds.keys.remove(id, place) }
    }

    /// Replaces the values of a record: the new ones are stored before it refers to them.
    pub(super) fn replace(
        &self,
        id: &str,
        secrets: &Secrets,
        change: impl FnOnce(&mut Record),
    ) -> Result<Record, ErrorView> {
        let old = self.records.find(id)?;
        let (secrets_id, place) = self.keep(secrets)?;
        let changed = self.records.update(id, |record| {
            change(record);
            record.secrets_id.clone_from(&secrets_id);
            record.secrets_place = place;
        });
        match changed {
            Ok(record) => {
                self.forget(&old.secrets_id, old.secrets_place)?;
                Ok(record)
            }
            Err(error) => {
                self.forget(&secrets_id, place)?;
                Err(error)
            }
        }
    }

    pub(super) fn add(&self, spec: &ToolServerSpec) -> Result<Record, ErrorView> {
        let (transport, secrets) = parts(spec, &Secrets::new())?;
        let (secrets_id, secrets_place) = self.keep(&secrets)?;
        let added = self.records.change(|records| {
            let taken = |id: &str| id == BUILT_IN_TOOLS || records.iter().any(|record| record.id == id);
            let record = Record {
                id: free_id(&spec.name, "server", taken),
                name: spec.name.trim().to_owned(),
                on: true,
                transport: Some(transport),
                secrets_id: secrets_id.clone(),
                secrets_place,
                permissions: Default::default(),
                tools: Vec::new(),
                search: None,
            };
            records.push(record.clone());
            record
        });
        if added.is_err() {
            // Nothing would refer to the values any more.
            self.forget(&secrets_id, secrets_place)?;
        }
        added
    }

    /// The running server of a record.
    pub(super) async fn running(
        self: &Arc<Self>,
        record: &Record,
        outbound: &Outbound,
    ) -> Result<Arc<McpServer>, ErrorView> {
        let Some(transport) = &record.transport else { return Err(invalid("id")) };
        let (tools, of) = (self.clone(), record.clone());
        let secrets = blocking("read the data folder", move || tools.secrets(&of)).await?;
        let listed = |listed: Vec<tools::ToolDescription>| {
            let tools: Vec<StoredTool> = listed.into_iter().map(StoredTool::from).collect();
            self.records.update(&record.id, |record| record.tools = tools).map(drop)
        };
        self.servers.running(&record.id, &with_secrets(transport, &secrets), outbound, listed).await
    }

    /// Calls a tool of a server, which is started where it does not run.
    pub(super) async fn call(
        self: &Arc<Self>,
        id: &str,
        tool: &str,
        arguments: Map<String, Value>,
        outbound: &Outbound,
    ) -> Result<ToolResult, ErrorView> {
        let server = self.running(&self.records.find(id)?, outbound).await?;
        let result = server.call(tool, arguments).await;
        if server.is_closed() {
            self.host.emit(AppEvent::ToolsChanged);
        }
        result.map_err(|error| tool_error(&error))
    }

    /// The text of a page, read as an attached document is.
    pub(super) async fn read_web_page(
        &self,
        outbound: &Outbound,
        url: &str,
    ) -> Result<ToolResult, ErrorView> {
        let anywhere = std::env::var_os("WHALEDECK_TEST_ANY_ADDRESS").is_some();
        let page = match tools::read_web_page(outbound, url, anywhere).await {
            Ok(page) => page,
            Err(error) => return Ok(ToolResult::error(error.to_string())),
        };
        let extracted = deploy::extract_document(&self.engine_binary, &page.file_name, page.content).await;
        let document = extracted.map_err(|failure| failure_view(&failure))?;
        let pages: Vec<String> = document.pages.into_iter().map(|page| page.text).collect();
        Ok(ToolResult::text(format!("{}\n\n{}", page.url, pages.join("\n\n"))))
    }

    pub(super) async fn search_web(
        self: &Arc<Self>,
        outbound: &Outbound,
        query: &str,
    ) -> Result<ToolResult, ErrorView> {
        let record = self.records.find(BUILT_IN_TOOLS)?;
        let Some(search) = record.search.clone() else {
            return Ok(ToolResult::error("No search service is set."));
        };
        let tools = self.clone();
        let mut secrets = blocking("read the data folder", move || tools.secrets(&record)).await?;
        let service = match search.service {
            WebSearchService::Searxng => SearchService::Searxng,
            WebSearchService::Brave => SearchService::Brave,
            WebSearchService::Tavily => SearchService::Tavily,
        };
        let key = secrets.remove(SEARCH_KEY).unwrap_or_default();
        let search = Search { service, address: search.address, key };
        tools::search_web(outbound, &search, query).await.map_err(|error| tool_error(&error))
    }

    pub(super) fn view(&self, record: &Record) -> ToolServerView {
        let (state, log) = match record.is_built_in() {
            true => (ToolServerState::Ready, Vec::new()),
            false => {
                let shown = self.servers.shown(&record.id);
                (shown.state, shown.log)
            }
        };
        let tool = |tool: &StoredTool| ToolView {
            name: tool.name.clone(),
            title: tool.title.clone(),
            description: tool.description.clone(),
            permission: record.permission(&tool.name),
            read_only: tool.read_only,
        };
        ToolServerView {
            id: record.id.clone(),
            name: record.name.clone(),
            on: record.on,
            transport: record.transport.as_ref().map(view),
            state,
            tools: record.tools.iter().map(tool).collect(),
            log,
        }
    }
}

/// A test makes them short.
fn timeouts() -> Timeouts {
    let seconds = std::env::var("WHALEDECK_TOOL_TIMEOUT").ok().and_then(|text| text.parse().ok());
    let limit = seconds.map(std::time::Duration::from_secs);
    limit.map_or_else(Timeouts::default, |limit| Timeouts { start: limit, call: limit, longest_call: limit })
}
