//! A machine that runs engines: this one, or one that the person's own `ssh` reaches. Both are spoken to in scripts for a
//! POSIX shell, so that what is true of one is true of the other. Nothing is stored on the way in: names, keys and trust are
//! those of the person's ssh.
use std::ffi::OsString;
use std::io::ErrorKind;
use std::path::PathBuf;
use std::process::Stdio;

use protocol::ErrorCode;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, Command};

use super::host::Machine;
use crate::Failure;

const COMMON: &str = include_str!("scripts/common.sh");
/// Of what a script may say when it is asked one thing.
const ANSWER_LIMIT: u64 = 1 << 20;
/// What ssh itself ends with when it did not come through.
const SSH_FAILED: i32 = 255;
/// What common.sh ends with on a system that is not for engines.
const UNSUPPORTED: i32 = 64;

/// How machines are reached, and where this one keeps what it runs.
#[derive(Debug, Clone)]
pub struct Reaching {
    /// Of engines on this computer; one folder for each deployment is made inside.
    pub folder: PathBuf,
    /// Instead of the person's own `~/.ssh/config`.
    pub ssh_config: Option<PathBuf>,
}

/// Ports of this computer and of the machine that are made one.
pub(crate) type Forward = Option<(u16, u16)>;

impl Reaching {
    /// Runs a script to its end and returns what it said. `id` names the folder it works in.
    pub(crate) async fn ask(
        &self,
        machine: &Machine,
        id: &str,
        script: &str,
        values: &[(&str, &str)],
    ) -> Result<String, Failure> {
        let mut child = self.begin(machine, id, script, values, None).await?;
        let (mut out, mut err) = (child.stdout.take(), child.stderr.take());
        let (said, complained) = tokio::join!(text(out.as_mut()), text(err.as_mut()));
        let status = child.wait().await.map_err(|error| unreachable(machine, &error.to_string()))?;
        if status.success() {
            return Ok(said);
        }
        Err(refused(machine, status.code(), &said, &complained))
    }

    /// Starts a script; what it says is read from the child, which ends with its value.
    pub(crate) async fn begin(
        &self,
        machine: &Machine,
        id: &str,
        script: &str,
        values: &[(&str, &str)],
        forward: Forward,
    ) -> Result<Child, Failure> {
        let mut child = self
            .command(machine, forward)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| missing(machine, &error))?;
        if let Some(mut stdin) = child.stdin.take() {
            // A machine that went away is told by how the child ends.
            let _ = stdin.write_all(self.written(machine, id, script, values).as_bytes()).await;
        }
        Ok(child)
    }

    fn command(&self, machine: &Machine, forward: Forward) -> Command {
        let Machine::Ssh(name) = machine else {
            let mut command = Command::new("sh");
            command.arg("-s");
            return command;
        };
        let mut words: Vec<OsString> = Vec::new();
        if let Some(config) = &self.ssh_config {
            words.extend(["-F".into(), config.into()]);
        }
        // No questions on a terminal nobody looks at; a dead line is noticed within a minute.
        for option in
            ["BatchMode=yes", "ConnectTimeout=20", "ServerAliveInterval=15", "ServerAliveCountMax=3"]
        {
            words.extend(["-o".into(), option.into()]);
        }
        if let Some((here, there)) = forward {
            words.extend(["-o".into(), "ExitOnForwardFailure=yes".into()]);
            words.extend(["-L".into(), format!("127.0.0.1:{here}:127.0.0.1:{there}").into()]);
        }
        words.extend(["-T".into(), "--".into(), name.into(), "sh -s".into()]);
        let mut command = Command::new("ssh");
        // Its complaints are read here, and in one language.
        command.args(words).env("LC_ALL", "C");
        command
    }

    fn written(&self, machine: &Machine, id: &str, script: &str, values: &[(&str, &str)]) -> String {
        let mut text = format!("id={}\n", quoted(id));
        text.push_str(&match machine {
            Machine::Here => format!("dir={}\n", quoted(&self.folder.join(id).to_string_lossy())),
            Machine::Ssh(_) => {
                "dir=${XDG_STATE_HOME:-$HOME/.local/state}/whaledeck/deployments/$id\n".to_owned()
            }
        });
        for (name, value) in values {
            text.push_str(&format!("{name}={}\n", quoted(value)));
        }
        text.push_str(COMMON);
        text.push_str(script);
        text
    }

    /// The host that ssh connects to for this name.
    pub async fn address(&self, machine: &Machine) -> Result<String, Failure> {
        let Machine::Ssh(name) = machine else { return Ok("127.0.0.1".to_owned()) };
        let mut command = Command::new("ssh");
        if let Some(config) = &self.ssh_config {
            command.arg("-F").arg(config);
        }
        let output = command.args(["-G", "--", name]).stdin(Stdio::null()).output().await;
        let output = output.map_err(|error| missing(machine, &error))?;
        let text = String::from_utf8_lossy(&output.stdout);
        let host = text.lines().find_map(|line| line.strip_prefix("hostname "));
        Ok(host.unwrap_or(name).to_owned())
    }
}

fn quoted(text: &str) -> String {
    // A NUL cannot stand in a script; nobody types one.
    shlex::try_quote(&text.replace('\0', "")).map_or_else(|_| "''".to_owned(), |word| word.into_owned())
}

async fn text(from: Option<&mut (impl tokio::io::AsyncRead + Unpin)>) -> String {
    let mut bytes = Vec::new();
    if let Some(from) = from {
        let _ = from.take(ANSWER_LIMIT).read_to_end(&mut bytes).await;
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn missing(machine: &Machine, error: &std::io::Error) -> Failure {
    let program = if *machine == Machine::Here { "sh" } else { "ssh" };
    let code = match (error.kind(), machine) {
        (ErrorKind::NotFound, Machine::Ssh(_)) => ErrorCode::SshMissing,
        (ErrorKind::NotFound, Machine::Here) => ErrorCode::MachineUnsupported,
        _ => ErrorCode::MachineUnreachable,
    };
    Failure::new(code, format!("start {program}: {error}")).with("machine", machine.name())
}

fn unreachable(machine: &Machine, reason: &str) -> Failure {
    Failure::new(ErrorCode::MachineUnreachable, format!("reach the machine: {reason}"))
        .with("machine", machine.name())
        .with("reason", reason)
}

/// Why a script did not end well, as one of a few reasons.
pub(crate) fn refused(machine: &Machine, code: Option<i32>, said: &str, complained: &str) -> Failure {
    let last = complained.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default().trim();
    let failure = |code: ErrorCode, what: &str| Failure::new(code, what).with("machine", machine.name());
    match (machine, code) {
        (Machine::Ssh(_), Some(SSH_FAILED)) => {
            let known = |words: &[&str]| words.iter().any(|word| complained.contains(word));
            if known(&["Host key verification failed", "IDENTIFICATION HAS CHANGED"]) {
                failure(ErrorCode::MachineNotTrusted, "reach the machine: ssh does not know its key")
            } else if known(&["Permission denied", "Too many authentication failures"]) {
                failure(ErrorCode::MachineRefused, "reach the machine: it lets none of the keys in")
                    .with("reason", last)
            } else {
                unreachable(machine, last)
            }
        }
        (Machine::Ssh(_), None) => unreachable(machine, "ssh was ended"),
        (_, Some(UNSUPPORTED)) => {
            let system = said.trim().strip_prefix("unsupported ").unwrap_or("unknown").to_owned();
            failure(ErrorCode::MachineUnsupported, "use the machine: engines are run on Linux")
                .with("system", system)
        }
        (_, code) => {
            let code = code.map_or_else(|| "a signal".to_owned(), |code| code.to_string());
            failure(ErrorCode::MachineFailed, &format!("do it there: the shell ended with {code}"))
                .with("reason", if last.is_empty() { said.trim() } else { last })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn complaints_of_ssh_are_told_apart() {
        let machine = Machine::Ssh("gpu1".into());
        for (complaint, code) in [
            (
                "No ED25519 host key is known for x.\r\nHost key verification failed.\r\n",
                "machine_not_trusted",
            ),
            ("me@x: Permission denied (publickey).\r\n", "machine_refused"),
            ("ssh: connect to host x port 22: Connection refused\r\n", "machine_unreachable"),
            ("ssh: Could not resolve hostname x: Name or service not known\r\n", "machine_unreachable"),
        ] {
            assert_eq!(refused(&machine, Some(255), "", complaint).code, code, "{complaint}");
        }
        let mac = refused(&machine, Some(64), "unsupported Darwin arm64\n", "");
        assert_eq!(
            (mac.code.as_str(), mac.detail["system"].as_str()),
            ("machine_unsupported", "Darwin arm64")
        );
        let odd = refused(&Machine::Here, Some(2), "", "sh: 3: mkdir: Permission denied\n");
        assert_eq!(
            (odd.code.as_str(), odd.detail["reason"].as_str()),
            ("machine_failed", "sh: 3: mkdir: Permission denied")
        );
    }
}
