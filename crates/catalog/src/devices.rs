//! Which devices of a computer an engine computes on. A verdict counts the memory and the speed of these devices only.
//! The one place to change when the embedded engine computes on more of them. Does not know which engine a host runs.
use hardware::{Gpu, GpuVendor, Snapshot};

use crate::Sentence;

/// The processor always computes; of graphics cards, those of the makers named here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Devices {
    pub nvidia: bool,
    pub amd: bool,
}

impl Devices {
    pub const PROCESSOR: Self = Self { nvidia: false, amd: false };
    pub const ALL: Self = Self { nvidia: true, amd: true };
    /// What the embedded engine of this version computes on. Every verdict about this computer follows from it.
    pub const EMBEDDED: Self = Self::PROCESSOR;

    pub fn uses(self, gpu: &Gpu) -> bool {
        match gpu.vendor {
            GpuVendor::Nvidia => self.nvidia,
            GpuVendor::Amd => self.amd,
        }
    }

    /// The graphics cards that compute, in the order of the snapshot.
    pub fn gpus(self, snapshot: &Snapshot) -> impl Iterator<Item = &Gpu> {
        snapshot.gpus.iter().filter(move |gpu| self.uses(gpu))
    }

    /// What is to be said of the cards that do not compute; `None` when there are none.
    pub fn idle(self, snapshot: &Snapshot) -> Option<Sentence> {
        let idle: Vec<&Gpu> = snapshot.gpus.iter().filter(|gpu| !self.uses(gpu)).collect();
        let first = idle.first()?;
        let one_kind = idle.iter().all(|gpu| gpu.name == first.name);
        let name = short(&first.name);
        let (what, what_zh, one) = match (idle.len(), one_kind) {
            (1, _) => (format!("Your {name} is"), format!("你的 {name} "), true),
            (count, true) => {
                (format!("Your {count} cards of type {name} are"), format!("你的 {count} 张 {name} "), false)
            }
            (count, false) => {
                (format!("Your {count} graphics cards are"), format!("你的 {count} 张显卡"), false)
            }
        };
        let them = if one { "it" } else { "them" };
        Some(Sentence {
            en: format!("{what} not used yet; llama-server under Deployments uses {them}."),
            zh: format!("{what_zh}目前未使用；“部署”中的 llama-server 可以使用。"),
        })
    }
}

/// The name without its maker's family words: "NVIDIA GeForce RTX 4090" is known as "RTX 4090".
fn short(name: &str) -> &str {
    ["NVIDIA ", "AMD ", "GeForce "].iter().fold(name, |name, word| name.strip_prefix(word).unwrap_or(name))
}
