//! The error codes that the app, the worker and the command line share. The messages are in the catalogues of
//! the UI and the CLI, in both languages.
use std::fmt;

use serde::{Deserialize, Serialize};

/// What somebody can act on. Each code has a title, a meaning and a next step in English and Chinese.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Hash,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    strum::VariantArray,
    strum::IntoStaticStr,
    strum::EnumString,
)]
#[cfg_attr(feature = "specta", derive(specta::Type))]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum ErrorCode {
    // Model files
    ModelNotFound,
    /// A file that comes with this program is not there.
    BuiltInMissing,
    ModelFileTruncated,
    ModelFileInvalid,
    ModelUnsupported,
    ModelTooLarge,
    /// The disk or its drive gives no bytes.
    ModelFileUnreadable,
    /// A sound model of an architecture that others run.
    ModelNotRun,
    /// A sound file whose numbers are stored in a way that is not read.
    ModelFormatUnsupported,
    /// By its first bytes a file is something else.
    ModelFileIsPage,
    ModelFileIsPointer,
    ModelFileIsPickle,
    ModelFileTooOld,
    /// One of the files of a model that lies in several.
    ModelPartMissing,
    SeveralModels,
    /// The part of a model that reads pictures, without the model.
    ProjectorAlone,
    TokenizerUnusable,
    /// It has another vocabulary than the model.
    TokenizerMismatch,
    ChatTemplateMissing,
    ChatTemplateInvalid,
    /// Nothing at a chosen path is a model.
    NotAModel,
    /// A model that was used where it lies is not there any more.
    OwnFileMissing,
    // Worker
    WorkerMissing,
    WorkerStartFailed,
    WorkerDied,
    WorkerUnreachable,
    PortInUse,
    OutOfMemory,
    // Chat
    ChatNotFound,
    /// One answer at a time in a chat.
    AnswerRunning,
    /// The engine has another model loaded, and it is answering.
    ModelBusy,
    ContextFull,
    PromptTooLong,
    /// A model that reads text was shown something else.
    UnsupportedContent,
    /// A picture that cannot be read.
    InvalidImage,
    /// More bytes or pixels than are taken.
    PictureTooLarge,
    /// A file that is no picture, or of a kind that is not read.
    PictureKindUnknown,
    TooManyPictures,
    /// What was attached is not beside the history any more.
    PictureMissing,
    /// A worker was given an address that it may not read from.
    PictureNotAllowed,
    PictureNotFetched,
    /// The desktop offers no way to see the screen.
    ScreenUnavailable,
    /// It offers one, and gave no picture.
    ScreenRefused,
    /// The model's own chat format does not take these messages.
    ConversationRefused,
    /// A hole cannot be filled by a model that was not trained for it.
    FillUnsupported,
    /// No answer of the form that was asked for.
    FormImpossible,
    /// One answer failed; the model runs on.
    EngineFailed,
    NotLoaded,
    Cancelled,
    // Clouds
    /// No service of this name was added, or it was removed.
    EndpointNotFound,
    EndpointUnreachable,
    /// The same of a server on this computer, which needs no internet.
    LocalServerUnreachable,
    EndpointNotTrusted,
    /// It sends callers to another address, which must not get the key.
    EndpointMoved,
    KeyRefused,
    NoCredit,
    EndpointRateLimited,
    /// It answered that it will not do this, with its own words in `reason`.
    EndpointRefused,
    EndpointFailed,
    EndpointSilent,
    EndpointCut,
    EndpointGarbled,
    ContinueUnsupported,
    KeyStoreFailed,
    EndpointsUnreadable,
    // Deployments
    /// No deployment of this name is known.
    DeploymentNotFound,
    /// It is there and does not serve now.
    DeploymentNotReady,
    DeploymentsUnreadable,
    /// The machines cannot hold the model; a plan says why.
    NoPlan,
    EngineMissing,
    EngineDied,
    /// The memory of a GPU or of the machine did not do for it.
    EngineOutOfMemory,
    /// Its version does not take a flag of the plan.
    EngineFlagRefused,
    /// It runs and gives no sign of life.
    EngineSilent,
    SshMissing,
    MachineUnreachable,
    /// Its key is unknown to ssh, or another one than before.
    MachineNotTrusted,
    /// It lets none of the person's keys in.
    MachineRefused,
    MachineUnsupported,
    MachineFailed,
    /// The person's own file of prices has a mistake.
    PricesUnreadable,
    // The way out of this computer
    /// The proxy of the settings cannot be reached, or does not let the connection through.
    ProxyFailed,
    /// It wants a name and a password, or others than it got.
    ProxyLogin,
    /// No certificate can be read from the chosen file.
    CertificatesUnreadable,
    // Downloads
    NoNetwork,
    SourceNotTrusted,
    SourceRefused,
    /// It has trouble of its own, which may pass.
    SourceFailed,
    /// A web page came in place of a file: mostly the login page of a network.
    CaptivePortal,
    /// Bytes of something else came in place of a file.
    SourceForeign,
    SourceRateLimited,
    NotOnSource,
    GatedModel,
    TokenNeeded,
    HashMismatch,
    SizeMismatch,
    DiskFull,
    DownloadStalled,
    DownloadRunning,
    /// Which of the precisions that are here is meant has to be said.
    SeveralPrecisions,
    // Machine
    GpuDriverMissing,
    GpuDriverMismatch,
    GpuDriverNotLoaded,
    GpuLibraryMissing,
    GpuNotOffered,
    GpuNoPermission,
    GpuLost,
    GpuNoPower,
    GpuDriverFailed,
    NoDisplay,
    /// The process that draws the window's page died again and again.
    PageDied,
    // Storage
    HistoryUnreadable,
    /// A newer version of the app wrote it.
    HistoryTooNew,
    /// Another program keeps it to itself.
    HistoryLocked,
    /// It was opened for reading only.
    HistoryReadOnly,
    /// A backup that is not whole.
    BackupDamaged,
    SettingsUnreadable,
    /// Some of them; the others are in force.
    SettingsLinesUnreadable,
    OwnModelsUnreadable,
    DownloadsUnreadable,
    SharingUnreadable,
    SharingKeysUnreadable,
    CloudKeysUnreadable,
    PrecisionsUnreadable,
    PermissionDenied,
    /// The disk, the drive or the network folder gave an error of its own.
    DiskFailed,
    /// A file or folder is not there, or something else is in its place.
    FileMissing,
    /// A file is in use by another program.
    FileBusy,
    /// More than the file system holds in one file.
    FileTooLarge,
    /// The system has no more open files, processes or memory for programs.
    SystemLimit,
    /// A file that no version of this app wrote, or one that was changed.
    ChatFileInvalid,
    InvalidInput,
    /// A bug of ours: caught, reported, never a crash.
    Internal,
}

impl ErrorCode {
    /// Every code, for the tests that demand words in both languages.
    pub const ALL: &'static [ErrorCode] = <ErrorCode as strum::VariantArray>::VARIANTS;

    /// The code as it is written on the wire and in the message catalogues.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl PartialEq<&str> for ErrorCode {
    fn eq(&self, other: &&str) -> bool {
        self.as_str() == *other
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_read_by_the_name_that_it_is_written_with() {
        for code in ErrorCode::ALL {
            let name = code.as_str();
            assert_eq!(serde_json::to_value(code).expect("is data"), name);
            assert_eq!((name.parse(), serde_json::from_value(name.into()).ok()), (Ok(*code), Some(*code)));
        }
        assert!("odd".parse::<ErrorCode>().is_err());
    }
}
