//! Memory that loading needed and freed: the parsed tokenizer and headers leave holes in the heap, which the
//! C library keeps until it is asked.

/// Gives free memory back to the system, where its C library can.
pub fn give_back() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: it takes a number and touches only memory that nobody owns.
    unsafe {
        libc::malloc_trim(0);
    }
}
