//! Failures of an engine, from its exit code, its log and its record.
//! It classifies only: `cause` searches the log, and `supervisor` decides about a restart.
use protocol::ErrorCode;

use super::cause::{Cause, smaller_context};
use super::record::Record;
use crate::Failure;
use plan::Engine;

/// Exit code of a shell when the program does not exist.
const COMMAND_NOT_FOUND: i32 = 127;

/// An engine that ended, with its exit code and the cause in its log, as far as they are known.
pub(super) fn exit_failure(record: &Record, code: Option<i32>, cause: Option<Cause>) -> Failure {
    let engine = &record.engine;
    match (cause, code) {
        (Some(Cause::OutOfMemory { line, context }), _) => {
            let smaller = smaller_context(record.context, context);
            Failure::new(ErrorCode::EngineOutOfMemory, format!("run {engine}: out of memory"))
                .with("line", line)
                .with("context", record.context.to_string())
                .with("smaller", smaller.to_string())
        }
        (Some(Cause::InvalidFlag { line }), _) => {
            let message = format!("start {engine}: it does not accept a flag of the plan");
            let failure = Failure::new(ErrorCode::EngineFlagRefused, message).with("line", line);
            let failure = failure.with("version", record.engine_version.as_deref().unwrap_or("-"));
            failure.with("expected", record.engine().and_then(Engine::known_version).unwrap_or("-"))
        }
        (None, Some(COMMAND_NOT_FOUND)) => {
            let install = record.engine().map(|engine| engine.install().0).unwrap_or_default();
            Failure::new(ErrorCode::EngineMissing, format!("start {engine}: it is not installed on the host"))
                .with("install", install)
        }
        (None, Some(code)) => {
            let status = if code > 128 { format!("signal {}", code - 128) } else { format!("code {code}") };
            Failure::new(ErrorCode::EngineDied, format!("run {engine}: it ended with {status}"))
                .with("status", status)
        }
        (None, None) => Failure::new(ErrorCode::EngineDied, format!("run {engine}: its process is gone"))
            .with("status", "unknown"),
    }
}

/// An engine without log output, processor time or a successful health check for `seconds`.
pub(super) fn hang_failure(record: &Record, seconds: u64, log: String) -> Failure {
    Failure::new(ErrorCode::EngineSilent, format!("run {}: no activity", record.engine))
        .with("seconds", seconds.to_string())
        .with("engine", &record.engine)
        .with("machine", record.nodes[0].host.name())
        .with("log", log)
}
