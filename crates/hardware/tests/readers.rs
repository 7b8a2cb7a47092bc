//! The readers on recorded machines, and the whole snapshot on this one.
use std::path::Path;

use hardware::{GpuProblem, GpuVendor, NvmlDevice, NvmlDump, NvmlFailure};

fn fixture(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(name)
}

#[test]
fn amd_cards_come_from_sysfs_and_connectors_and_other_makers_are_passed_over() {
    let cards = hardware::read_amd(&fixture("amd"));
    assert_eq!(cards.len(), 1);
    assert_eq!(cards[0].name, "Radeon RX 7900 XTX");
    assert_eq!(cards[0].vendor, GpuVendor::Amd);
    assert_eq!(cards[0].vram_total, 25_753_026_560);
    assert_eq!(cards[0].vram_free, 24_000_000_000);
    assert_eq!(cards[0].driver, "6.10.5");
    assert!(hardware::read_amd(&fixture("no-such-tree")).is_empty());
}

#[test]
fn cores_are_counted_per_socket_and_features_named() {
    let text = std::fs::read_to_string(fixture("cpuinfo/two-sockets.txt")).unwrap();
    let cpu = hardware::parse_cpuinfo(&text);
    assert_eq!((cpu.physical_cores, cpu.logical_cores), (4, 8));
    assert_eq!(cpu.features, ["AVX2", "AVX-512", "AMX"]);
    assert_eq!(cpu.name, "Intel(R) Xeon(R) Platinum 8480C");
}

#[test]
fn a_hidden_topology_counts_every_processor_as_a_core() {
    let text = std::fs::read_to_string(fixture("cpuinfo/hidden-topology.txt")).unwrap();
    let cpu = hardware::parse_cpuinfo(&text);
    assert_eq!((cpu.physical_cores, cpu.logical_cores), (4, 4));
    assert_eq!(cpu.features, ["AVX2"]);
}

#[test]
fn nvml_failures_are_told_apart() {
    let empty = NvmlDump { driver_version: "580.65.06".into(), cuda_version: None, devices: vec![] };
    let version = || Some("580.65.06".to_owned());
    let of = |failure: NvmlFailure, on_bus| hardware::classify(Err(&failure), on_bus, version());
    assert_eq!(of(NvmlFailure::LibraryAbsent, false), None);
    assert_eq!(of(NvmlFailure::LibraryAbsent, true), Some(GpuProblem::DriverMissing));
    assert_eq!(of(NvmlFailure::DriverNotLoaded, true), Some(GpuProblem::DriverMissing));
    assert_eq!(
        of(NvmlFailure::VersionMismatch, true),
        Some(GpuProblem::DriverMismatch { kernel: version() })
    );
    assert_eq!(of(NvmlFailure::Other("x".into()), true), Some(GpuProblem::Other("x".into())));
    assert_eq!(hardware::classify(Ok(&empty), true, None), Some(GpuProblem::NoDevice));
    assert_eq!(hardware::classify(Ok(&empty), false, None), None);
}

#[test]
fn a_card_never_has_more_free_than_total() {
    let device = NvmlDevice {
        name: "NVIDIA GeForce RTX 4090".into(),
        memory_total: 100,
        memory_free: 120,
        compute_capability: Some("8.9".into()),
    };
    let dump =
        NvmlDump { driver_version: "1".into(), cuda_version: Some("12.8".into()), devices: vec![device] };
    let gpus = hardware::gpus_from(&dump);
    assert_eq!((gpus[0].vram_total, gpus[0].vram_free), (100, 100));
    assert_eq!(gpus[0].cuda.as_deref(), Some("12.8"));
}

#[test]
fn a_container_limit_narrows_memory() {
    assert_eq!(hardware::limited((100, 80), Some((64, 60))), (64, 60));
    assert_eq!(hardware::limited((100, 80), Some((200, 190))), (100, 80));
    assert_eq!(hardware::limited((100, 80), None), (100, 80));
}

#[test]
fn the_disk_of_a_folder_not_yet_made_is_its_parents() {
    let home = tempfile::tempdir().unwrap();
    let disk = hardware::read_disk(&home.path().join("not/yet/made"));
    assert_eq!(hardware::nearest_existing(&home.path().join("not/yet/made")), home.path());
    assert!(disk.total > 0 && disk.free <= disk.total);
}

#[test]
fn this_machine_can_be_read() {
    let seen = hardware::snapshot(Path::new("."));
    assert!(seen.cpu.logical_cores >= seen.cpu.physical_cores && seen.cpu.physical_cores > 0);
    assert!(seen.ram_total > 0 && seen.ram_available > 0 && seen.ram_available <= seen.ram_total);
    assert!(seen.disk.total > 0 && !seen.os.is_empty());
}

#[test]
fn bandwidth_is_measured_and_plausible() {
    let rate = hardware::measure_bandwidth().expect("256 MiB are free");
    assert!((1e9..1e13).contains(&rate), "{rate}");
}

#[test]
fn a_recorded_h200_machine_is_read() {
    let text = std::fs::read_to_string(fixture("h200/nvml.json")).unwrap();
    let dump: NvmlDump = serde_json::from_str(&text).unwrap();
    let gpus = hardware::gpus_from(&dump);
    assert_eq!(gpus.len(), 1);
    assert_eq!((gpus[0].name.as_str(), gpus[0].vram_total), ("NVIDIA H200", 150_754_820_096));
    assert_eq!(gpus[0].compute_capability.as_deref(), Some("9.0"));
    assert_eq!((gpus[0].driver.as_str(), gpus[0].cuda.as_deref()), ("580.159.04", Some("13.0")));
    let cpu = hardware::parse_cpuinfo(&std::fs::read_to_string(fixture("h200/cpuinfo")).unwrap());
    assert_eq!((cpu.physical_cores, cpu.logical_cores), (16, 16));
    assert_eq!(cpu.features, ["AVX2", "AVX-512", "AMX"]);
}
