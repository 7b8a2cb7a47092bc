//! Which graphics cards of a computer the embedded engine uses, and why it does not use the others. The
//! worker's own check of a card decides in the end (crates/cuda/src/probe.rs); these are its rules, as far as
//! NVIDIA's management library tells.
use hardware::{Gpu, GpuVendor, Snapshot};
use protocol::PlaceChoice;

/// The oldest compute capability that the engine has kernels for.
const OLDEST_CAPABILITY: (u32, u32) = (8, 0);
/// The oldest driver, by its version and by the CUDA version that it knows.
const OLDEST_DRIVER: u32 = 525;
pub const OLDEST_CUDA: u32 = 12;

/// What the user lets the engine compute on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Devices(pub PlaceChoice);

/// A card that the engine may use. Its number is its place among the NVIDIA cards of the snapshot, which have
/// the order of their bus addresses.
#[derive(Debug, Clone, Copy)]
pub struct Card<'a> {
    pub index: u32,
    pub gpu: &'a Gpu,
}

/// GPUs that the engine does not use, for one reason. They have a name if all are of one type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdleGpus {
    pub count: usize,
    pub name: Option<String>,
    pub reason: IdleReason,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IdleReason {
    /// The settings say to compute on the processor, or on another card.
    NotChosen,
    NotNvidia,
    /// Its compute capability, which is too low.
    Capability(String),
    /// The version of its driver, which is too old.
    DriverTooOld(String),
    /// The driver does not tell what it needs to be known for.
    Unknown,
}

impl Devices {
    pub const AUTO: Self = Self(PlaceChoice::Auto);
    pub const CPU: Self = Self(PlaceChoice::Cpu);

    /// The cards that the engine may use, in the order in which it tries them.
    pub fn cards(self, snapshot: &Snapshot) -> impl Iterator<Item = Card<'_>> {
        nvidia(snapshot).filter(move |card| self.allows(card.index) && unsupported(card.gpu).is_none())
    }

    /// The card with this number, and why the engine cannot use it.
    pub fn named(index: u32, snapshot: &Snapshot) -> Option<(Card<'_>, Option<IdleReason>)> {
        let card = nvidia(snapshot).find(|card| card.index == index)?;
        Some((card, unsupported(card.gpu)))
    }

    pub fn uses(self, snapshot: &Snapshot, gpu: &Gpu) -> bool {
        self.cards(snapshot).any(|card| std::ptr::eq(card.gpu, gpu))
    }

    /// The GPUs that are not used, those with the same reason together.
    pub fn idle(self, snapshot: &Snapshot) -> Vec<IdleGpus> {
        let mut groups: Vec<(IdleReason, Vec<&Gpu>)> = Vec::new();
        for gpu in snapshot.gpus.iter().filter(|gpu| !self.uses(snapshot, gpu)) {
            let reason = unsupported(gpu).unwrap_or(IdleReason::NotChosen);
            match groups.iter_mut().find(|(known, _)| *known == reason) {
                Some((_, gpus)) => gpus.push(gpu),
                None => groups.push((reason, vec![gpu])),
            }
        }
        let group = |(reason, gpus): (IdleReason, Vec<&Gpu>)| {
            let one_kind = gpus.iter().all(|gpu| gpu.name == gpus[0].name);
            let name = one_kind.then(|| short_name(&gpus[0].name).to_owned());
            IdleGpus { count: gpus.len(), name, reason }
        };
        groups.into_iter().map(group).collect()
    }

    fn allows(self, index: u32) -> bool {
        match self.0 {
            PlaceChoice::Auto => true,
            PlaceChoice::Cpu => false,
            PlaceChoice::Card(chosen) => chosen == index,
        }
    }
}

fn nvidia(snapshot: &Snapshot) -> impl Iterator<Item = Card<'_>> {
    let nvidia = snapshot.gpus.iter().filter(|gpu| gpu.vendor == GpuVendor::Nvidia);
    (0..).zip(nvidia).map(|(index, gpu)| Card { index, gpu })
}

/// Why the engine cannot use a GPU, whatever the user chose.
fn unsupported(gpu: &Gpu) -> Option<IdleReason> {
    if gpu.vendor != GpuVendor::Nvidia {
        return Some(IdleReason::NotNvidia);
    }
    let major = |version: &str| version.split('.').next()?.parse::<u32>().ok();
    let old = match gpu.cuda.as_deref().and_then(major) {
        Some(cuda) => cuda < OLDEST_CUDA,
        None => major(&gpu.driver).is_some_and(|driver| driver < OLDEST_DRIVER),
    };
    if old {
        return Some(IdleReason::DriverTooOld(gpu.driver.clone()));
    }
    match gpu.compute_capability.as_deref().map(|text| (text, capability(text))) {
        Some((text, Some(found))) if found < OLDEST_CAPABILITY => {
            Some(IdleReason::Capability(text.to_owned()))
        }
        Some((_, Some(_))) if gpu.vram_free.is_some() => None,
        _ => Some(IdleReason::Unknown),
    }
}

fn capability(text: &str) -> Option<(u32, u32)> {
    let (major, minor) = text.split_once('.')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

/// The name without vendor and brand: "NVIDIA GeForce RTX 4090" becomes "RTX 4090".
pub fn short_name(name: &str) -> &str {
    ["NVIDIA ", "AMD ", "GeForce "].iter().fold(name, |name, word| name.strip_prefix(word).unwrap_or(name))
}
