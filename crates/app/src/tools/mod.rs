//! Tools as use cases: servers of the Model Context Protocol and the built-in tools are listed, added,
//! changed, switched and allowed, and an answer is offered those that are on. How an answer calls them is in
//! `answer/tool_loop.rs`.
mod decisions;
mod failure;
mod offered;
mod record;
mod registry;
mod results;
mod servers;
mod spec;

use contract::{
    AppEvent, BUILT_IN_TOOLS, ErrorCode, ErrorView, KeyPlace, ToolDecision, ToolPermission, ToolResultPage,
    ToolServerSpec, ToolServerView, ToolTransport, ToolsView, WebSearchService, WebSearchSpec, WebSearchView,
};
use history::History;
use serde_json::Value;

pub(crate) use self::offered::{Function, OfferedTools, arguments_of};
pub(crate) use self::registry::Tools;
pub(crate) use self::results::result_for_model;

use self::failure::{import_error, invalid};
use self::offered::{descriptions, functions};
use self::record::{Record, StoredSearch, StoredTransport};
use self::registry::SEARCH_KEY;
use self::results::{PAGE_CHARS, page_chars};
use self::spec::{Secrets, parts, spec_of};
use crate::App;
use crate::blocking::blocking;

impl App {
    /// The built-in tools and the servers, without starting any.
    pub async fn tools(&self) -> Result<ToolsView, ErrorView> {
        let records = self.tools.records.all()?;
        let built_in = records.iter().find(|record| record.is_built_in());
        let search = built_in.and_then(|record| {
            let StoredSearch { service, address } = record.search.clone()?;
            Some(WebSearchView { service, address, has_key: record.secrets_place != KeyPlace::Nowhere })
        });
        Ok(ToolsView { servers: records.iter().map(|record| self.tools.view(record)).collect(), search })
    }

    /// The servers of an `mcpServers` JSON. Adds and starts nothing.
    pub async fn tool_servers_read(&self, text: &str) -> Result<Vec<ToolServerSpec>, ErrorView> {
        let servers = tools::read_servers(text).map_err(|error| import_error(&error))?;
        Ok(servers.into_iter().map(|(name, transport)| spec_of(name, transport)).collect())
    }

    /// Adds a server, switched on, and starts it to learn its tools. One that does not start stays in the
    /// list with its error.
    pub async fn tool_server_add(&self, spec: ToolServerSpec) -> Result<ToolServerView, ErrorView> {
        let tools = self.tools.clone();
        let record = blocking("read the data folder", move || tools.add(&spec)).await?;
        self.host.emit(AppEvent::ToolsChanged);
        self.tool_server_restart(&record.id).await
    }

    /// Changes a server and starts it again.
    pub async fn tool_server_change(
        &self,
        id: &str,
        spec: ToolServerSpec,
    ) -> Result<ToolServerView, ErrorView> {
        let (tools, of) = (self.tools.clone(), id.to_owned());
        blocking("read the data folder", move || {
            let old = tools.records.find(&of)?;
            // Values go only where they were meant for.
            let kept = if moved(&old, &spec) { Secrets::new() } else { tools.secrets(&old)? };
            let (transport, secrets) = parts(&spec, &kept)?;
            tools.replace(&of, &secrets, |record| {
                record.name = spec.name.trim().to_owned();
                record.transport = Some(transport);
            })
        })
        .await?;
        self.tool_server_restart(id).await
    }

    /// Ends and removes a server with its values. Chats keep its calls.
    pub async fn tool_server_remove(&self, id: &str) -> Result<(), ErrorView> {
        let record = self.tools.records.find(id)?;
        if record.is_built_in() {
            return Err(invalid("id"));
        }
        self.tools.servers.stop(id).await;
        let (tools, id) = (self.tools.clone(), id.to_owned());
        blocking("read the data folder", move || {
            tools.forget(&record.secrets_id, record.secrets_place)?;
            tools.records.change(|records| records.retain(|record| record.id != id))
        })
        .await?;
        self.host.emit(AppEvent::ToolsChanged);
        Ok(())
    }

    /// Whether the tools of a server are offered. One that is switched off ends.
    pub async fn tool_server_switch(&self, id: &str, on: bool) -> Result<ToolServerView, ErrorView> {
        let record = self.tools.records.update(id, |record| record.on = on)?;
        if !on && !record.is_built_in() {
            self.tools.servers.stop(id).await;
        }
        self.host.emit(AppEvent::ToolsChanged);
        if on && !record.is_built_in() && record.tools.is_empty() {
            return self.tool_server_restart(id).await;
        }
        Ok(self.tools.view(&record))
    }

    /// Starts a server, again where it runs. An error is in the view that is returned.
    pub async fn tool_server_restart(&self, id: &str) -> Result<ToolServerView, ErrorView> {
        let record = self.tools.records.find(id)?;
        if !record.is_built_in() {
            self.tools.servers.stop(id).await;
            // The list shows why it failed.
            let _ = self.tools.running(&record, &self.outbound().await?).await;
        }
        Ok(self.tools.view(&self.tools.records.find(id)?))
    }

    /// Whether a tool is asked about, may run, or is not offered.
    pub async fn tool_permission_set(
        &self,
        id: &str,
        tool: &str,
        permission: ToolPermission,
    ) -> Result<(), ErrorView> {
        self.tools.permit(id, tool, permission)
    }

    /// Sets the service of the built-in search; `None` removes it.
    pub async fn web_search_set(&self, spec: Option<WebSearchSpec>) -> Result<(), ErrorView> {
        let tools = self.tools.clone();
        blocking("read the data folder", move || {
            let kept = tools.secrets(&tools.records.find(BUILT_IN_TOOLS)?)?;
            let (search, secrets) = match spec {
                None => (None, Secrets::new()),
                Some(spec) => web_search(spec, kept)?,
            };
            tools.replace(BUILT_IN_TOOLS, &secrets, |record| record.search = search)
        })
        .await?;
        self.host.emit(AppEvent::ToolsChanged);
        Ok(())
    }

    /// Tells an answer what the user decided about a call that waits. Wrong arguments leave it waiting.
    pub async fn tool_call_decide(
        &self,
        chat_id: &str,
        call_id: &str,
        decision: ToolDecision,
    ) -> Result<(), ErrorView> {
        if let ToolDecision::Run { arguments: Some(arguments), .. } = &decision
            && self.tools.decisions.waits(chat_id, call_id)
        {
            arguments_of(arguments)?;
        }
        self.tools.decisions.decide(chat_id, call_id, decision)
    }

    /// A page of a result, counted from 1.
    pub async fn tool_result_page(
        &self,
        message_id: &str,
        call_id: &str,
        page: u32,
    ) -> Result<ToolResultPage, ErrorView> {
        let (message, call_id) = (message_id.to_owned(), call_id.to_owned());
        let gone =
            || ErrorView::new(ErrorCode::ToolCallGone, "show the result: there is no such call or page");
        let result =
            self.with_history_of(message_id, move |history| result_of(history, &message, &call_id)).await?;
        let result = result.ok_or_else(gone)?;
        let (text, pages) = tools::page_of(&result, PAGE_CHARS, page as usize).ok_or_else(gone)?;
        Ok(ToolResultPage { text: text.to_owned(), page, pages: pages as u32 })
    }

    /// What an answer is offered; `None` where no tool is on. A server whose tools are not known yet is
    /// started.
    pub(crate) async fn offered_tools(
        &self,
        chat_id: &str,
        context: Option<u32>,
    ) -> Result<Option<OfferedTools>, ErrorView> {
        let mut records = self.tools.records.all()?;
        if !records.iter().any(|record| record.on) {
            return Ok(None);
        }
        let outbound = self.outbound().await?;
        let is_unknown = |record: &&Record| record.on && record.tools.is_empty();
        for record in records.iter().filter(is_unknown) {
            self.tools.running(record, &outbound).await.map_err(|error| error.with("name", &record.name))?;
        }
        if records.iter().any(|record| is_unknown(&record)) {
            records = self.tools.records.all()?;
        }
        let offered = OfferedTools {
            tools: self.tools.clone(),
            history: self.chats_file.of(chat_id)?,
            outbound,
            chat_id: chat_id.to_owned(),
            page_chars: page_chars(context),
            functions: functions(&records),
        };
        Ok(Some(offered).filter(|offered| !offered.functions.is_empty()))
    }

    /// What a prompt that is only counted has of tools. It is counted while one types, so no server is
    /// started and no key is read.
    pub(crate) fn known_functions(&self) -> Result<Vec<Value>, ErrorView> {
        Ok(descriptions(&functions(&self.tools.records.all()?)))
    }
}

/// Whether the server of an address is another one now.
fn moved(old: &Record, new: &ToolServerSpec) -> bool {
    match (&old.transport, &new.transport) {
        (Some(StoredTransport::Http { url, .. }), ToolTransport::Http { url: new, .. }) => {
            let origin = |url: &str| url.split('/').take(3).map(str::to_owned).collect::<Vec<_>>();
            origin(url.trim()) != origin(new.trim())
        }
        (Some(StoredTransport::Stdio { .. }), ToolTransport::Stdio { .. }) => false,
        _ => true,
    }
}

fn result_of(
    history: &History,
    message_id: &str,
    call_id: &str,
) -> Result<Option<String>, history::HistoryError> {
    let chat_id = history.message(message_id)?.chat_id;
    history.tool_call_result(&chat_id, call_id)
}

fn web_search(spec: WebSearchSpec, mut kept: Secrets) -> Result<(Option<StoredSearch>, Secrets), ErrorView> {
    let WebSearchSpec { service, address, key } = spec;
    let address = address.trim().trim_end_matches('/').to_owned();
    let own = service == WebSearchService::Searxng;
    if own && !address.starts_with("http://") && !address.starts_with("https://") {
        return Err(invalid("address"));
    }
    if let Some(key) = key {
        kept.insert(SEARCH_KEY.to_owned(), key.trim().to_owned());
    }
    if own {
        kept.clear();
    } else if kept.get(SEARCH_KEY).is_none_or(String::is_empty) {
        return Err(invalid("key"));
    }
    let address = if own { address } else { String::new() };
    Ok((Some(StoredSearch { service, address }), kept))
}
