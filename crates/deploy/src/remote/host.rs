//! A machine that runs engines: this one, or one that the user's own `ssh` reaches.
use protocol::ErrorCode;
use serde::{Deserialize, Serialize};

use crate::Failure;

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Machine {
    Here,
    /// As it is typed after `ssh`: a name of its configuration, or user@host.
    Ssh(String),
}

impl Machine {
    /// `here`, or empty, is this computer.
    ///
    /// # Errors
    /// For what ssh could take for an option or a shell for a command.
    pub fn named(text: &str) -> Result<Self, Failure> {
        let text = text.trim();
        if text.is_empty() || text == "here" {
            return Ok(Self::Here);
        }
        let plain = |letter: char| letter.is_alphanumeric() || "@._-:[]%+".contains(letter);
        if text.starts_with('-') || text.contains("@-") || !text.chars().all(plain) {
            let message = format!("name the machine: `{text}` is no name that ssh takes");
            return Err(Failure::new(ErrorCode::InvalidInput, message).with("name", text));
        }
        Ok(Self::Ssh(text.to_owned()))
    }

    pub fn name(&self) -> &str {
        match self {
            Self::Here => "here",
            Self::Ssh(name) => name,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_what_ssh_takes_and_never_options() {
        assert_eq!(Machine::named(" here "), Ok(Machine::Here));
        for name in ["gpu1", "me@10.0.0.7", "me@[fe80::1%eth0]", "a.b-c_d"] {
            assert_eq!(Machine::named(name), Ok(Machine::Ssh(name.into())));
        }
        for name in ["-oProxyCommand=x", "a b", "a;b", "$(x)", "me@-x", "a\nb"] {
            assert_eq!(Machine::named(name).expect_err(name).code, "invalid_input");
        }
    }
}
