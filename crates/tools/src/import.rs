//! Reads the `mcpServers` JSON that most programs share. VS Code calls it `servers`, Zed `context_servers`;
//! an object of servers alone is taken too. Adds nothing and starts nothing.
use serde_json::{Map, Value};

use crate::Transport;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ImportError {
    #[error("read the servers: line {line}: {reason}")]
    NotJson { line: usize, reason: String },
    #[error("read the servers: there is no `mcpServers`")]
    NoServers,
    #[error("read the servers: `{name}` has neither a command nor a URL")]
    NotReached { name: String },
    #[error("read the servers: `{field}` of `{name}` is of another kind")]
    OddField { name: String, field: &'static str },
}

/// The servers with their names.
///
/// # Errors
/// What is wrong, and in which server.
pub fn read_servers(text: &str) -> Result<Vec<(String, Transport)>, ImportError> {
    let value: Value = serde_json::from_str(text).map_err(|error| {
        let reason = error.to_string();
        // Its line is a value of its own.
        let reason = reason.split(" at line").next().unwrap_or(&reason).to_owned();
        ImportError::NotJson { line: error.line(), reason }
    })?;
    let named = ["mcpServers", "servers", "context_servers"].iter().find_map(|name| value.get(*name));
    let bare = value.as_object().filter(|map| !map.is_empty() && map.values().all(is_server));
    let servers = named.and_then(Value::as_object).or(bare).ok_or(ImportError::NoServers)?;
    if servers.is_empty() {
        return Err(ImportError::NoServers);
    }
    servers.iter().map(|(name, server)| Ok((name.clone(), transport(name, server)?))).collect()
}

fn is_server(value: &Value) -> bool {
    value.get("command").is_some() || address(value).is_some()
}

fn address(value: &Value) -> Option<&Value> {
    ["url", "serverUrl", "httpUrl"].iter().find_map(|name| value.get(*name))
}

fn transport(name: &str, server: &Value) -> Result<Transport, ImportError> {
    let odd = |field| ImportError::OddField { name: name.to_owned(), field };
    if let Some(command) = server.get("command") {
        // Zed puts the program, its arguments and its environment into one object.
        let inside = command.as_object().map_or(server, |_| command);
        let program =
            command.as_str().or_else(|| command.get("path")?.as_str()).ok_or_else(|| odd("command"))?;
        let folder = server.get("cwd").map_or(Some(""), Value::as_str).ok_or_else(|| odd("cwd"))?;
        return Ok(Transport::Stdio {
            command: program.to_owned(),
            args: texts(inside.get("args")).ok_or_else(|| odd("args"))?,
            folder: folder.to_owned(),
            env: pairs(inside.get("env")).ok_or_else(|| odd("env"))?,
        });
    }
    let url = address(server).ok_or_else(|| ImportError::NotReached { name: name.to_owned() })?;
    let url = url.as_str().ok_or_else(|| odd("url"))?;
    let headers = pairs(server.get("headers")).ok_or_else(|| odd("headers"))?;
    Ok(Transport::Http { url: url.to_owned(), headers })
}

fn texts(value: Option<&Value>) -> Option<Vec<String>> {
    let Some(value) = value.filter(|value| !value.is_null()) else { return Some(Vec::new()) };
    value.as_array()?.iter().map(text).collect()
}

fn pairs(value: Option<&Value>) -> Option<Vec<(String, String)>> {
    let Some(value) = value.filter(|value| !value.is_null()) else { return Some(Vec::new()) };
    let map: &Map<String, Value> = value.as_object()?;
    map.iter().map(|(name, value)| Some((name.clone(), text(value)?))).collect()
}

/// Numbers and truth values are written without quotes by people.
fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(truth) => Some(truth.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stdio(command: &str, args: &[&str], env: &[(&str, &str)]) -> Transport {
        Transport::Stdio {
            command: command.into(),
            args: args.iter().map(|arg| (*arg).to_owned()).collect(),
            folder: String::new(),
            env: env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        }
    }

    #[test]
    fn the_files_of_other_programs_are_read() {
        let all = read_servers(
            r#"{"mcpServers": {
                "files": {"command": "npx", "args": ["-y", "x", 3], "env": {"TOKEN": "a", "N": 1}},
                "web": {"type": "http", "url": "https://example.com/mcp", "headers": {"Authorization": "Bearer b"}}
            }}"#,
        );
        let web = Transport::Http {
            url: "https://example.com/mcp".into(),
            headers: vec![("Authorization".into(), "Bearer b".into())],
        };
        let files = stdio("npx", &["-y", "x", "3"], &[("TOKEN", "a"), ("N", "1")]);
        let mut read = all.expect("read");
        read.sort_by(|one, other| one.0.cmp(&other.0));
        assert_eq!(read, [("files".into(), files), ("web".into(), web)]);
        let code = read_servers(r#"{"servers": {"a": {"command": "b", "args": null}}}"#);
        assert_eq!(code, Ok(vec![("a".into(), stdio("b", &[], &[]))]));
        let zed = read_servers(r#"{"context_servers": {"a": {"command": {"path": "b", "args": ["c"]}}}}"#);
        assert_eq!(zed, Ok(vec![("a".into(), stdio("b", &["c"], &[]))]));
        assert_eq!(read_servers(r#"{"a": {"command": "b"}}"#), Ok(vec![("a".into(), stdio("b", &[], &[]))]));
    }

    #[test]
    fn what_is_wrong_is_said() {
        let wrong = |text: &str| read_servers(text).expect_err("it is wrong");
        assert!(matches!(wrong("{\n\"a\": }"), ImportError::NotJson { line: 2, .. }));
        for text in ["{}", "[]", "1", r#"{"mcpServers": {}}"#, r#"{"mcpServers": 3}"#] {
            assert_eq!(wrong(text), ImportError::NoServers, "{text}");
        }
        let name = || "a".to_owned();
        assert_eq!(wrong(r#"{"mcpServers": {"a": {}}}"#), ImportError::NotReached { name: name() });
        for (server, field) in [
            (r#"{"command": 1}"#, "command"),
            (r#"{"command": "x", "args": "y"}"#, "args"),
            (r#"{"command": "x", "args": [[]]}"#, "args"),
            (r#"{"command": "x", "env": {"A": null}}"#, "env"),
            (r#"{"command": "x", "cwd": 1}"#, "cwd"),
            (r#"{"url": 1}"#, "url"),
        ] {
            let text = format!(r#"{{"mcpServers": {{"a": {server}}}}}"#);
            assert_eq!(wrong(&text), ImportError::OddField { name: name(), field }, "{text}");
        }
    }
}
