//! Memory of one process in bytes, from /proc/<pid>/status.
//! `None` on a system without it; reports then leave the number out.

/// Resident bytes now.
pub fn resident(pid: u32) -> Option<u64> {
    status(pid, "VmRSS:")
}

/// The most that were ever resident.
pub fn peak_resident(pid: u32) -> Option<u64> {
    status(pid, "VmHWM:")
}

fn status(pid: u32, key: &str) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(key))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok().map(|kib| kib * 1024)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn this_process_has_memory_and_its_peak_is_no_less() {
        let pid = std::process::id();
        let now = resident(pid).expect("Linux has it");
        assert!(now > 100_000 && peak_resident(pid).expect("Linux has it") >= now);
        assert_eq!(resident(u32::MAX), None);
    }
}
