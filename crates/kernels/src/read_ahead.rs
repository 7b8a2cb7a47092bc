//! Reading of mapped weights before they are used. Without it a page that is not in memory is read when it is
//! touched, one after the other; a disk is far faster when it is asked for megabytes at once.

/// Asks the system to read mapped memory, without waiting for it. The system may ignore it.
pub fn will_need(bytes: &[u8]) {
    #[cfg(target_os = "linux")]
    {
        const PAGE: usize = 4096;
        let start = bytes.as_ptr();
        let before = start.addr() % PAGE;
        // SAFETY: whole pages that the mapping has; the advice does not change their contents.
        unsafe {
            let start = start.cast_mut().wrapping_sub(before);
            libc::madvise(start.cast(), bytes.len() + before, libc::MADV_WILLNEED);
        }
    }
    #[cfg(not(target_os = "linux"))]
    let _ = bytes;
}
