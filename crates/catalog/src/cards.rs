//! Graphics cards by name: what a plan may count on, and the cards a person means by "H100-80G".
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

/// How cards of one machine reach each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Link {
    Pcie,
    Nvlink,
    InfinityFabric,
}

/// A graphics card that could be bought.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Card {
    /// A part of the name that its driver reports.
    pub name: String,
    pub vendor: Vendor,
    pub architecture: Architecture,
    /// As it is sold.
    pub vram_gb: u64,
    /// As the driver reports it.
    pub memory_mib: u64,
    pub bandwidth_gbs: f64,
    /// NVIDIA only.
    pub compute_capability: Option<String>,
    pub fp8: bool,
    pub fp4: bool,
    pub link: Link,
    pub link_gbs: f64,
}

impl Card {
    pub fn memory(&self) -> u64 {
        self.memory_mib << 20
    }

    /// As people write it: "H100-80G".
    pub fn label(&self) -> String {
        let name = self.name.trim_start_matches("NVIDIA ").trim_start_matches("Tesla ");
        let name = name.split("-SXM").next().unwrap_or(name);
        format!("{}-{}G", name.replace(' ', "-"), self.vram_gb)
    }

    /// As a number, such as 8.9.
    pub fn capability(&self) -> Option<f64> {
        self.compute_capability.as_deref()?.parse().ok()
    }

    /// AMD's cards for data centres, the only ones of AMD's that every engine here knows.
    pub fn is_instinct(&self) -> bool {
        matches!(self.architecture, Architecture::Cdna3 | Architecture::Cdna4)
    }
}

impl Catalog {
    /// The card of a name such as "H100", "h100-80g", "RTX 4090" or "A100-40G".
    pub fn card(&self, text: &str) -> Option<&Card> {
        let wanted = plain(text);
        let named = |card: &&Card| plain(&card.label()) == wanted;
        let bare = |card: &&Card| plain(&card.name) == wanted;
        self.cards().iter().find(named).or_else(|| self.cards().iter().find(bare))
    }
}

/// Letters and digits only; makers' names and the unit after a size say nothing.
fn plain(text: &str) -> String {
    let upper = text.to_uppercase();
    let kept: String = upper.chars().filter(|letter| letter.is_ascii_alphanumeric()).collect();
    let kept = kept.trim_start_matches("NVIDIA").trim_start_matches("AMD").trim_start_matches("TESLA");
    let sized =
        kept.strip_suffix("GIB").or_else(|| kept.strip_suffix("GB")).or_else(|| kept.strip_suffix('G'));
    sized.unwrap_or(kept).to_owned()
}
