//! Launching a kernel: one struct of parameters by value, a grid, and on cards that can it may start while
//! the one in front of it ends. The structs are beside the operations that launch them.
use std::ptr;
use std::sync::atomic::Ordering;

use cudarc::driver::sys::{CUlaunchAttribute, CUlaunchAttributeID, CUlaunchAttributeValue, CUlaunchConfig};

use crate::context::Context;
use crate::driver::call;
use crate::error::{Error, Result};

/// The parameters of a kernel.
///
/// # Safety
/// The type is `repr(C)` and has the fields of the struct of the kernel's source, in its order.
pub unsafe trait Params: Copy {
    /// The symbol in the sources.
    const KERNEL: &'static str;
}

/// The shape of a launch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Launch {
    /// Blocks along x, y, z.
    pub grid: [u32; 3],
    /// Threads of a block.
    pub block: u32,
    /// Bytes of dynamic shared memory.
    pub shared: u32,
}

impl Context {
    /// Enqueues a kernel for computing.
    ///
    /// # Errors When this build has no such kernel, its parameters have another size, or the shape is beyond
    /// the card's limits.
    pub fn launch<P: Params>(&self, shape: Launch, params: &P) -> Result<()> {
        self.launch_as(P::KERNEL, shape, params)
    }

    /// As `launch`, for kernels that share their parameters: one for each format, say.
    ///
    /// # Errors
    /// As `launch`.
    pub fn launch_as<P: Params>(&self, name: &str, shape: Launch, params: &P) -> Result<()> {
        self.bind()?;
        let kernel = self.kernel(name, shape.shared)?;
        if let Some(wanted) = kernel.params.filter(|&wanted| wanted != size_of::<P>()) {
            let given = size_of::<P>();
            return Err(Error::Shape(format!("{name} takes {wanted} bytes of parameters, not {given}")));
        }
        let mut attribute = CUlaunchAttribute {
            id: CUlaunchAttributeID::CU_LAUNCH_ATTRIBUTE_PROGRAMMATIC_STREAM_SERIALIZATION,
            pad: [0; 4],
            value: CUlaunchAttributeValue { programmaticStreamSerializationAllowed: 1 },
        };
        let config = CUlaunchConfig {
            gridDimX: shape.grid[0],
            gridDimY: shape.grid[1],
            gridDimZ: shape.grid[2],
            blockDimX: shape.block,
            blockDimY: 1,
            blockDimZ: 1,
            sharedMemBytes: shape.shared,
            hStream: self.compute(),
            attrs: &raw mut attribute,
            numAttrs: u32::from(self.has_dependent_launch()),
        };
        let mut arguments = [ptr::from_ref(params).cast_mut().cast()];
        call!(cuLaunchKernelEx(&raw const config, kernel.function, arguments.as_mut_ptr(), ptr::null_mut()))?;
        self.launched.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
}
