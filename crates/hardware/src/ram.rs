//! Main memory: what the machine has, and what a new process could take.

/// (total, available) within a container's limit: `limit` is (total, free) as the container sees it.
pub fn limited(machine: (u64, u64), limit: Option<(u64, u64)>) -> (u64, u64) {
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
    limited((system.total_memory(), system.available_memory()), limit)
}
