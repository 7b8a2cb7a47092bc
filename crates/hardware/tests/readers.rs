//! The readers on recorded computers, and the snapshot of this computer.
//! Recordings are in `fixtures`; of this computer only what holds everywhere is asserted.
use std::path::Path;

use hardware::{GpuProblem, GpuVendor, NvmlDevice, NvmlDump, NvmlFailure};

fn fixture(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(name)
}

#[test]
fn amd_gpus_come_from_sysfs_without_connectors_and_other_vendors() {
    let cards = hardware::read_amd(&fixture("amd"));
    assert_eq!(cards.len(), 1);
    assert_eq!(cards[0].name, "Radeon RX 7900 XTX");
    assert_eq!(cards[0].vendor, GpuVendor::Amd);
    assert_eq!(cards[0].vram_total, Some(25_753_026_560));
    assert_eq!(cards[0].vram_free, Some(24_000_000_000));
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
fn missing_or_invalid_sysfs_files_leave_the_gpu_and_the_others() {
    let tree = tempfile::tempdir().unwrap();
    let device = tree.path().join("class/drm/card0/device");
    let good = [
        ("vendor", "0x1002\n"),
        ("device", "0x744c\n"),
        ("product_name", "Radeon RX 7900 XTX\n"),
        ("mem_info_vram_total", "25753026560\n"),
        ("mem_info_vram_used", "1753026560\n"),
    ];
    let read = |name: &str, contents: Option<&[u8]>| {
        std::fs::create_dir_all(&device).unwrap();
        for (file, text) in good {
            std::fs::write(device.join(file), text).unwrap();
        }
        match contents {
            Some(contents) => std::fs::write(device.join(name), contents).unwrap(),
            None => std::fs::remove_file(device.join(name)).unwrap(),
        }
        hardware::read_amd(tree.path())
    };
    const NAME: &str = "Radeon RX 7900 XTX";
    const TOTAL: Option<u64> = Some(25_753_026_560);
    const FREE: Option<u64> = Some(24_000_000_000);
    let garbage: [Option<&[u8]>; 6] =
        [None, Some(b""), Some(b"-1"), Some(b"\xff\xfe\x00"), Some(b"lots"), Some(b"99999999999999999999")];
    for contents in garbage {
        let seen = |name| {
            let cards = read(name, contents);
            assert_eq!(cards.len(), 1, "{name} {contents:?}");
            (cards[0].name.clone(), cards[0].vram_total, cards[0].vram_free)
        };
        assert_eq!(seen("mem_info_vram_total"), (NAME.into(), None, None));
        assert_eq!(seen("mem_info_vram_used"), (NAME.into(), TOTAL, None));
        assert_eq!(seen("device"), (NAME.into(), TOTAL, FREE));
    }
    // More used than total; no memory size.
    assert_eq!(read("mem_info_vram_used", Some(b"25753026561"))[0].vram_free, None);
    assert_eq!(read("mem_info_vram_total", Some(b"0"))[0].vram_total, None);
    for contents in [None, Some(b"".as_slice()), Some(b"\n\0"), Some(b"a\x07b")] {
        assert_eq!(read("product_name", contents)[0].name, "AMD GPU 0x744c");
    }
    // The vendor is the only required field.
    assert!(read("vendor", None).is_empty() && read("vendor", Some(b"0x8086")).is_empty());
}

#[test]
fn nvml_failures_are_told_apart() {
    let empty = NvmlDump { driver_version: Some("580.65.06".into()), ..NvmlDump::default() };
    let version = || Some("580.65.06".to_owned());
    let of = |failure: NvmlFailure, on_bus, kernel| hardware::classify(Err(&failure), on_bus, kernel);
    assert_eq!(of(NvmlFailure::LibraryAbsent, false, None), None);
    assert_eq!(of(NvmlFailure::LibraryAbsent, true, None), Some(GpuProblem::DriverMissing));
    assert_eq!(of(NvmlFailure::LibraryAbsent, true, version()), Some(GpuProblem::LibraryMissing));
    assert_eq!(of(NvmlFailure::DriverNotLoaded, true, None), Some(GpuProblem::DriverNotLoaded));
    assert_eq!(of(NvmlFailure::DriverNotLoaded, false, None), None);
    assert_eq!(
        of(NvmlFailure::VersionMismatch, true, version()),
        Some(GpuProblem::DriverMismatch { kernel: version() })
    );
    assert_eq!(of(NvmlFailure::NoPermission, true, version()), Some(GpuProblem::NoPermission));
    assert_eq!(of(NvmlFailure::GpuLost, true, version()), Some(GpuProblem::Lost));
    assert_eq!(of(NvmlFailure::InsufficientPower, true, version()), Some(GpuProblem::InsufficientPower));
    assert_eq!(of(NvmlFailure::Other("x".into()), true, None), Some(GpuProblem::Other("x".into())));
    assert_eq!(hardware::classify(Ok(&empty), true, None), Some(GpuProblem::NoDevice));
    assert_eq!(hardware::classify(Ok(&empty), false, None), None);
}

#[test]
fn a_gpu_never_has_more_free_than_total() {
    let device = NvmlDevice {
        name: "NVIDIA GeForce RTX 4090".into(),
        memory_total: Some(100),
        memory_free: Some(120),
        shared_memory: false,
        compute_capability: Some("8.9".into()),
        uuid: None,
    };
    let dump = NvmlDump {
        driver_version: Some("1".into()),
        cuda_version: Some("12.8".into()),
        devices: vec![device],
        failure: None,
    };
    let gpus = hardware::gpus_from(&dump);
    assert_eq!((gpus[0].vram_total, gpus[0].vram_free), (Some(100), Some(100)));
    assert_eq!(gpus[0].cuda.as_deref(), Some("12.8"));
}

#[test]
fn a_container_limit_narrows_memory() {
    assert_eq!(hardware::within_limit((100, 80), Some((64, 60))), (64, 60));
    assert_eq!(hardware::within_limit((100, 80), Some((200, 190))), (100, 80));
    assert_eq!(hardware::within_limit((100, 80), None), (100, 80));
}

#[test]
fn the_disk_of_a_folder_not_yet_made_is_its_parents() {
    let home = tempfile::tempdir().unwrap();
    let disk = hardware::read_disk(&home.path().join("not/yet/made"));
    assert_eq!(hardware::nearest_existing(&home.path().join("not/yet/made")), home.path());
    assert!(disk.total > 0 && disk.free <= disk.total);
}

#[test]
fn this_computer_can_be_read() {
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
fn a_recorded_h200_host_is_read() {
    let text = std::fs::read_to_string(fixture("h200/nvml.json")).unwrap();
    let dump: NvmlDump = serde_json::from_str(&text).unwrap();
    let gpus = hardware::gpus_from(&dump);
    assert_eq!(gpus.len(), 1);
    assert_eq!((gpus[0].name.as_str(), gpus[0].vram_total), ("NVIDIA H200", Some(150_754_820_096)));
    assert_eq!(gpus[0].compute_capability.as_deref(), Some("9.0"));
    assert_eq!((gpus[0].driver.as_str(), gpus[0].cuda.as_deref()), ("580.159.04", Some("13.0")));
    let cpu = hardware::parse_cpuinfo(&std::fs::read_to_string(fixture("h200/cpuinfo")).unwrap());
    assert_eq!((cpu.physical_cores, cpu.logical_cores), (16, 16));
    assert_eq!(cpu.features, ["AVX2", "AVX-512", "AMX"]);
}

#[test]
fn only_visible_gpus_are_kept_in_their_order() {
    let device = |number: u32| NvmlDevice {
        name: format!("GPU {number}"),
        memory_total: None,
        memory_free: None,
        shared_memory: false,
        compute_capability: None,
        uuid: Some(format!("GPU-{number}234abcd-0000")),
    };
    for (visible, expected) in [
        ("0,1,2", &[0, 1, 2][..]),
        ("2, 0", &[2, 0]),
        ("1", &[1]),
        ("1,1", &[1]),
        ("GPU-2234", &[2]),
        ("0,7,1", &[0]),
        ("0,GPU-9,1", &[0]),
        ("-1", &[]),
        ("", &[]),
        ("NoDevFiles", &[]),
    ] {
        let mut devices: Vec<NvmlDevice> = (0..3).map(device).collect();
        hardware::keep_visible(&mut devices, visible);
        let names: Vec<String> = devices.into_iter().map(|device| device.name).collect();
        let expected: Vec<String> = expected.iter().map(|number| format!("GPU {number}")).collect();
        assert_eq!(names, expected, "{visible:?}");
    }
}
