//! Reasons as codes with values. The words of each code, in English and Chinese, are in assets/messages/plans.toml.
use std::collections::BTreeMap;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explained {
    pub code: Code,
    pub values: BTreeMap<&'static str, String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, strum::VariantArray, strum::IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum Code {
    // What a flag does and why it has this value
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
    AllLayers,
    ByLayers,
    FlashAttention,
    Template,
    Temperature,
    TopP,
    Aiter,
    OllamaFrom,
    OllamaParallel,
    // What is worth knowing beside the flags
    ShortContext,
    ReplicatedCache,
    UnusedMachines,
    UnusedCards,
    OpenToNetwork,
    Fp8Widened,
    AmdImage,
    OllamaHere,
    // Why there is no plan
    BuiltInOnly,
    NoFiles,
    CardUnknownToEngine,
    NoFp8,
    NoFp4,
    NoBf16,
    NoDivision,
    WeightsExceedMemory,
    TooLittleLeft,
    FilesInParts,
}

impl Code {
    /// Every code, for the test that demands words in both languages.
    pub const ALL: &'static [Self] = <Self as strum::VariantArray>::VARIANTS;

    /// As it is written in the catalogue of words.
    pub fn key(self) -> &'static str {
        self.into()
    }
}

impl Explained {
    pub(crate) fn new(code: Code) -> Self {
        Self { code, values: BTreeMap::new() }
    }

    pub(crate) fn with(mut self, name: &'static str, value: impl ToString) -> Self {
        self.values.insert(name, value.to_string());
        self
    }
}

pub(crate) use catalog::units::size;
