//! Huge pages for large buffers. With pages of 4 KiB the TLB covers less than one layer of a model, and page
//! walks can take longer than the reads themselves.

/// Smaller buffers keep normal pages: a huge page has 2 MiB.
const MIN_BYTES: usize = 4 << 20;

/// Resizes `values`; a new allocation requests huge pages.
pub fn resize<T: Clone>(values: &mut Vec<T>, len: usize, value: T) {
    if len > values.capacity() {
        values.reserve_exact(len - values.len());
        advise(values.spare_capacity_mut());
    }
    values.resize(len, value);
}

/// Requests huge pages for memory that was not written yet. The system may ignore it.
pub fn advise<T>(memory: &mut [T]) {
    let bytes = size_of_val(memory);
    if bytes < MIN_BYTES {
        return;
    }
    #[cfg(target_os = "linux")]
    {
        const PAGE: usize = 4096;
        let start = memory.as_mut_ptr().cast::<u8>();
        let skipped = start.align_offset(PAGE);
        let len = (bytes - skipped) / PAGE * PAGE;
        // SAFETY: whole pages of memory that the caller owns; the advice does not change their contents.
        unsafe { libc::madvise(start.add(skipped).cast(), len, libc::MADV_HUGEPAGE) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn existing_values_are_kept() {
        let mut values = vec![1u16, 2];
        resize(&mut values, 5_000_000, 7);
        assert_eq!((&values[..3], values[4_999_999]), (&[1, 2, 7][..], 7));
        resize(&mut values, 1, 7);
        assert_eq!(values, [1]);
        advise(&mut [0u8; 3]);
    }
}
