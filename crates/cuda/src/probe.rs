//! Which cards there are, and why one cannot be used. Each card is really opened and one of the kernels
//! loaded, so that a card called usable is.
use std::ffi::CStr;
use std::ptr;

use cudarc::driver::sys::{self, CUdevice_attribute};

use crate::driver::{call, ready, reason};
use crate::error::{Capability, DriverVersion, NoCard, Result};
use crate::images;

/// The oldest cards that the kernels are compiled for.
const OLDEST: Capability = Capability { major: 8, minor: 0 };

/// One card of this machine, in the driver's order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CardInfo {
    pub index: u32,
    pub name: String,
    pub capability: Capability,
    pub driver: DriverVersion,
    /// Bytes of memory. `free` is what other programs leave; zero where the card could not be opened.
    pub total: u64,
    pub free: u64,
    /// Why it cannot be used, if so.
    pub refused: Option<NoCard>,
}

impl CardInfo {
    pub fn usable(&self) -> bool {
        self.refused.is_none()
    }
}

/// Every card of this machine, also those that do not answer. Takes some tenths of a second per card.
///
/// # Errors
/// When no card can be asked at all: there is no driver, it is too old, or it finds none.
pub fn places() -> std::result::Result<Vec<CardInfo>, NoCard> {
    let driver = ready()?;
    let mut count = 0;
    call!(cuDeviceGetCount(&raw mut count)).map_err(reason)?;
    Ok((0..u32::try_from(count).unwrap_or(0)).map(|index| look(index, driver)).collect())
}

/// What can be said of a card without opening it, and then of opening it.
fn look(index: u32, driver: DriverVersion) -> CardInfo {
    let mut info = match describe(index, driver) {
        Ok(info) => info,
        // It was lost, and hides no other.
        Err(error) => {
            let capability = Capability { major: 0, minor: 0 };
            let refused = Some(reason(error));
            return CardInfo { index, name: String::new(), capability, driver, total: 0, free: 0, refused };
        }
    };
    info.refused = if info.capability < OLDEST {
        Some(NoCard::Unsupported { capability: info.capability })
    } else if images::embedded().is_none() {
        Some(NoCard::NoKernels)
    } else {
        None
    };
    // A card that is refused is opened for its free memory only, and need not open.
    let opened = open(index, &info);
    if let Ok(free) = opened {
        info.free = free;
    }
    info.refused = info.refused.or(opened.err());
    info
}

/// # Errors
/// When the driver does not know the card.
pub fn describe(index: u32, driver: DriverVersion) -> Result<CardInfo> {
    let device = device(index)?;
    let mut name = [0; 256];
    call!(cuDeviceGetName(name.as_mut_ptr(), 255, device))?;
    // SAFETY: the last byte is never written, so the text ends.
    let name = unsafe { CStr::from_ptr(name.as_ptr()) }.to_string_lossy().into_owned();
    let mut total = 0;
    call!(cuDeviceTotalMem_v2(&raw mut total, device))?;
    use CUdevice_attribute as A;
    let major = attribute(device, A::CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR)?;
    let minor = attribute(device, A::CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR)?;
    let capability = Capability { major, minor };
    Ok(CardInfo { index, name, capability, driver, total: total as u64, free: 0, refused: None })
}

/// The driver's handle of a card.
///
/// # Errors
/// When there is no such card.
pub fn device(index: u32) -> Result<sys::CUdevice> {
    let mut device = 0;
    call!(cuDeviceGet(&raw mut device, index.cast_signed()))?;
    Ok(device)
}

/// # Errors
/// When the driver does not know the attribute.
pub fn attribute(device: sys::CUdevice, attribute: CUdevice_attribute) -> Result<u32> {
    let mut value = 0;
    call!(cuDeviceGetAttribute(&raw mut value, attribute, device))?;
    Ok(u32::try_from(value).unwrap_or(0))
}

/// Opens a card, loads its smallest file of kernels, and answers its free memory.
fn open(index: u32, info: &CardInfo) -> std::result::Result<u64, NoCard> {
    let device = device(index).map_err(reason)?;
    let mut context = ptr::null_mut();
    call!(cuDevicePrimaryCtxRetain(&raw mut context, device)).map_err(reason)?;
    let answer = call!(cuCtxSetCurrent(context)).map_err(reason).and_then(|()| load_one(info));
    let _ = call!(cuCtxSetCurrent(ptr::null_mut()));
    let _ = call!(cuDevicePrimaryCtxRelease_v2(device));
    answer
}

fn load_one(info: &CardInfo) -> std::result::Result<u64, NoCard> {
    let (mut free, mut total) = (0, 0);
    call!(cuMemGetInfo_v2(&raw mut free, &raw mut total)).map_err(reason)?;
    if info.refused.is_none()
        && let Some(images) = images::embedded()
    {
        let images = images.of(info.capability).map_err(NoCard::Failed)?;
        let smallest = images.iter().min_by_key(|image| image.len()).expect("there is one");
        let mut module = ptr::null_mut();
        call!(cuModuleLoadData(&raw mut module, smallest.as_ptr().cast())).map_err(reason)?;
        let _ = call!(cuModuleUnload(module));
    }
    Ok(free as u64)
}
