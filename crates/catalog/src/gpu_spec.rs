//! GPU specifications from the asset file, and lookup by a name such as "H100-80G".
//! Memory is what the driver reports in MiB, bandwidth and link speed are in GB/s of a billion bytes.
//! GPUs of this computer are read by the crate `hardware`; these are the ones that a plan can name.
use serde::Deserialize;

use crate::Catalog;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Vendor {
    Nvidia,
    Amd,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Architecture {
    Volta,
    Turing,
    Ampere,
    Ada,
    Hopper,
    Blackwell,
    Rdna3,
    Cdna3,
    Cdna4,
}

/// The interconnect between the GPUs of a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Link {
    Pcie,
    Nvlink,
    InfinityFabric,
}

/// The specification of a GPU model.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GpuSpec {
    /// A substring of the name that the driver reports.
    pub name: String,
    pub vendor: Vendor,
    pub architecture: Architecture,
    /// The nominal memory size.
    pub vram_gb: u64,
    /// The memory size that the driver reports.
    pub memory_mib: u64,
    pub bandwidth_gbs: f64,
    /// NVIDIA only.
    pub compute_capability: Option<String>,
    pub fp8: bool,
    pub fp4: bool,
    pub link: Link,
    pub link_gbs: f64,
}

impl GpuSpec {
    pub fn memory(&self) -> u64 {
        self.memory_mib << 20
    }

    /// The short name, such as "H100-80G".
    pub fn label(&self) -> String {
        let name = self.name.trim_start_matches("NVIDIA ").trim_start_matches("Tesla ");
        let name = name.split("-SXM").next().unwrap_or(name);
        format!("{}-{}G", name.replace(' ', "-"), self.vram_gb)
    }

    /// The compute capability as a number, such as 8.9.
    pub fn capability(&self) -> Option<f64> {
        self.compute_capability.as_deref()?.parse().ok()
    }

    /// AMD Instinct, the only AMD GPUs that every engine here supports.
    pub fn is_instinct(&self) -> bool {
        matches!(self.architecture, Architecture::Cdna3 | Architecture::Cdna4)
    }
}

impl Catalog {
    /// Looks up a GPU by a name such as "H100", "h100-80g", "RTX 4090" or "A100-40G".
    pub fn gpu(&self, text: &str) -> Option<&GpuSpec> {
        let query = normalize(text);
        let by_label = |gpu: &&GpuSpec| normalize(&gpu.label()) == query;
        let by_name = |gpu: &&GpuSpec| normalize(&gpu.name) == query;
        self.gpus().iter().find(by_label).or_else(|| self.gpus().iter().find(by_name))
    }
}

/// Upper-case letters and digits, without the vendor and the unit after a size.
fn normalize(text: &str) -> String {
    let upper = text.to_uppercase();
    let kept: String = upper.chars().filter(|letter| letter.is_ascii_alphanumeric()).collect();
    let kept = kept.trim_start_matches("NVIDIA").trim_start_matches("AMD").trim_start_matches("TESLA");
    let sized =
        kept.strip_suffix("GIB").or_else(|| kept.strip_suffix("GB")).or_else(|| kept.strip_suffix('G'));
    sized.unwrap_or(kept).to_owned()
}
