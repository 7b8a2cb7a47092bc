//! Total and available main memory in bytes, limited by the cgroup of a container.
//! Memory bandwidth is measured in `bandwidth`.

/// (total, available) limited by the container's cgroup: `limit` is its (total, free).
pub fn within_limit(machine: (u64, u64), limit: Option<(u64, u64)>) -> (u64, u64) {
    let (total, available) = machine;
    match limit {
        Some((cap, free)) if cap > 0 => (total.min(cap), available.min(free)),
        _ => machine,
    }
}

pub(crate) fn read() -> (u64, u64) {
    let Ok(mut system) = sysinfo::System::new() else { return (0, 0) };
    system.refresh_memory();
    let limit = system.cgroup_limits().map(|limits| (limits.total_memory, limits.free_memory));
    within_limit((system.total_memory(), system.available_memory()), limit)
}

/// Main memory that can be used now.
pub fn available() -> u64 {
    read().1
}
