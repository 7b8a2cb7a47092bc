//! Calls of NVIDIA's driver. The library is opened when the program runs, and every symbol used by this crate
//! is looked up before the first call, because the binding panics where one is missing.
use std::ffi::CStr;
use std::ptr;
use std::sync::OnceLock;

use cudarc::driver::sys::{self, CUresult};

use crate::error::{DriverVersion, Error, NoCard, Result};

/// The oldest driver that runs kernels of this compiler.
const NEEDED: DriverVersion = DriverVersion { major: 12, minor: 0 };

/// Every function of the driver that this crate calls; a unit test compares it with the sources.
pub const SYMBOLS: &[&str] = &[
    "cuCtxSetCurrent",
    "cuDeviceGet",
    "cuDeviceGetAttribute",
    "cuDeviceGetCount",
    "cuDeviceGetName",
    "cuDevicePrimaryCtxRelease_v2",
    "cuDevicePrimaryCtxRetain",
    "cuDeviceTotalMem_v2",
    "cuDriverGetVersion",
    "cuEventCreate",
    "cuEventDestroy_v2",
    "cuEventElapsedTime",
    "cuEventQuery",
    "cuEventRecord",
    "cuEventSynchronize",
    "cuFuncSetAttribute",
    "cuGetErrorString",
    "cuGraphDestroy",
    "cuGraphExecDestroy",
    "cuGraphInstantiateWithFlags",
    "cuGraphLaunch",
    "cuGraphUpload",
    "cuInit",
    "cuLaunchKernelEx",
    "cuMemAlloc_v2",
    "cuMemFreeHost",
    "cuMemFree_v2",
    "cuMemGetInfo_v2",
    "cuMemHostAlloc",
    "cuMemcpyDtoDAsync_v2",
    "cuMemcpyDtoHAsync_v2",
    "cuMemcpyHtoDAsync_v2",
    "cuMemsetD8Async",
    "cuModuleGetFunction",
    "cuModuleLoadData",
    "cuModuleUnload",
    "cuStreamBeginCapture_v2",
    "cuStreamCreate",
    "cuStreamDestroy_v2",
    "cuStreamEndCapture",
    "cuStreamSynchronize",
];

/// Functions that newer drivers have, and that this crate does without.
const OPTIONAL: &[&str] = &["cuFuncGetParamInfo"];

/// Calls a function of the driver by its name and turns its code into a `Result`.
macro_rules! call {
    ($name:ident($($argument:expr),* $(,)?)) => {
        // SAFETY: `ready` found the symbol, and the arguments are of this crate's own handles and memory.
        $crate::driver::check(stringify!($name), unsafe { cudarc::driver::sys::$name($($argument),*) })
    };
}
pub(crate) use call;

/// The driver's version, once it is open and was found to be new enough.
///
/// # Errors
/// When there is no driver, it is too old, or it does not start.
pub fn ready() -> std::result::Result<DriverVersion, NoCard> {
    static READY: OnceLock<std::result::Result<DriverVersion, NoCard>> = OnceLock::new();
    READY.get_or_init(open).clone()
}

fn open() -> std::result::Result<DriverVersion, NoCard> {
    // SAFETY: opening the driver's library runs nothing of it but its own start.
    if !unsafe { sys::is_culib_present() } {
        return Err(NoCard::NoDriver);
    }
    // Without these two nothing can be said about the rest.
    if let Some(symbol) = missing(&["cuDriverGetVersion", "cuGetErrorString"]) {
        return Err(NoCard::Failed(format!("the driver has no {symbol}")));
    }
    let mut number = 0;
    call!(cuDriverGetVersion(&raw mut number)).map_err(reason)?;
    let number = u32::try_from(number).unwrap_or(0);
    let have = DriverVersion { major: number / 1000, minor: number % 1000 / 10 };
    if have < NEEDED {
        return Err(NoCard::DriverTooOld { have, need: NEEDED });
    }
    if let Some(symbol) = missing(SYMBOLS) {
        return Err(NoCard::Failed(format!("the driver has no {symbol}")));
    }
    // SAFETY: no arguments but flags, which must be zero.
    match unsafe { sys::cuInit(0) } {
        CUresult::CUDA_SUCCESS => Ok(have),
        // A driver without a card, or one that a container does not show.
        CUresult::CUDA_ERROR_NO_DEVICE => Err(NoCard::Failed("the driver finds no card".to_owned())),
        other => Err(reason(check("cuInit", other).expect_err("it is no success"))),
    }
}

/// Whether the driver has one of the optional functions.
pub fn has(symbol: &'static str) -> bool {
    debug_assert!(OPTIONAL.contains(&symbol), "{symbol} is not in the list");
    missing(&[symbol]).is_none()
}

fn missing(symbols: &[&'static str]) -> Option<&'static str> {
    // SAFETY: the library is there; only addresses are looked up, as what they are not is never called.
    let library = unsafe { sys::culib() };
    let lacks = |symbol: &&&str| unsafe { library.get::<unsafe extern "C" fn()>(symbol.as_bytes()) }.is_err();
    symbols.iter().find(lacks).copied()
}

/// Why a card cannot be used, of the error that its probe met.
pub fn reason(error: Error) -> NoCard {
    match error {
        Error::NoCard(reason) => reason,
        Error::OutOfMemory { .. } => NoCard::NoMemory,
        other => NoCard::Failed(other.to_string()),
    }
}

/// # Errors
/// When `result` is no success.
pub fn check(call: &'static str, result: CUresult) -> Result<()> {
    use CUresult as R;
    match result {
        R::CUDA_SUCCESS => Ok(()),
        R::CUDA_ERROR_OUT_OF_MEMORY => Err(Error::OutOfMemory { needed: None, free: free_bytes() }),
        // After any of these the driver answers every call of this process with the same error.
        R::CUDA_ERROR_ILLEGAL_ADDRESS
        | R::CUDA_ERROR_LAUNCH_FAILED
        | R::CUDA_ERROR_LAUNCH_TIMEOUT
        | R::CUDA_ERROR_ILLEGAL_INSTRUCTION
        | R::CUDA_ERROR_MISALIGNED_ADDRESS
        | R::CUDA_ERROR_INVALID_ADDRESS_SPACE
        | R::CUDA_ERROR_INVALID_PC
        | R::CUDA_ERROR_HARDWARE_STACK_ERROR
        | R::CUDA_ERROR_ASSERT
        | R::CUDA_ERROR_CONTEXT_IS_DESTROYED
        | R::CUDA_ERROR_DEVICE_UNAVAILABLE
        | R::CUDA_ERROR_ECC_UNCORRECTABLE => Err(Error::Lost { message: message(result) }),
        _ => Err(Error::Driver { call, code: result as u32, message: message(result) }),
    }
}

fn message(result: CUresult) -> String {
    let mut text = ptr::null();
    // SAFETY: the driver gives a string of its own that is never freed, or nothing.
    unsafe {
        if sys::cuGetErrorString(result, &raw mut text) != CUresult::CUDA_SUCCESS || text.is_null() {
            return "no words for it".to_owned();
        }
        CStr::from_ptr(text).to_string_lossy().into_owned()
    }
}

/// The free memory of the current card, zero where even that cannot be asked.
fn free_bytes() -> u64 {
    let (mut free, mut total) = (0, 0);
    // SAFETY: two numbers are written; a failure leaves them.
    let _ = unsafe { sys::cuMemGetInfo_v2(&raw mut free, &raw mut total) };
    free as u64
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{OPTIONAL, SYMBOLS};

    #[test]
    fn every_function_that_is_called_is_looked_up_first() {
        let sources = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let mut called = BTreeSet::new();
        let mut open = vec![sources];
        while let Some(path) = open.pop() {
            if path.is_dir() {
                open.extend(std::fs::read_dir(&path).expect("a folder").flatten().map(|entry| entry.path()));
                continue;
            }
            let text = std::fs::read_to_string(&path).expect("a source");
            for lead in ["call!(cu", "sys::cu"] {
                for part in text.split(lead).skip(1) {
                    let name = part.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').next();
                    called.insert(format!("cu{}", name.expect("the rest of a name")));
                }
            }
        }
        called.remove("culib");
        // The two leads, in this test.
        called.remove("cu");
        let listed: BTreeSet<String> = SYMBOLS.iter().chain(OPTIONAL).map(|&name| name.to_owned()).collect();
        assert_eq!(called, listed);
    }
}
