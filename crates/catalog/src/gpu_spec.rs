//! GPU specifications from the asset file; `gpu_lookup` finds one by a name such as "H100-80G".
//! Memory is what the driver reports in MiB, bandwidth and link speed are in GB/s of a billion bytes.
//! GPUs of this computer are read by the crate `hardware`; these are the ones that a plan can name.
use serde::Deserialize;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Vendor {
    Nvidia,
    Amd,
    Apple,
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
    Apple,
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
    /// Names of its computer or its processor, by which people know it.
    #[serde(default)]
    pub aliases: Vec<String>,
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
    /// `None` for a unified card, of which a computer has one.
    pub link: Option<Link>,
    #[serde(default)]
    pub link_gbs: f64,
    /// Its memory is the main memory of its computer, so that the two are never added.
    #[serde(default)]
    pub unified: bool,
}

impl GpuSpec {
    pub fn memory(&self) -> u64 {
        self.memory_mib << 20
    }

    /// How many of them one computer can have.
    pub fn most_per_host(&self) -> u32 {
        if self.unified { 1 } else { 16 }
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
