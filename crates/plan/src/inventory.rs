//! The hosts and GPUs to plan for, and how they are written: "2x8xH100-80G".
//! All hosts and all GPUs are identical; mixed hardware has no plan.
use catalog::{Catalog, GpuSpec};

/// Identical hosts with identical GPUs.
#[derive(Debug, Clone, PartialEq)]
pub struct Inventory {
    pub hosts: u32,
    pub gpus_per_host: u32,
    pub gpu: GpuSpec,
}

const MAX_HOSTS: u32 = 64;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InventoryError {
    #[error("`{0}` is not like 8xH100-80G or 2x8xH100-80G")]
    Format(String),
    #[error("no card `{0}` is known")]
    Gpu(String),
    #[error("at most {MAX_HOSTS} machines of 16 cards, or of one card that shares main memory")]
    Count,
}

impl Inventory {
    /// From "H100-80G", "8xH100-80G" or "2x8xH100-80G".
    pub fn parse(text: &str) -> Result<Self, InventoryError> {
        let format = || InventoryError::Format(text.to_owned());
        let mut counts = Vec::new();
        let mut rest = text.trim();
        while let Some((count, after)) = rest.split_once(['x', 'X', '×']) {
            // The x in a name such as "MAX" does not end a count.
            if count.is_empty() || !count.bytes().all(|byte| byte.is_ascii_digit()) {
                break;
            }
            counts.push(count.parse::<u32>().map_err(|_| InventoryError::Count)?);
            rest = after;
        }
        if rest.is_empty() {
            return Err(format());
        }
        let gpu = Catalog::builtin().gpu(rest).ok_or_else(|| InventoryError::Gpu(rest.to_owned()))?;
        let (hosts, gpus_per_host) = match counts[..] {
            [] => (1, 1),
            // A computer has one card whose memory is its main memory: two of them are two computers.
            [hosts] if gpu.unified => (hosts, 1),
            [gpus_per_host] => (1, gpus_per_host),
            [hosts, gpus_per_host] => (hosts, gpus_per_host),
            _ => return Err(format()),
        };
        if !(1..=MAX_HOSTS).contains(&hosts) || !(1..=gpu.most_per_host()).contains(&gpus_per_host) {
            return Err(InventoryError::Count);
        }
        Ok(Self { hosts, gpus_per_host, gpu: gpu.clone() })
    }

    /// The text that [`Inventory::parse`] reads.
    pub fn label(&self) -> String {
        match self.hosts {
            hosts if self.gpu.unified => format!("{hosts}x1x{}", self.gpu.label()),
            1 => format!("{}x{}", self.gpus_per_host, self.gpu.label()),
            hosts => format!("{hosts}x{}x{}", self.gpus_per_host, self.gpu.label()),
        }
    }
}
