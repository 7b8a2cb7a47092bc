//! The machine as the hosts see it.
use contract::{CpuView, DiskView, ErrorCode, ErrorView, GpuVendor, GpuView, HardwareView};
use hardware::{Gpu, GpuProblem, Snapshot};

pub(crate) fn hardware_view(snapshot: &Snapshot) -> HardwareView {
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
        gpus: snapshot.gpus.iter().map(gpu).collect(),
        gpu_problem: snapshot.gpu_problem.as_ref().map(problem),
        disk: DiskView {
            models_dir: snapshot.disk.models_dir.to_string_lossy().into_owned(),
            total: snapshot.disk.total as f64,
            free: snapshot.disk.free as f64,
        },
    }
}

fn gpu(gpu: &Gpu) -> GpuView {
    GpuView {
        name: gpu.name.clone(),
        vendor: match gpu.vendor {
            hardware::GpuVendor::Nvidia => GpuVendor::Nvidia,
            hardware::GpuVendor::Amd => GpuVendor::Amd,
        },
        vram_total: gpu.vram_total as f64,
        vram_free: gpu.vram_free as f64,
        driver: gpu.driver.clone(),
        cuda: gpu.cuda.clone(),
        compute_capability: gpu.compute_capability.clone(),
    }
}

fn problem(problem: &GpuProblem) -> ErrorView {
    let message = format!("use the graphics card: {problem}");
    match problem {
        GpuProblem::DriverMismatch { kernel } => {
            let error = ErrorView::new(ErrorCode::GpuDriverMismatch, message);
            kernel.iter().fold(error, |error, version| error.with("kernel", version))
        }
        // Each of these is cured by installing the driver properly.
        GpuProblem::DriverMissing | GpuProblem::NoDevice | GpuProblem::Other(_) => {
            ErrorView::new(ErrorCode::GpuDriverMissing, message)
        }
    }
}
