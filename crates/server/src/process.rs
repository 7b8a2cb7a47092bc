//! Resident memory of this process in bytes, from /proc/self/status.
//! `None` on a system without it; reports then leave the number out.

/// Resident bytes now.
pub fn resident() -> Option<u64> {
    status("VmRSS:")
}

/// The most that were ever resident.
pub fn peak_resident() -> Option<u64> {
    status("VmHWM:")
}

fn status(key: &str) -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(key))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok().map(|kib| kib * 1024)
}
