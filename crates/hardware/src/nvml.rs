//! Queries NVML, NVIDIA's management library. A failed query leaves only its field empty; the GPU is kept and
//! the first failure is recorded. Knows no user messages.
use std::ffi::OsStr;

use nvml_wrapper::error::NvmlError;
use nvml_wrapper::{Device, Nvml};
use serde::{Deserialize, Serialize};

/// A GPU whose name is not known.
const UNNAMED: &str = "NVIDIA GPU";
/// Limit of the device count; no computer has more.
const MAX_GPUS: u32 = 64;

/// The results of NVML on one computer; sizes are in bytes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NvmlDump {
    /// `None` if the query failed.
    pub driver_version: Option<String>,
    /// Such as "13.0".
    pub cuda_version: Option<String>,
    pub devices: Vec<NvmlDevice>,
    /// The first failed query of a required field.
    #[serde(default)]
    pub failure: Option<NvmlFailure>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NvmlDevice {
    pub name: String,
    pub memory_total: Option<u64>,
    pub memory_free: Option<u64>,
    /// The GPU uses main memory and has none of its own, like GB10 and Jetson.
    #[serde(default)]
    pub shared_memory: bool,
    /// Such as "9.0".
    pub compute_capability: Option<String>,
    /// Such as "GPU-8932f937-d72c-4106-c12f-20bd9faed9f6".
    #[serde(default)]
    pub uuid: Option<String>,
}

/// NVML failures that need different actions by the user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NvmlFailure {
    LibraryAbsent,
    DriverNotLoaded,
    VersionMismatch,
    NoPermission,
    GpuLost,
    InsufficientPower,
    Other(String),
}

impl From<NvmlError> for NvmlFailure {
    fn from(error: NvmlError) -> Self {
        match error {
            NvmlError::LibloadingError(_) | NvmlError::LibraryNotFound => Self::LibraryAbsent,
            NvmlError::DriverNotLoaded => Self::DriverNotLoaded,
            NvmlError::LibRmVersionMismatch => Self::VersionMismatch,
            // Usually a container without the device.
            NvmlError::NoPermission | NvmlError::OperatingSystem => Self::NoPermission,
            NvmlError::GpuLost | NvmlError::ResetRequired | NvmlError::IrqIssue => Self::GpuLost,
            NvmlError::InsufficientPower => Self::InsufficientPower,
            other => Self::Other(other.to_string()),
        }
    }
}

/// Queries the library at `path`, or the system's. An error only if no GPU could be queried.
pub fn query_nvml(path: Option<&OsStr>) -> Result<NvmlDump, NvmlFailure> {
    let mut builder = Nvml::builder();
    if let Some(path) = path {
        builder.lib_path(path);
    }
    let nvml = builder.init()?;
    if nvml.lib().nvmlShutdown.is_err() {
        // The wrapper calls it on drop and panics if the library lacks it.
        let message = "its library has no nvmlShutdown";
        std::mem::forget(nvml);
        return Err(NvmlFailure::Other(message.to_owned()));
    }
    let count = nvml.device_count()?.min(MAX_GPUS);
    let mut dump = NvmlDump {
        driver_version: nvml.sys_driver_version().ok(),
        cuda_version: nvml
            .sys_cuda_driver_version()
            .ok()
            .filter(|version| *version > 0)
            .map(|version| format!("{}.{}", version / 1000, version % 1000 / 10)),
        ..NvmlDump::default()
    };
    let mut answered = false;
    for index in 0..count {
        let (device, failure) = match nvml.device_by_index(index) {
            Ok(device) => {
                answered = true;
                describe(&nvml, &device)
            }
            // It keeps its place, so that the others keep their numbers.
            Err(error) => (lost(), Some(error.into())),
        };
        dump.devices.push(device);
        dump.failure = dump.failure.or(failure);
    }
    if !answered {
        // The kernel module knows at least their names.
        dump.devices.clear();
    }
    Ok(dump)
}

/// A GPU that does not answer.
fn lost() -> NvmlDevice {
    NvmlDevice {
        name: UNNAMED.to_owned(),
        memory_total: None,
        memory_free: None,
        shared_memory: false,
        compute_capability: None,
        uuid: None,
    }
}

fn describe(nvml: &Nvml, device: &Device) -> (NvmlDevice, Option<NvmlFailure>) {
    let name = device.name();
    let memory = memory(nvml, device);
    let shared_memory = matches!(memory, Err(NvmlError::NotSupported));
    let (memory_total, memory_free) = match memory {
        Ok((total, free)) if total > 0 => (Some(total), Some(free.min(total))),
        _ => (None, None),
    };
    let info = NvmlDevice {
        name: name.as_deref().ok().filter(|name| !name.is_empty()).unwrap_or(UNNAMED).to_owned(),
        memory_total,
        memory_free,
        shared_memory,
        compute_capability: device
            .cuda_compute_capability()
            .ok()
            .map(|capability| format!("{}.{}", capability.major, capability.minor)),
        uuid: device.uuid().ok(),
    };
    let failure = match memory {
        Err(NvmlError::NotSupported) => name.err().map(NvmlFailure::from),
        Err(error) => Some(error.into()),
        Ok(_) => name.err().map(NvmlFailure::from),
    };
    (info, failure)
}

/// (total, free). Libraries before driver 510 have only the first version of the function.
fn memory(nvml: &Nvml, device: &Device) -> Result<(u64, u64), NvmlError> {
    /// nvml.h: NVML_ERROR_ARGUMENT_VERSION_MISMATCH.
    const VERSION_MISMATCH: u32 = 25;
    #[repr(C)]
    #[derive(Default)]
    struct Memory {
        total: u64,
        free: u64,
        used: u64,
    }
    match device.memory_info() {
        Ok(memory) => return Ok((memory.total, memory.free)),
        Err(
            NvmlError::FailedToLoadSymbol(_)
            | NvmlError::FunctionNotFound
            | NvmlError::UnexpectedVariant(VERSION_MISMATCH),
        ) => {}
        Err(error) => return Err(error),
    }
    let Ok(function) = &nvml.lib().nvmlDeviceGetMemoryInfo else { return Err(NvmlError::FunctionNotFound) };
    let mut memory = Memory::default();
    // SAFETY: the handle is of this library, and `Memory` has the three fields of nvmlMemory_t.
    let code = unsafe { function(device.handle(), std::ptr::from_mut(&mut memory).cast()) };
    nvml_wrapper::error::nvml_try(code)?;
    Ok((memory.total, memory.free))
}
