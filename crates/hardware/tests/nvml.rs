//! A fake NVML library fails each query with each error, one at a time. The other fields must be kept and the
//! reported problem must be right.
#![cfg(target_os = "linux")]
use std::path::{Path, PathBuf};
use std::process::Command;

use hardware::{Gpu, GpuProblem};

/// The fake library, and a file system with the kernel module's files for two GPUs.
struct Stub {
    folder: tempfile::TempDir,
    library: PathBuf,
}

const NAMES: [&str; 2] = ["NVIDIA GeForce RTX 4090", "NVIDIA RTX A6000"];
const TOTALS: [u64; 2] = [25_757_220_864, 51_527_024_640];

impl Stub {
    /// A library without the functions `without`.
    fn new(without: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let library = folder.path().join("libnvidia-ml.so.1");
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/nvml_stub.c");
        let control = format!("-DCONTROL=\"{}\"", folder.path().join("control").display());
        let built = Command::new("cc")
            .args(["-shared", "-fPIC", "-O0", &control])
            .args(without.iter().map(|name| format!("-DWITHOUT_{name}")))
            .arg(source)
            .arg("-o")
            .arg(&library)
            .status()
            .expect("a C compiler, which SQLite needs too");
        assert!(built.success());
        let stub = Self { folder, library };
        stub.write("sys/bus/pci/devices/0000:01:00.0/vendor", "0x10de\n");
        stub.write("sys/bus/pci/devices/0000:01:00.0/class", "0x030000\n");
        stub.write(
            "proc/driver/nvidia/version",
            "NVRM version: NVIDIA UNIX x86_64 Kernel Module  580.65.06  Sun Jul 27 2025\n",
        );
        for (bus, name) in ["0000:01:00.0", "0000:02:00.0"].into_iter().zip(NAMES) {
            stub.write(
                &format!("proc/driver/nvidia/gpus/{bus}/information"),
                &format!("Model: \t\t {name}\nIRQ:   \t\t 99\n"),
            );
        }
        stub
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.folder.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    /// Reads the GPUs with the failures of `control`.
    fn read(&self, control: &str) -> (Vec<Gpu>, Option<GpuProblem>) {
        self.write("control", control);
        hardware::read_nvidia(self.folder.path(), Some(self.library.as_os_str()))
    }
}

/// nvmlReturn_t of nvml.h, and the problem to report if the whole query fails with it.
fn errors() -> Vec<(u32, GpuProblem)> {
    let mismatch = GpuProblem::DriverMismatch { kernel: Some("580.65.06".into()) };
    let told = [
        (4, GpuProblem::NoPermission),
        (8, GpuProblem::InsufficientPower),
        (9, GpuProblem::DriverNotLoaded),
        (11, GpuProblem::Lost),
        // A part of the library is missing, and the kernel module is loaded.
        (12, GpuProblem::LibraryMissing),
        (15, GpuProblem::Lost),
        (16, GpuProblem::Lost),
        (17, GpuProblem::NoPermission),
        (18, mismatch),
    ];
    let others = [1, 2, 3, 5, 6, 7, 10, 13, 14, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 999, 4_000_000];
    let others = others.map(|code| (code, GpuProblem::Other(String::new())));
    told.into_iter().chain(others).collect()
}

/// Ignores the text of `Other`.
fn kind(problem: Option<GpuProblem>) -> Option<GpuProblem> {
    problem.map(|problem| match problem {
        GpuProblem::Other(why) => {
            assert!(!why.is_empty());
            GpuProblem::Other(String::new())
        }
        other => other,
    })
}

fn names(gpus: &[Gpu]) -> Vec<&str> {
    gpus.iter().map(|gpu| gpu.name.as_str()).collect()
}

#[test]
fn every_answer_may_fail_in_every_way() {
    let stub = Stub::new(&[]);
    let (whole, none) = stub.read("");
    assert_eq!((names(&whole), none), (NAMES.to_vec(), None));
    assert_eq!(whole.iter().map(|gpu| gpu.vram_total.unwrap()).collect::<Vec<_>>(), TOTALS);
    assert_eq!((whole[0].driver.as_str(), whole[0].cuda.as_deref()), ("580.95.05", Some("13.0")));

    for (code, problem) in errors() {
        let problem = Some(problem);
        // Without init or device count only the kernel's names are known.
        for function in ["nvmlInit_v2", "nvmlDeviceGetCount_v2"] {
            let (gpus, told) = stub.read(&format!("{function} -1 {code}"));
            assert_eq!(names(&gpus), NAMES, "{function} {code}");
            assert!(gpus.iter().all(|gpu| gpu.vram_total.is_none() && gpu.driver == "580.65.06"));
            assert_eq!(kind(told), problem, "{function} {code}");
        }
        // One GPU is lost; the other is unchanged and keeps its number.
        let (gpus, told) = stub.read(&format!("nvmlDeviceGetHandleByIndex_v2 0 {code}"));
        let lost = Gpu {
            name: "NVIDIA GPU".into(),
            vram_total: None,
            vram_free: None,
            compute_capability: None,
            ..whole[0].clone()
        };
        assert_eq!((gpus, kind(told)), (vec![lost, whole[1].clone()], problem.clone()), "handle {code}");
        // Only the name is missing.
        let (gpus, told) = stub.read(&format!("nvmlDeviceGetName 1 {code}"));
        let named = Gpu { name: "NVIDIA GPU".into(), ..whole[1].clone() };
        assert_eq!((gpus, kind(told)), (vec![whole[0].clone(), named], problem.clone()), "name {code}");
        // Only the memory size is missing; if not supported, the GPU shares main memory.
        let (gpus, told) =
            stub.read(&format!("nvmlDeviceGetMemoryInfo_v2 0 {code} nvmlDeviceGetMemoryInfo 0 {code}"));
        let shared = code == 3;
        let unknown = Gpu { vram_total: None, vram_free: None, shared_memory: shared, ..whole[0].clone() };
        assert_eq!(gpus, vec![unknown, whole[1].clone()], "memory {code}");
        assert_eq!(kind(told), problem.filter(|_| !shared), "memory {code}");
        // A GPU of unknown capability is listed; no verdict counts on it.
        let (gpus, told) = stub.read(&format!("nvmlDeviceGetCudaComputeCapability 0 {code}"));
        let first = Gpu { compute_capability: None, ..whole[0].clone() };
        assert_eq!((gpus, told), (vec![first, whole[1].clone()], None), "capability {code}");
        let (gpus, told) = stub.read(&format!("nvmlSystemGetCudaDriverVersion_v2 -1 {code}"));
        assert!(told.is_none() && gpus.iter().all(|gpu| gpu.cuda.is_none() && gpu.vram_total.is_some()));
        let (gpus, told) = stub.read(&format!("nvmlSystemGetDriverVersion -1 {code}"));
        // The version of the kernel module is used instead.
        assert!(told.is_none() && gpus.iter().all(|gpu| gpu.driver == "580.65.06"), "version {code}");
        let (gpus, told) = stub.read(&format!("nvmlShutdown -1 {code}"));
        assert_eq!((gpus, told), (whole.clone(), None), "shutdown {code}");
    }
}

#[test]
fn a_library_may_lack_any_function() {
    for without in [
        "nvmlShutdown",
        "nvmlDeviceGetCount_v2",
        "nvmlDeviceGetHandleByIndex_v2",
        "nvmlDeviceGetName",
        "nvmlSystemGetDriverVersion",
        "nvmlSystemGetCudaDriverVersion_v2",
        "nvmlDeviceGetCudaComputeCapability",
    ] {
        let (gpus, problem) = Stub::new(&[without]).read("");
        assert_eq!(gpus.len(), 2, "{without}");
        let a_fact = without.contains("Version") || without.contains("Capability");
        assert_eq!(problem.is_none(), a_fact, "{without}: {problem:?}");
    }
    // Drivers before 510 have only the first version of the memory function.
    let (gpus, problem) = Stub::new(&["nvmlDeviceGetMemoryInfo_v2"]).read("");
    assert_eq!((gpus[1].vram_total, gpus[1].vram_free), (Some(TOTALS[1]), Some(50_000_000_000)));
    assert_eq!(problem, None);
    let neither = ["nvmlDeviceGetMemoryInfo_v2", "nvmlDeviceGetMemoryInfo"];
    let (gpus, problem) = Stub::new(&neither).read("");
    assert_eq!(names(&gpus), NAMES);
    assert!(gpus[0].vram_total.is_none() && !gpus[0].shared_memory);
    assert!(matches!(problem, Some(GpuProblem::Other(_))), "{problem:?}");
}

#[test]
fn a_library_that_is_absent_or_garbage_is_told_apart_from_a_driver_that_is() {
    let stub = Stub::new(&[]);
    std::fs::write(&stub.library, b"not a library").unwrap();
    let (gpus, problem) = stub.read("");
    assert_eq!((names(&gpus), problem), (NAMES.to_vec(), Some(GpuProblem::LibraryMissing)));
    std::fs::remove_dir_all(stub.folder.path().join("proc")).unwrap();
    assert_eq!(stub.read(""), (vec![], Some(GpuProblem::DriverMissing)));
    // Without a GPU there is no problem.
    std::fs::remove_dir_all(stub.folder.path().join("sys")).unwrap();
    assert_eq!(stub.read(""), (vec![], None));
}
