//! The hardware of this computer as a view of the contract.
//! Problems of a GPU or its driver become error codes; which GPUs compute is decided in `catalog::Devices`.
use catalog::Devices;
use contract::{CpuView, DiskView, ErrorCode, ErrorView, GpuVendor, GpuView, HardwareView};
use hardware::{Gpu, GpuProblem, Snapshot};

pub(crate) fn hardware_view(snapshot: &Snapshot, devices: Devices) -> HardwareView {
    HardwareView {
        os: snapshot.os.clone(),
        cpu: CpuView {
            name: snapshot.cpu.name.clone(),
            physical_cores: snapshot.cpu.physical_cores,
            logical_cores: snapshot.cpu.logical_cores,
            features: snapshot.cpu.features.clone(),
        },
        ram_total: snapshot.ram_total as f64,
        ram_available: snapshot.ram_available as f64,
        memory_bandwidth: snapshot.memory_bandwidth,
        gpus: snapshot.gpus.iter().map(|it| gpu(it, devices.uses(snapshot, it))).collect(),
        gpu_note: messages::idle_gpus(&devices.idle(snapshot)),
        gpu_problem: snapshot.gpu_problem.as_ref().map(problem),
        disk: DiskView {
            models_dir: snapshot.disk.models_dir.to_string_lossy().into_owned(),
            total: snapshot.disk.total as f64,
            free: snapshot.disk.free as f64,
        },
    }
}

fn gpu(gpu: &Gpu, computes: bool) -> GpuView {
    GpuView {
        computes,
        name: gpu.name.clone(),
        vendor: match gpu.vendor {
            hardware::GpuVendor::Nvidia => GpuVendor::Nvidia,
            hardware::GpuVendor::Amd => GpuVendor::Amd,
        },
        vram_total: gpu.vram_total.map(|bytes| bytes as f64),
        vram_free: gpu.vram_free.map(|bytes| bytes as f64),
        shared_memory: gpu.shared_memory,
        driver: gpu.driver.clone(),
        cuda: gpu.cuda.clone(),
        compute_capability: gpu.compute_capability.clone(),
    }
}

fn problem(problem: &GpuProblem) -> ErrorView {
    let code = match problem {
        GpuProblem::DriverMissing => ErrorCode::GpuDriverMissing,
        GpuProblem::DriverNotLoaded => ErrorCode::GpuDriverNotLoaded,
        GpuProblem::LibraryMissing => ErrorCode::GpuLibraryMissing,
        GpuProblem::DriverMismatch { .. } => ErrorCode::GpuDriverMismatch,
        GpuProblem::NoDevice => ErrorCode::GpuNotOffered,
        GpuProblem::Hidden(_) => ErrorCode::GpuHidden,
        GpuProblem::NoPermission => ErrorCode::GpuNoPermission,
        GpuProblem::Lost => ErrorCode::GpuLost,
        GpuProblem::InsufficientPower => ErrorCode::GpuNoPower,
        GpuProblem::Other(_) => ErrorCode::GpuDriverFailed,
    };
    let error = ErrorView::new(code, format!("use the graphics card: {problem}"));
    match problem {
        GpuProblem::DriverMismatch { kernel: Some(version) } => error.with("kernel", version),
        GpuProblem::Other(reason) => error.with("why", reason),
        GpuProblem::Hidden(value) => error.with("value", value),
        _ => error,
    }
}
