//! A host that runs engines: localhost, or one that the user's own `ssh` connects to.
//! Addresses, ports, users and keys are ssh's business; only its destination argument is kept.
use protocol::ErrorCode;
use serde::{Deserialize, Serialize};

use crate::Failure;

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Host {
    #[serde(rename = "here")]
    Local,
    /// The destination argument of `ssh`: a name of its configuration, or user@host.
    Ssh(String),
}

impl Host {
    /// `here` and the empty text are localhost.
    ///
    /// # Errors
    /// For a name that ssh could read as an option or a shell as a command.
    pub fn parse(text: &str) -> Result<Self, Failure> {
        let text = text.trim();
        if text.is_empty() || text == "here" {
            return Ok(Self::Local);
        }
        let plain = |letter: char| letter.is_alphanumeric() || "@._-:[]%+".contains(letter);
        if text.starts_with('-') || text.contains("@-") || !text.chars().all(plain) {
            let message = format!("parse the host: `{text}` is no ssh destination");
            return Err(Failure::new(ErrorCode::InvalidInput, message).with("name", text));
        }
        Ok(Self::Ssh(text.to_owned()))
    }

    pub fn name(&self) -> &str {
        match self {
            Self::Local => "here",
            Self::Ssh(name) => name,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_what_ssh_takes_and_never_options() {
        assert_eq!(Host::parse(" here "), Ok(Host::Local));
        for name in ["gpu1", "me@10.0.0.7", "me@[fe80::1%eth0]", "a.b-c_d"] {
            assert_eq!(Host::parse(name), Ok(Host::Ssh(name.into())));
        }
        for name in ["-oProxyCommand=x", "a b", "a;b", "$(x)", "me@-x", "a\nb"] {
            assert_eq!(Host::parse(name).expect_err(name).code, "invalid_input");
        }
    }
}
