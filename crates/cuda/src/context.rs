//! One opened card: its driver context, its two streams and its kernels. Everything that holds memory or work
//! of a card holds this, so the card is closed after the last of them.
use std::collections::HashMap;
use std::ffi::CString;
use std::ptr;
use std::sync::atomic::{AtomicU64, Ordering};

use cudarc::driver::sys::{self, CUdevice_attribute};
use parking_lot::RwLock;

use crate::driver::{call, has, ready};
use crate::error::{DriverVersion, Error, NoCard, Result};
use crate::images;
use crate::probe::{CardInfo, attribute, describe, device};

/// Dynamic shared memory that any kernel may have without asking for more.
const PLAIN_SHARED: u32 = 48 * 1024;

/// The first drivers that keep it when work is captured.
const DEPENDENT_LAUNCH: DriverVersion = DriverVersion { major: 12, minor: 3 };

/// What launches are shaped by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Streaming multiprocessors.
    pub sms: u32,
    /// Bytes of shared memory that a block can have when its kernel asks for them.
    pub shared_per_block: u32,
    /// Bytes of the second cache.
    pub l2: u32,
}

/// The opened card.
pub struct Context {
    info: CardInfo,
    limits: Limits,
    device: sys::CUdevice,
    context: sys::CUcontext,
    compute: sys::CUstream,
    copy: sys::CUstream,
    modules: Vec<sys::CUmodule>,
    kernels: RwLock<HashMap<String, Kernel>>,
    /// Bytes of buffers, and kernels that were launched, those of graphs among them.
    pub(crate) held: AtomicU64,
    pub(crate) launched: AtomicU64,
}

// SAFETY: handles of the driver may be used from every thread; each call first makes the context current.
unsafe impl Send for Context {}
// SAFETY: as above; the maps and counters have their own locks.
unsafe impl Sync for Context {}

/// A kernel, with the dynamic shared memory that it was given leave for.
#[derive(Clone, Copy)]
pub struct Kernel {
    pub function: sys::CUfunction,
    shared: u32,
    /// Bytes of its struct of parameters, from drivers that say so.
    pub params: Option<usize>,
}

impl Context {
    /// Opens card `index`.
    ///
    /// # Errors
    /// When there is no driver, no such card, or it cannot be used.
    pub fn open(index: u32) -> Result<Self> {
        let driver = ready().map_err(Error::NoCard)?;
        let mut info = describe(index, driver)?;
        let images = images::embedded().ok_or(Error::NoCard(NoCard::NoKernels))?;
        let images = images.of(info.capability).map_err(|error| Error::NoCard(NoCard::Failed(error)))?;
        let device = device(index)?;
        use CUdevice_attribute as A;
        let limits = Limits {
            sms: attribute(device, A::CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT)?,
            shared_per_block: attribute(device, A::CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN)?,
            l2: attribute(device, A::CU_DEVICE_ATTRIBUTE_L2_CACHE_SIZE)?,
        };
        let mut context = ptr::null_mut();
        call!(cuDevicePrimaryCtxRetain(&raw mut context, device))?;
        let mut opened = Self {
            info: info.clone(),
            limits,
            device,
            context,
            compute: ptr::null_mut(),
            copy: ptr::null_mut(),
            modules: Vec::new(),
            kernels: RwLock::default(),
            held: AtomicU64::new(0),
            launched: AtomicU64::new(0),
        };
        // From here on a failure closes what was opened.
        opened.bind()?;
        let apart = sys::CUstream_flags::CU_STREAM_NON_BLOCKING as u32;
        call!(cuStreamCreate(&raw mut opened.compute, apart))?;
        call!(cuStreamCreate(&raw mut opened.copy, apart))?;
        for image in images {
            let mut module = ptr::null_mut();
            call!(cuModuleLoadData(&raw mut module, image.as_ptr().cast()))?;
            opened.modules.push(module);
        }
        info.free = opened.memory()?.0;
        opened.info = info;
        Ok(opened)
    }

    /// The card as it was when it was opened.
    pub fn info(&self) -> &CardInfo {
        &self.info
    }

    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Free and total bytes of the card's memory, now.
    ///
    /// # Errors
    /// When the card stopped working.
    pub fn memory(&self) -> Result<(u64, u64)> {
        self.bind()?;
        let (mut free, mut total) = (0, 0);
        call!(cuMemGetInfo_v2(&raw mut free, &raw mut total))?;
        Ok((free as u64, total as u64))
    }

    /// Bytes of all buffers of this program on the card.
    pub fn held(&self) -> u64 {
        self.held.load(Ordering::Relaxed)
    }

    /// Kernels that were launched so far; those of a graph at each of its launches.
    pub fn launches(&self) -> u64 {
        self.launched.load(Ordering::Relaxed)
    }

    /// Waits for everything on the compute stream.
    ///
    /// # Errors
    /// When a kernel failed.
    pub fn synchronize(&self) -> Result<()> {
        self.bind()?;
        call!(cuStreamSynchronize(self.compute))
    }

    /// Makes the calls of this thread go to this card.
    pub(crate) fn bind(&self) -> Result<()> {
        call!(cuCtxSetCurrent(self.context))
    }

    pub(crate) fn compute(&self) -> sys::CUstream {
        self.compute
    }

    pub(crate) fn copy(&self) -> sys::CUstream {
        self.copy
    }

    /// Whether a kernel may start before the one in front of it has ended.
    pub(crate) fn has_dependent_launch(&self) -> bool {
        self.info.capability.major >= 9 && self.info.driver >= DEPENDENT_LAUNCH
    }

    /// The kernel `name`, which may then be launched with `shared` bytes of dynamic shared memory.
    pub(crate) fn kernel(&self, name: &str, shared: u32) -> Result<Kernel> {
        let known = self.kernels.read().get(name).copied();
        if let Some(kernel) = known
            && shared <= kernel.shared
        {
            return Ok(kernel);
        }
        let (function, params) = match known {
            Some(kernel) => (kernel.function, kernel.params),
            None => self.find(name).and_then(|function| Ok((function, params_of(function)?)))?,
        };
        if shared > PLAIN_SHARED {
            if shared > self.limits.shared_per_block {
                let most = self.limits.shared_per_block;
                return Err(Error::Shape(format!("{name} wants {shared} bytes of shared memory of {most}")));
            }
            let attribute = sys::CUfunction_attribute::CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES;
            call!(cuFuncSetAttribute(function, attribute, shared.cast_signed()))?;
        }
        let kernel = Kernel { function, shared: shared.max(PLAIN_SHARED), params };
        self.kernels.write().insert(name.to_owned(), kernel);
        Ok(kernel)
    }

    fn find(&self, name: &str) -> Result<sys::CUfunction> {
        let symbol = CString::new(name).map_err(|error| Error::Shape(error.to_string()))?;
        for module in &self.modules {
            let mut function = ptr::null_mut();
            let found = call!(cuModuleGetFunction(&raw mut function, *module, symbol.as_ptr()));
            match found {
                Ok(()) => return Ok(function),
                Err(Error::Driver { code, .. }) if code == sys::CUresult::CUDA_ERROR_NOT_FOUND as u32 => {}
                Err(error) => return Err(error),
            }
        }
        Err(Error::NoKernel { name: name.to_owned() })
    }
}

/// Bytes of the one parameter of a kernel.
fn params_of(function: sys::CUfunction) -> Result<Option<usize>> {
    if !has("cuFuncGetParamInfo") {
        return Ok(None);
    }
    let (mut offset, mut size) = (0, 0);
    call!(cuFuncGetParamInfo(function, 0, &raw mut offset, &raw mut size))?;
    Ok(Some(size))
}

impl Drop for Context {
    /// Errors are of a card that stopped working, and nobody is left to be told.
    fn drop(&mut self) {
        let _ = self.bind();
        for stream in [self.compute, self.copy].into_iter().filter(|stream| !stream.is_null()) {
            let _ = call!(cuStreamSynchronize(stream));
            let _ = call!(cuStreamDestroy_v2(stream));
        }
        for module in &self.modules {
            let _ = call!(cuModuleUnload(*module));
        }
        let _ = call!(cuCtxSetCurrent(ptr::null_mut()));
        let _ = call!(cuDevicePrimaryCtxRelease_v2(self.device));
    }
}
