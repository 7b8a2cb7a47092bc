//! Reasons as codes with values, of which a sentence is made elsewhere: the message of each code, in English
//! and Chinese, is in assets/messages/plans.toml.
use std::collections::BTreeMap;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason {
    pub code: ReasonCode,
    pub values: BTreeMap<&'static str, ReasonValue>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReasonValue {
    Text(String),
    Count(u64),
    Bytes(u64),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, strum::VariantArray, strum::IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum ReasonCode {
    // Reasons for an argument
    ModelPath,
    ServedName,
    RemoteCode,
    Tensor,
    Pipeline,
    Replicas,
    AttentionData,
    LmHead,
    Experts,
    Machines,
    MachineRank,
    Leader,
    Headless,
    Ray,
    Context,
    ContextOfAll,
    Sequences,
    MemoryShare,
    CacheFp8,
    CacheQ8,
    CacheSparse,
    Draft,
    Compile,
    Reasoning,
    ToolCalls,
    Metrics,
    Host,
    HostPrivate,
    ApiKey,
    Port,
    PictureArchitecture,
    RepeatedText,
    AllLayers,
    ByLayers,
    FlashAttention,
    Template,
    Temperature,
    TopP,
    Aiter,
    OllamaFrom,
    OllamaParallel,
    // Notes on a plan
    ShortContext,
    ReplicatedCache,
    UnusedMachines,
    UnusedCards,
    OpenToNetwork,
    Fp8Widened,
    AmdImage,
    OllamaHere,
    // Reasons for a rejection
    BuiltInOnly,
    NoFiles,
    CardUnknownToEngine,
    ModelUnknownToEngine,
    NoSparseAttention,
    NoFp8,
    NoFp4,
    NoBf16,
    NoDivision,
    WeightsExceedMemory,
    TooLittleLeft,
    FilesInParts,
}

impl ReasonCode {
    /// Every code, for the test that every code has a message in both languages.
    pub const ALL: &'static [Self] = <Self as strum::VariantArray>::VARIANTS;

    /// The key in the message catalogue.
    pub fn key(self) -> &'static str {
        self.into()
    }
}

impl Reason {
    pub(crate) fn new(code: ReasonCode) -> Self {
        Self { code, values: BTreeMap::new() }
    }

    pub(crate) fn with(mut self, name: &'static str, value: impl Into<ReasonValue>) -> Self {
        self.values.insert(name, value.into());
        self
    }

    pub(crate) fn with_bytes(mut self, name: &'static str, bytes: u64) -> Self {
        self.values.insert(name, ReasonValue::Bytes(bytes));
        self
    }
}

impl From<&str> for ReasonValue {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<&String> for ReasonValue {
    fn from(text: &String) -> Self {
        Self::Text(text.clone())
    }
}

impl From<String> for ReasonValue {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<u16> for ReasonValue {
    fn from(count: u16) -> Self {
        Self::Count(count.into())
    }
}

impl From<u32> for ReasonValue {
    fn from(count: u32) -> Self {
        Self::Count(count.into())
    }
}

impl From<u64> for ReasonValue {
    fn from(count: u64) -> Self {
        Self::Count(count)
    }
}
