//! From what a user enters of a server to what is stored, and back: the values of variables and headers go to
//! the secret store and never come back to a page.
use std::collections::BTreeMap;

use contract::{ErrorView, ToolSecret, ToolServerSpec, ToolTransport};
use tools::Transport;

use super::failure::invalid;
use super::record::StoredTransport;

/// Values by the names of variables or headers.
pub(super) type Secrets = BTreeMap<String, String>;

/// What is stored of a transport, and its values. A value that is not given is taken from `kept`.
pub(super) fn parts(spec: &ToolServerSpec, kept: &Secrets) -> Result<(StoredTransport, Secrets), ErrorView> {
    if spec.name.trim().is_empty() {
        return Err(invalid("name"));
    }
    match &spec.transport {
        ToolTransport::Stdio { command, args, folder, env } => {
            if command.trim().is_empty() {
                return Err(invalid("command"));
            }
            let (names, values) = secrets("environment variable", env, kept)?;
            if names.iter().any(|name| name.contains(['=', '\0'])) {
                return Err(invalid("environment variable"));
            }
            let (command, args, folder) = (command.trim().to_owned(), args.clone(), folder.trim().to_owned());
            Ok((StoredTransport::Stdio { command, args, folder, env: names }, values))
        }
        ToolTransport::Http { url, headers } => {
            let url = url.trim();
            if !url.starts_with("https://") && !url.starts_with("http://") {
                return Err(invalid("URL"));
            }
            let (names, values) = secrets("header", headers, kept)?;
            Ok((StoredTransport::Http { url: url.to_owned(), headers: names }, values))
        }
    }
}

fn secrets(field: &str, given: &[ToolSecret], kept: &Secrets) -> Result<(Vec<String>, Secrets), ErrorView> {
    let mut values = Secrets::new();
    let mut names = Vec::new();
    for ToolSecret { name, value } in given {
        let name = name.trim();
        let value = value.as_ref().or_else(|| kept.get(name)).ok_or_else(|| invalid(field))?;
        if name.is_empty() || values.insert(name.to_owned(), value.clone()).is_some() {
            return Err(invalid(field));
        }
        names.push(name.to_owned());
    }
    Ok((names, values))
}

/// As a page shows it, without values.
pub(super) fn view(transport: &StoredTransport) -> ToolTransport {
    let hidden = |names: &[String]| {
        names.iter().map(|name| ToolSecret { name: name.clone(), value: None }).collect::<Vec<_>>()
    };
    match transport {
        StoredTransport::Stdio { command, args, folder, env } => ToolTransport::Stdio {
            command: command.clone(),
            args: args.clone(),
            folder: folder.clone(),
            env: hidden(env),
        },
        StoredTransport::Http { url, headers } => {
            ToolTransport::Http { url: url.clone(), headers: hidden(headers) }
        }
    }
}

/// As it is started.
pub(super) fn with_secrets(transport: &StoredTransport, secrets: &Secrets) -> Transport {
    let pairs = |names: &[String]| {
        let value = |name: &String| Some((name.clone(), secrets.get(name)?.clone()));
        names.iter().filter_map(value).collect::<Vec<_>>()
    };
    match transport {
        StoredTransport::Stdio { command, args, folder, env } => Transport::Stdio {
            command: command.clone(),
            args: args.clone(),
            folder: folder.clone(),
            env: pairs(env),
        },
        StoredTransport::Http { url, headers } => {
            Transport::Http { url: url.clone(), headers: pairs(headers) }
        }
    }
}

/// A server of an `mcpServers` JSON, with the values that are in it.
pub(super) fn spec_of(name: String, transport: Transport) -> ToolServerSpec {
    let shown = |pairs: Vec<(String, String)>| {
        pairs.into_iter().map(|(name, value)| ToolSecret { name, value: Some(value) }).collect::<Vec<_>>()
    };
    let transport = match transport {
        Transport::Stdio { command, args, folder, env } => {
            ToolTransport::Stdio { command, args, folder, env: shown(env) }
        }
        Transport::Http { url, headers } => ToolTransport::Http { url, headers: shown(headers) },
    };
    ToolServerSpec { name, transport }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(value: Option<&str>) -> ToolServerSpec {
        let env = vec![ToolSecret { name: "TOKEN".into(), value: value.map(str::to_owned) }];
        let transport = ToolTransport::Stdio {
            command: " npx ".into(),
            args: vec!["-y".into()],
            folder: String::new(),
            env,
        };
        ToolServerSpec { name: "files".into(), transport }
    }

    #[test]
    fn a_value_is_stored_apart_and_kept_when_none_is_given() {
        let (stored, secrets) = parts(&spec(Some("s3cret")), &Secrets::new()).expect("is possible");
        assert!(!serde_json::to_string(&stored).expect("is data").contains("s3cret"));
        assert_eq!(parts(&spec(None), &secrets).expect("is kept"), (stored.clone(), secrets.clone()));
        assert!(parts(&spec(None), &Secrets::new()).is_err(), "there is no value to keep");
        assert!(
            !format!("{:?} {:?}", spec(Some("s3cret")), with_secrets(&stored, &secrets)).contains("s3cret")
        );
        let ToolTransport::Stdio { command, env, .. } = view(&stored) else { panic!("a program") };
        assert_eq!((command.as_str(), env[0].value.as_ref()), ("npx", None));
        let Transport::Stdio { env, .. } = with_secrets(&stored, &secrets) else { panic!("a program") };
        assert_eq!(env, [("TOKEN".to_owned(), "s3cret".to_owned())]);
    }

    #[test]
    fn what_cannot_be_is_refused_by_its_field() {
        let http = |url: &str| ToolServerSpec {
            name: "web".into(),
            transport: ToolTransport::Http { url: url.into(), headers: Vec::new() },
        };
        let field = |spec: ToolServerSpec| {
            parts(&spec, &Secrets::new()).expect_err("is refused").detail["field"].clone()
        };
        assert_eq!(field(http("example.com")), "URL");
        assert_eq!(field(ToolServerSpec { name: " ".into(), ..http("https://a.b") }), "name");
        assert!(parts(&http("http://127.0.0.1:3000/mcp"), &Secrets::new()).is_ok());
    }
}
