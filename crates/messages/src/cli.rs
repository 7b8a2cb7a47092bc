//! The words of whaledeck-cli, and of the desktop program where it has no page. Where they stand is decided
//! there. Sentences that the window shows too are those of the other subjects.
use std::sync::LazyLock;

use crate::Lang;
use crate::catalogue::{Catalogue, parse};
use crate::template::fill_texts;

static CATALOGUE: LazyLock<Catalogue<String>> =
    LazyLock::new(|| parse(include_str!("../../../assets/messages/cli.toml")));

#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::VariantArray, strum::IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum CliMessage {
    Details,
    WindowHelp,
    Restart,
    Quit,
    Proxy,
    RunsOn,
    Comma,
    Memory,
    Downloading,
    Paused,
    Verifying,
    Failed,
    Thinking,
    Answer,
    BackupRestored,
    Daily,
    BeforeUpdate,
    Replaced,
    MadeByYou,
    Folder,
    ChatsOpen,
    ChatsEmpty,
    ChatKeys,
    You,
    RepeatsItself,
    EmptyAnswer,
    AnswerStats,
    NoTitle,
    ChatExported,
    ChatImported,
    TypePassword,
    SystemSettings,
    NoProxy,
    PasswordInKeyring,
    PasswordInFile,
    UserName,
    SystemCertificates,
    Certificates,
    LeftOut,
    NoDeployments,
    DeploymentKey,
    Nothing,
    Engines,
    Install,
    Gpus,
    DeploymentRemoved,
    PlannedFor,
    Stopped,
    Checking,
    Starting,
    Loading,
    DeploymentReady,
    RestartingSoon,
    Stopping,
    NoCloudService,
    PasteKey,
    KeyInKeyring,
    KeyInFile,
    NoKey,
    KeyFileNote,
    AddressLookup,
    Connection,
    SecureConnection,
    Key,
    ModelList,
    FirstToken,
    Passed,
    StepFailed,
    NotOffered,
    NotTested,
    Model,
    ServiceForgotten,
    System,
    Processor,
    MemorySpeed,
    MemoryUnknown,
    SharedMemory,
    GraphicsCard,
    NoneInUse,
    Disk,
    Cores,
    Threads,
    FreeOf,
    NoName,
    UnknownImage,
    BoxLine,
    AreaSeparator,
    Download,
    Ready,
    InUse,
    RunsWell,
    ShortContextOnly,
    RunsSlowly,
    TooLarge,
    OtherEngines,
    PrecisionUsed,
    ModelForgotten,
    ModelDeleted,
    DoesNotRun,
    ModelAdded,
    NoModelsFound,
    ImportHint,
    TotalWeights,
    EachGpu,
    Usable,
    WeightsOnIt,
    ForComputing,
    LeftForConversations,
    EachTokenOfContext,
    TotalCapacity,
    Conversations,
    Cards,
    Command,
    Variables,
    GoodToKnow,
    NoPlan,
    WhatWorks,
    Tokens,
    RoomFor,
    NothingFound,
    HowToPull,
    HowToAsk,
    DownloadCount,
    AccessOnRequest,
    ProjectorsLeftOut,
    ReadingFileList,
    DownloadReady,
    DownloadDone,
    DownloadLine,
    SourceWaits,
    SecondsLeft,
    MinutesLeft,
    HoursLeft,
    OpenToNetwork,
    HowToStop,
    ShownOnce,
    NoKeys,
    NeverExpires,
    Expired,
    KeyRemoved,
    Until,
    ThisComputer,
    WeightsPart,
    ConversationsPart,
    WorkingSpacePart,
    GpusThatHoldIt,
    HoldsIt,
    ShorterConversationsOnly,
    TooSmall,
    NoEngineRunsFp8,
    DoesNotComputeFp4,
    DoesNotComputeBf16,
    PerGpu,
    ProcessingImage,
    ProcessingImageOf,
}

impl CliMessage {
    pub fn text(self, lang: Lang) -> &'static str {
        let key: &str = self.into();
        CATALOGUE[key].of(lang)
    }

    pub fn with(self, lang: Lang, values: &[(&str, &str)]) -> String {
        fill_texts(self.text(lang), lang, values)
    }
}

#[cfg(test)]
mod tests {
    use strum::VariantArray;

    use super::*;

    #[test]
    fn every_message_is_there_in_both_languages() {
        crate::catalogue::check(&CATALOGUE, CliMessage::VARIANTS.iter().map(|message| message.into()));
    }
}
