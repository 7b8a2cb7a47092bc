//! Reads the CPU from /proc/cpuinfo if it exists, else from CPUID and the operating system.
//! Only instruction sets that the kernels use are named: AVX2, AVX-512 and AMX.
use std::collections::BTreeSet;

use crate::Cpu;

const FLAGS: [(&str, &str); 3] = [("avx2", "AVX2"), ("avx512f", "AVX-512"), ("amx_tile", "AMX")];

/// Parses /proc/cpuinfo. Missing fields give an empty name, zero cores, no features.
pub fn parse_cpuinfo(text: &str) -> Cpu {
    let mut cpu = Cpu::default();
    let mut cores = BTreeSet::new();
    let mut socket = String::new();
    for line in text.lines() {
        let Some((key, value)) = line.split_once(':') else { continue };
        let value = value.trim();
        match key.trim() {
            "processor" => cpu.logical_cores += 1,
            "model name" if cpu.name.is_empty() => cpu.name = value.to_owned(),
            "physical id" => socket = value.to_owned(),
            "core id" => {
                cores.insert((socket.clone(), value.to_owned()));
            }
            "flags" if cpu.features.is_empty() => {
                let flags: BTreeSet<&str> = value.split_whitespace().collect();
                cpu.features = FLAGS
                    .iter()
                    .filter(|(flag, _)| flags.contains(flag))
                    .map(|(_, name)| (*name).to_owned())
                    .collect();
            }
            _ => {}
        }
    }
    cpu.physical_cores = u32::try_from(cores.len()).unwrap_or(u32::MAX);
    if cpu.physical_cores == 0 {
        // Some virtual machines hide the topology.
        cpu.physical_cores = cpu.logical_cores;
    }
    cpu
}

pub(crate) fn read() -> Cpu {
    let mut cpu =
        std::fs::read_to_string("/proc/cpuinfo").map(|text| parse_cpuinfo(&text)).unwrap_or_default();
    if cpu.logical_cores == 0 {
        let logical = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        cpu.logical_cores = u32::try_from(logical).unwrap_or(1);
        cpu.physical_cores = sysinfo::System::physical_core_count()
            .ok()
            .and_then(|n| u32::try_from(n).ok())
            .unwrap_or(cpu.logical_cores);
    }
    if cpu.features.is_empty() {
        cpu.features = features_from_cpuid();
    }
    if cpu.name.is_empty() {
        cpu.name = std::env::consts::ARCH.to_owned();
    }
    cpu
}

#[cfg(target_arch = "x86_64")]
fn features_from_cpuid() -> Vec<String> {
    let amx = raw_cpuid::CpuId::new().get_extended_feature_info().is_some_and(|info| info.has_amx_tile());
    let found = [
        (std::arch::is_x86_feature_detected!("avx2"), "AVX2"),
        (std::arch::is_x86_feature_detected!("avx512f"), "AVX-512"),
        (amx, "AMX"),
    ];
    found.iter().filter(|(has, _)| *has).map(|(_, name)| (*name).to_owned()).collect()
}

#[cfg(not(target_arch = "x86_64"))]
fn features_from_cpuid() -> Vec<String> {
    Vec::new()
}
