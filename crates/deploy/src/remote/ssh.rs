//! Runs scripts on a host: in a local shell, or over the user's own `ssh`. Both get the same scripts for a
//! POSIX shell, so that localhost and remote hosts behave alike. No credentials are stored: host names, keys
//! and known hosts are those of the user's ssh.
use std::ffi::OsString;
use std::io::ErrorKind;
use std::path::PathBuf;
use std::process::Stdio;

use protocol::ErrorCode;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, Command};

use super::host::Host;
use crate::Failure;

const COMMON: &str = include_str!("scripts/common.sh");
/// Bytes of output that are read of a script that runs to its end.
const OUTPUT_LIMIT: u64 = 1 << 20;
/// Exit code of ssh itself when the connection failed.
const SSH_FAILED: i32 = 255;
/// Exit code of common.sh on a system that is not Linux.
const UNSUPPORTED: i32 = 64;

/// How hosts are reached, and where localhost stores its deployments.
#[derive(Debug, Clone)]
pub struct Transport {
    /// State of the engines on localhost, with one folder per deployment.
    pub folder: PathBuf,
    /// Instead of the user's `~/.ssh/config`.
    pub ssh_config: Option<PathBuf>,
}

/// Local port and the remote port that it is forwarded to.
pub(crate) type Forward = Option<(u16, u16)>;

impl Transport {
    /// Runs a script to its end and returns its output. `id` names its folder on the host.
    pub(crate) async fn run(
        &self,
        host: &Host,
        id: &str,
        script: &str,
        values: &[(&str, &str)],
    ) -> Result<String, Failure> {
        let mut child = self.spawn(host, id, script, values, None).await?;
        let (mut out, mut err) = (child.stdout.take(), child.stderr.take());
        let (stdout, stderr) = tokio::join!(text(out.as_mut()), text(err.as_mut()));
        let status = child.wait().await.map_err(|error| unreachable(host, &error.to_string()))?;
        if status.success() {
            return Ok(stdout);
        }
        Err(script_failure(host, status.code(), &stdout, &stderr))
    }

    /// Starts a script, whose output is read from the child. Dropping the child kills it.
    pub(crate) async fn spawn(
        &self,
        host: &Host,
        id: &str,
        script: &str,
        values: &[(&str, &str)],
        forward: Forward,
    ) -> Result<Child, Failure> {
        let mut child = self
            .command(host, forward)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| spawn_failure(host, &error))?;
        if let Some(mut stdin) = child.stdin.take() {
            // A broken connection shows in the exit code of the child.
            let _ = stdin.write_all(self.script(host, id, script, values).as_bytes()).await;
        }
        Ok(child)
    }

    fn command(&self, host: &Host, forward: Forward) -> Command {
        let Host::Ssh(name) = host else {
            let mut command = Command::new("sh");
            command.arg("-s");
            return command;
        };
        let mut args: Vec<OsString> = Vec::new();
        if let Some(config) = &self.ssh_config {
            args.extend(["-F".into(), config.into()]);
        }
        // There is no terminal for a prompt. Keep-alives detect a dead connection within a minute.
        for option in
            ["BatchMode=yes", "ConnectTimeout=20", "ServerAliveInterval=15", "ServerAliveCountMax=3"]
        {
            args.extend(["-o".into(), option.into()]);
        }
        if let Some((local, remote)) = forward {
            args.extend(["-o".into(), "ExitOnForwardFailure=yes".into()]);
            args.extend(["-L".into(), format!("127.0.0.1:{local}:127.0.0.1:{remote}").into()]);
        }
        args.extend(["-T".into(), "--".into(), name.into(), "sh -s".into()]);
        let mut command = Command::new("ssh");
        // Error messages are matched in English.
        command.args(args).env("LC_ALL", "C");
        command
    }

    fn script(&self, host: &Host, id: &str, script: &str, values: &[(&str, &str)]) -> String {
        let mut text = format!("id={}\n", quote(id));
        text.push_str(&match host {
            Host::Local => format!("dir={}\n", quote(&self.folder.join(id).to_string_lossy())),
            Host::Ssh(_) => {
                "dir=${XDG_STATE_HOME:-$HOME/.local/state}/whaledeck/deployments/$id\n".to_owned()
            }
        });
        for (name, value) in values {
            text.push_str(&format!("{name}={}\n", quote(value)));
        }
        text.push_str(COMMON);
        text.push_str(script);
        text
    }

    /// The host name or address that ssh connects to for this name.
    pub async fn address(&self, host: &Host) -> Result<String, Failure> {
        let Host::Ssh(name) = host else { return Ok("127.0.0.1".to_owned()) };
        let mut command = Command::new("ssh");
        if let Some(config) = &self.ssh_config {
            command.arg("-F").arg(config);
        }
        let output = command.args(["-G", "--", name]).stdin(Stdio::null()).output().await;
        let output = output.map_err(|error| spawn_failure(host, &error))?;
        let text = String::from_utf8_lossy(&output.stdout);
        let host = text.lines().find_map(|line| line.strip_prefix("hostname "));
        Ok(host.unwrap_or(name).to_owned())
    }
}

fn quote(text: &str) -> String {
    // A shell script cannot contain a NUL.
    shlex::try_quote(&text.replace('\0', "")).map_or_else(|_| "''".to_owned(), |word| word.into_owned())
}

async fn text(from: Option<&mut (impl tokio::io::AsyncRead + Unpin)>) -> String {
    let mut bytes = Vec::new();
    if let Some(from) = from {
        let _ = from.take(OUTPUT_LIMIT).read_to_end(&mut bytes).await;
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn spawn_failure(host: &Host, error: &std::io::Error) -> Failure {
    let program = if *host == Host::Local { "sh" } else { "ssh" };
    let code = match (error.kind(), host) {
        (ErrorKind::NotFound, Host::Ssh(_)) => ErrorCode::SshMissing,
        (ErrorKind::NotFound, Host::Local) => ErrorCode::MachineUnsupported,
        _ => ErrorCode::MachineUnreachable,
    };
    Failure::new(code, format!("start {program}: {error}")).with("machine", host.name())
}

fn unreachable(host: &Host, reason: &str) -> Failure {
    Failure::new(ErrorCode::MachineUnreachable, format!("connect to the host: {reason}"))
        .with("machine", host.name())
        .with("reason", reason)
}

/// The failure of a script or of its connection, from the exit code and the output.
pub(crate) fn script_failure(host: &Host, code: Option<i32>, stdout: &str, stderr: &str) -> Failure {
    let last = stderr.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default().trim();
    let failure = |code: ErrorCode, message: &str| Failure::new(code, message).with("machine", host.name());
    match (host, code) {
        (Host::Ssh(_), Some(SSH_FAILED)) => {
            let mentions = |texts: &[&str]| texts.iter().any(|text| stderr.contains(text));
            if mentions(&["Host key verification failed", "IDENTIFICATION HAS CHANGED"]) {
                failure(
                    ErrorCode::MachineNotTrusted,
                    "connect to the host: its host key is unknown or changed",
                )
            } else if mentions(&["Permission denied", "Too many authentication failures"]) {
                failure(ErrorCode::MachineRefused, "connect to the host: it accepts none of the keys")
                    .with("reason", last)
            } else {
                unreachable(host, last)
            }
        }
        (Host::Ssh(_), None) => unreachable(host, "ssh was killed"),
        (_, Some(UNSUPPORTED)) => {
            let system = stdout.trim().strip_prefix("unsupported ").unwrap_or("unknown").to_owned();
            failure(ErrorCode::MachineUnsupported, "use the host: only Linux is supported")
                .with("system", system)
        }
        (_, code) => {
            let code = code.map_or_else(|| "a signal".to_owned(), |code| code.to_string());
            failure(ErrorCode::MachineFailed, &format!("run the script: the shell ended with {code}"))
                .with("reason", if last.is_empty() { stdout.trim() } else { last })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn complaints_of_ssh_are_told_apart() {
        let host = Host::Ssh("gpu1".into());
        for (stderr, code) in [
            (
                "No ED25519 host key is known for x.\r\nHost key verification failed.\r\n",
                "machine_not_trusted",
            ),
            ("me@x: Permission denied (publickey).\r\n", "machine_refused"),
            ("ssh: connect to host x port 22: Connection refused\r\n", "machine_unreachable"),
            ("ssh: Could not resolve hostname x: Name or service not known\r\n", "machine_unreachable"),
        ] {
            assert_eq!(script_failure(&host, Some(255), "", stderr).code, code, "{stderr}");
        }
        let mac = script_failure(&host, Some(64), "unsupported Darwin arm64\n", "");
        assert_eq!(
            (mac.code.as_str(), mac.detail["system"].as_str()),
            ("machine_unsupported", "Darwin arm64")
        );
        let odd = script_failure(&Host::Local, Some(2), "", "sh: 3: mkdir: Permission denied\n");
        assert_eq!(
            (odd.code.as_str(), odd.detail["reason"].as_str()),
            ("machine_failed", "sh: 3: mkdir: Permission denied")
        );
    }
}
