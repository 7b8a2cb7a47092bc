//! Errors of downloads as codes with the values that their messages need.
//! Other parts of the app map their own errors.
use std::path::Path;

use contract::{ErrorCode, ErrorView};
use hub::HubError;

use crate::convert::storage_error;

pub(crate) fn hub_error(error: &HubError) -> ErrorView {
    let view = |code| ErrorView::new(code, error.to_string());
    let at = |code, host: &str| match host {
        "" => view(code),
        host => view(code).with("host", host),
    };
    match error {
        HubError::NoNetwork { host, .. } => at(ErrorCode::NoNetwork, host),
        HubError::Proxy { host, .. } => at(ErrorCode::ProxyFailed, host),
        HubError::ProxyAuth { host } => at(ErrorCode::ProxyLogin, host),
        HubError::Tls { host, .. } => at(ErrorCode::SourceNotTrusted, host),
        HubError::SourceRefused { host, status: 0, .. } => at(ErrorCode::SourceRefused, host),
        HubError::SourceRefused { host, status, .. } => {
            at(ErrorCode::SourceRefused, host).with("status", status)
        }
        HubError::LinkRefused { host, status } => at(ErrorCode::SourceRefused, host).with("status", status),
        HubError::SourceFailed { host, status } => at(ErrorCode::SourceFailed, host).with("status", status),
        HubError::WebPage { host } => at(ErrorCode::CaptivePortal, host),
        HubError::UnexpectedContent { host, .. } => at(ErrorCode::SourceForeign, host),
        HubError::SourceRateLimited { host, wait: None } => at(ErrorCode::SourceRateLimited, host),
        HubError::SourceRateLimited { host, wait: Some(wait) } => {
            at(ErrorCode::SourceRateLimited, host).with("seconds", wait.as_secs())
        }
        HubError::NotOnSource(what) => view(ErrorCode::NotOnSource).with("repo", what),
        HubError::GatedModel(what) => view(ErrorCode::GatedModel).with("repo", what),
        HubError::TokenNeeded { host } => at(ErrorCode::TokenNeeded, host),
        HubError::HashMismatch(path) => view(ErrorCode::HashMismatch).with("path", path),
        HubError::SizeMismatch { path, expected, got } => {
            view(ErrorCode::SizeMismatch).with("path", path).with("expected", expected).with("actual", got)
        }
        HubError::DiskFull { needed, free } => {
            view(ErrorCode::DiskFull).with("needed", needed).with("free", free)
        }
        HubError::DownloadStalled(path) => view(ErrorCode::DownloadStalled).with("path", path),
        HubError::Busy(model_id) => view(ErrorCode::DownloadRunning).with("model_id", model_id),
        HubError::Cancelled => view(ErrorCode::Cancelled),
        HubError::Io(error) => storage_error("keep the model", Path::new("models"), error),
    }
}
