//! Searches the web through a service that the user has chosen: a SearXNG server, Brave or Tavily.
//! Of their answers only titles, addresses and excerpts are kept.
use std::time::Duration;

use outbound::Outbound;
use reqwest::{RequestBuilder, Url, redirect};
use serde_json::{Value, json};

use super::web_page::root_cause;
use crate::{ToolError, ToolResult};

const TIMEOUT: Duration = Duration::from_secs(20);
const MOST_BYTES: usize = 4 << 20;
const MOST_RESULTS: usize = 8;
/// Characters of an excerpt.
const LONGEST: usize = 600;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SearchService {
    Searxng,
    Brave,
    Tavily,
}

/// A service with its key.
#[derive(Clone)]
pub struct Search {
    pub service: SearchService,
    /// Of a SearXNG server; empty for the own address of the others.
    pub address: String,
    pub key: String,
}

struct Found {
    title: String,
    url: String,
    excerpt: String,
}

/// # Errors
/// When the service is not reached or refuses.
pub async fn search_web(outbound: &Outbound, search: &Search, query: &str) -> Result<ToolResult, ToolError> {
    let client = outbound.client().redirect(redirect::Policy::none()).timeout(TIMEOUT).build();
    let client = client.map_err(|error| ToolError::failed(root_cause(&error)))?;
    let answer = body(request(&client, search, query)?).await?;
    let found = results(search.service, &answer);
    if found.is_empty() {
        return Ok(ToolResult::text("Nothing was found."));
    }
    let lines = found
        .iter()
        .enumerate()
        .map(|(at, Found { title, url, excerpt })| format!("{}. {title}\n{url}\n{excerpt}", at + 1));
    Ok(ToolResult::text(lines.collect::<Vec<_>>().join("\n\n")))
}

fn request(client: &reqwest::Client, search: &Search, query: &str) -> Result<RequestBuilder, ToolError> {
    let address = match search.service {
        _ if !search.address.is_empty() => search.address.trim_end_matches('/'),
        SearchService::Searxng => {
            return Err(ToolError::failed("the address of the SearXNG server is missing"));
        }
        SearchService::Brave => "https://api.search.brave.com",
        SearchService::Tavily => "https://api.tavily.com",
    };
    let url = |path: &str, query: &[(&str, &str)]| {
        Url::parse_with_params(&format!("{address}{path}"), query)
            .map_err(|_| ToolError::failed(format!("`{address}` is not an address")))
    };
    Ok(match search.service {
        SearchService::Searxng => client.get(url("/search", &[("q", query), ("format", "json")])?),
        SearchService::Brave => client
            .get(url("/res/v1/web/search", &[("q", query), ("count", "8")])?)
            .header("Accept", "application/json")
            .header("X-Subscription-Token", &search.key),
        SearchService::Tavily => client
            .post(url("/search", &[])?)
            .bearer_auth(&search.key)
            .json(&json!({"query": query, "max_results": MOST_RESULTS})),
    })
}

async fn body(request: RequestBuilder) -> Result<Value, ToolError> {
    let response = request.send().await.map_err(|error| {
        if error.is_timeout() { ToolError::Timeout(TIMEOUT) } else { ToolError::failed(root_cause(&error)) }
    })?;
    let status = response.status();
    match status.as_u16() {
        401 | 403 => return Err(ToolError::Unauthorized),
        200..=299 => {}
        _ => return Err(ToolError::failed(format!("the search service answers {status}"))),
    }
    if response.content_length().is_some_and(|length| length > MOST_BYTES as u64) {
        return Err(ToolError::failed("the answer of the search service is too long"));
    }
    let bytes = response.bytes().await.map_err(|error| ToolError::failed(root_cause(&error)))?;
    serde_json::from_slice(&bytes).map_err(|_| {
        ToolError::failed(
            "the search service answers no JSON, which a SearXNG server must allow in its settings",
        )
    })
}

fn results(service: SearchService, answer: &Value) -> Vec<Found> {
    let (list, excerpt) = match service {
        SearchService::Searxng => (&answer["results"], "content"),
        SearchService::Brave => (&answer["web"]["results"], "description"),
        SearchService::Tavily => (&answer["results"], "content"),
    };
    let text = |value: &Value| value.as_str().unwrap_or("").trim().chars().take(LONGEST).collect::<String>();
    let found = list.as_array().into_iter().flatten().map(|result| Found {
        title: text(&result["title"]),
        url: text(&result["url"]),
        excerpt: text(&result[excerpt]),
    });
    found.filter(|found| !found.url.is_empty()).take(MOST_RESULTS).collect()
}
