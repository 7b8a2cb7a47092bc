//! Large pages for large buffers. A processor remembers where some thousand pages lie; of the usual 4 KiB that is less than one
//! layer, and looking the others up can take longer than reading them.

/// Smaller buffers are left as they are: a large page has 2 MiB.
const FROM: usize = 4 << 20;

/// `numbers` with the length `len`; room that is got anew is asked for in large pages.
pub fn resize<T: Clone>(numbers: &mut Vec<T>, len: usize, value: T) {
    if len > numbers.capacity() {
        numbers.reserve_exact(len - numbers.len());
        prefer_large(numbers.spare_capacity_mut());
    }
    numbers.resize(len, value);
}

/// Asks the system for large pages under memory that nothing was written to yet. It may not have any: nothing is lost then.
pub fn prefer_large<T>(memory: &mut [T]) {
    let bytes = size_of_val(memory);
    if bytes < FROM {
        return;
    }
    #[cfg(target_os = "linux")]
    {
        const PAGE: usize = 4096;
        let start = memory.as_mut_ptr().cast::<u8>();
        let skipped = start.align_offset(PAGE);
        let len = (bytes - skipped) / PAGE * PAGE;
        // SAFETY: whole pages of the caller's own memory; the advice changes nothing that is in them.
        unsafe { libc::madvise(start.add(skipped).cast(), len, libc::MADV_HUGEPAGE) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_there_stays() {
        let mut numbers = vec![1u16, 2];
        resize(&mut numbers, 5_000_000, 7);
        assert_eq!((&numbers[..3], numbers[4_999_999]), (&[1, 2, 7][..], 7));
        resize(&mut numbers, 1, 7);
        assert_eq!(numbers, [1]);
        prefer_large(&mut [0u8; 3]);
    }
}
