//! The error codes that the app, the worker and the command line share. The messages are in the catalogues of
//! the UI and the CLI, in both languages.
use std::fmt;

use serde::{Deserialize, Serialize};

/// What a user can act on. Each code has a title, a meaning and a next step in English and Chinese.
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
    /// A file that is installed with the program is missing.
    BuiltInMissing,
    ModelFileTruncated,
    ModelFileInvalid,
    ModelUnsupported,
    ModelTooLarge,
    /// An I/O error of the disk.
    ModelFileUnreadable,
    /// A valid model of an architecture that only other engines run.
    ModelNotRun,
    /// A valid file with a storage type that is not supported.
    ModelFormatUnsupported,
    /// By its first bytes the file is of another kind.
    ModelFileIsPage,
    ModelFileIsPointer,
    ModelFileIsPickle,
    ModelFileTooOld,
    /// One shard of a model in several files.
    ModelPartMissing,
    SeveralModels,
    /// A multimodal projector (mmproj) without its model.
    ProjectorAlone,
    TokenizerUnusable,
    /// Saved by a program that replaced its rules, so that they do not fit its vocabulary.
    TokenizerSavedAgain,
    /// Its vocabulary differs from the model's.
    TokenizerMismatch,
    ChatTemplateMissing,
    ChatTemplateInvalid,
    /// A chosen path holds no model.
    NotAModel,
    /// A model that is used in its own folder was moved or removed.
    OwnFileMissing,
    /// The settings of a model take more memory than can be used.
    SettingsTooLarge,
    MemoryUnreadable,
    /// A file of a downloaded model is not there any more.
    DownloadedFileMissing,
    /// A link of a downloaded model leads to no file any more.
    LinkedFileMissing,
    /// The file that a link of a downloaded model leads to was changed after its verification.
    LinkedFileChanged,
    // Worker
    WorkerMissing,
    WorkerStartFailed,
    WorkerDied,
    WorkerUnreachable,
    PortInUse,
    OutOfMemory,
    // Chat
    ChatNotFound,
    FolderNotFound,
    /// A temporary chat takes no pictures and no documents.
    TemporaryChatFiles,
    /// One answer at a time in a chat.
    AnswerRunning,
    /// The engine has another model loaded, and it is answering.
    ModelBusy,
    ContextFull,
    PromptTooLong,
    /// A text model got another kind of content.
    UnsupportedContent,
    /// An image that cannot be decoded.
    InvalidImage,
    /// More bytes or pixels than the limit.
    PictureTooLarge,
    /// A file that is not an image, or in a format that is not supported.
    PictureKindUnknown,
    TooManyPictures,
    /// The file of an attached image is missing.
    PictureMissing,
    /// The worker may not read from this image URL.
    PictureNotAllowed,
    PictureNotFetched,
    /// The desktop has no way to take a screenshot.
    ScreenUnavailable,
    /// It has one, and returned no image.
    ScreenRefused,
    /// The model's chat template refuses these messages.
    ConversationRefused,
    /// The model was not trained for fill-in-the-middle.
    FillUnsupported,
    /// A file that is no document which is read.
    DocumentUnsupported,
    /// A document with a password.
    DocumentLocked,
    DocumentInvalid,
    DocumentTooLarge,
    /// A document without text.
    DocumentEmpty,
    /// A document of a chat that is not stored any more.
    DocumentMissing,
    /// The process that reads a document crashed, or ran into its limit of time or memory.
    DocumentFailed,
    /// A dense model has no routed experts to show.
    NoExperts,
    /// Computed on the processor only, and the model is on a card.
    NotOnCard,
    /// No answer of the requested form is possible.
    FormImpossible,
    /// One answer failed; the model still runs.
    EngineFailed,
    NotLoaded,
    Cancelled,
    // Connected programs
    /// Settings of another program that cannot be read, edited or written.
    ConnectUnreadable,
    /// They are not what they were when the difference was shown.
    ConnectChanged,
    /// There is nothing of ours to take back.
    ConnectNothing,
    SharingOff,
    // Tools
    ToolServerNotFound,
    /// A value of its settings is not possible.
    ToolServerInvalid,
    /// It does not start, is not reached, or refuses.
    ToolServerFailed,
    /// It ended while it was called.
    ToolServerEnded,
    /// A text that is no `mcpServers` JSON.
    ToolServersUnreadable,
    /// The list of servers in the data folder.
    ToolListUnreadable,
    /// The arguments of a call are no JSON object.
    ToolArgumentsInvalid,
    ToolTimedOut,
    /// The model calls tools without coming to an answer.
    ToolTooManyCalls,
    /// The model was not trained to call tools.
    ToolsUnsupported,
    /// No call waits for this decision.
    ToolCallGone,
    // Clouds
    /// No service of this name was added, or it was removed.
    EndpointNotFound,
    EndpointUnreachable,
    /// The same for a server on this computer, which needs no internet.
    LocalServerUnreachable,
    EndpointNotTrusted,
    /// It redirects to another address, which must not get the key.
    EndpointMoved,
    KeyRefused,
    NoCredit,
    EndpointRateLimited,
    /// It refused the request; its message is in `reason`.
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
    /// It exists and does not serve now.
    DeploymentNotReady,
    DeploymentsUnreadable,
    /// The hosts cannot hold the model; the plan has the reasons.
    NoPlan,
    EngineMissing,
    EngineDied,
    /// The memory of a GPU or of the host was not enough.
    EngineOutOfMemory,
    /// Its version does not know a flag of the plan.
    EngineFlagRefused,
    /// It runs and does not respond.
    EngineSilent,
    SshMissing,
    MachineUnreachable,
    /// Its host key is unknown to ssh, or has changed.
    MachineNotTrusted,
    /// It accepts none of the user's keys.
    MachineRefused,
    MachineUnsupported,
    MachineFailed,
    /// The user's own price file is invalid.
    PricesUnreadable,
    // Network configuration
    /// The proxy of the settings cannot be reached, or does not let the connection through.
    ProxyFailed,
    /// It needs a name and a password, or others than it got.
    ProxyLogin,
    /// No certificate can be read from the chosen file.
    CertificatesUnreadable,
    // Downloads
    NoNetwork,
    SourceNotTrusted,
    SourceRefused,
    /// A server error, which may be temporary.
    SourceFailed,
    /// A web page came instead of a file, usually the login page of a network.
    CaptivePortal,
    /// Other content came instead of a file.
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
    /// Several precisions are installed, and none was chosen.
    SeveralPrecisions,
    /// A text that names no repository of a source.
    RepositoryUnclear,
    /// A repository has several precisions, and none was named.
    PrecisionNeeded,
    /// A repository has no precision of this name.
    PrecisionUnknown,
    // Machine
    GpuDriverMissing,
    GpuDriverMismatch,
    GpuDriverNotLoaded,
    GpuLibraryMissing,
    GpuNotOffered,
    /// The variable CUDA_VISIBLE_DEVICES names no card.
    GpuHidden,
    GpuNoPermission,
    GpuLost,
    GpuNoPower,
    GpuDriverFailed,
    // Graphics card that computes
    /// There is no card with the number that a start named.
    CardMissing,
    CardDriverOld,
    /// Its compute capability is below 8.0.
    CardUnsupported,
    CardMemory,
    /// No kernel reads the storage type of the weights.
    CardFormat,
    /// This program was built without kernels for cards.
    CardNoKernels,
    /// It stopped working in the middle of an answer.
    CardLost,
    /// What its kernels wrote at the start was wrong.
    CardUnchecked,
    CardFailed,
    NoDisplay,
    /// The web process of the window crashed repeatedly.
    PageDied,
    // Storage
    HistoryUnreadable,
    /// A newer version of the app wrote it.
    HistoryTooNew,
    /// Another program has locked it.
    HistoryLocked,
    /// It was opened read-only.
    HistoryReadOnly,
    /// A backup that is incomplete.
    BackupDamaged,
    SettingsUnreadable,
    /// Some of them; the others are applied.
    SettingsLinesUnreadable,
    OwnModelsUnreadable,
    DownloadsUnreadable,
    SharingUnreadable,
    SharingKeysUnreadable,
    CloudKeysUnreadable,
    PrecisionsUnreadable,
    PermissionDenied,
    /// An error of the disk, the drive or the network folder.
    DiskFailed,
    /// A file or folder is missing, or of another kind.
    FileMissing,
    /// A file is in use by another program.
    FileBusy,
    /// More than the file system allows for one file.
    FileTooLarge,
    /// The system's limit of open files, processes or memory was reached.
    SystemLimit,
    /// A file that no version of this app wrote, or that was edited.
    ChatFileInvalid,
    /// No format is written to a file with this ending.
    ChatFormatUnknown,
    // Library of prompts
    PromptsUnreadable,
    /// A file of prompts that no version of this app wrote, or that was edited.
    PromptFileInvalid,
    PromptNotFound,
    /// Another prompt has the name.
    PromptNameTaken,
    /// A variable has neither a value nor a default.
    PromptValueMissing,
    /// A value for a variable that the prompt does not have.
    PromptValueUnknown,
    InvalidInput,
    /// A bug in this program, which was caught.
    Internal,
}

impl ErrorCode {
    /// Every code, for the tests that demand messages in both languages.
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
