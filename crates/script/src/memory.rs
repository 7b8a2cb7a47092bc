//! The memory of one program: an allocator for QuickJS that never fails. QuickJS can crash after a failed
//! allocation, so a program that reaches its limit gets no answer: its thread stops for ever, and all that it
//! allocated is freed. Knows nothing of programs; who waits is told by a call.
use std::alloc::{Layout, alloc, dealloc};
use std::ptr::{NonNull, null_mut};

use rquickjs::allocator::Allocator;

/// Before each allocation: its size and its neighbours in the list of all.
struct Header {
    size: usize,
    previous: *mut Header,
    next: *mut Header,
}

/// What the header takes, so that what follows is aligned as C's `malloc` does.
const HEADER: usize = size_of::<Header>().next_multiple_of(ALIGN);
const ALIGN: usize = 16;

/// The allocations of one thread, which alone may use them.
pub struct LimitedMemory<F> {
    used: usize,
    limit: usize,
    first: *mut Header,
    /// Called once, when the limit is reached.
    on_limit: F,
}

impl<F: FnMut()> LimitedMemory<F> {
    pub fn new(limit: usize, on_limit: F) -> Self {
        Self { used: 0, limit, first: null_mut(), on_limit }
    }

    /// Counts `size` bytes more, or stops this thread for ever.
    fn take(&mut self, size: usize) {
        let used = self.used.saturating_add(HEADER).saturating_add(size);
        if used > self.limit {
            self.stop();
        }
        self.used = used;
    }

    /// QuickJS is in the middle of its work on this thread and cannot be left in any other safe way.
    fn stop(&mut self) -> ! {
        while let Some(first) = NonNull::new(self.first) {
            // SAFETY: the list has the live allocations, and this thread, their only user, reads none of them
            // again.
            unsafe { self.free(first) };
        }
        (self.on_limit)();
        loop {
            std::thread::park();
        }
    }

    fn layout(size: usize) -> Layout {
        Layout::from_size_align(HEADER + size, ALIGN).expect("the size is below the limit")
    }

    /// Memory of `size` bytes, in the list.
    fn allocate(&mut self, size: usize) -> *mut u8 {
        self.take(size);
        // SAFETY: the layout has at least the header.
        let header = unsafe { alloc(Self::layout(size)) }.cast::<Header>();
        if header.is_null() {
            self.stop();
        }
        // SAFETY: `header` has room for a `Header` and is aligned for it; `first` is null or live.
        unsafe {
            header.write(Header { size, previous: null_mut(), next: self.first });
            if let Some(next) = self.first.as_mut() {
                next.previous = header;
            }
            self.first = header;
            header.cast::<u8>().add(HEADER)
        }
    }

    /// # Safety
    /// `header` is that of a live allocation of this list.
    unsafe fn free(&mut self, header: NonNull<Header>) {
        // SAFETY: the caller's, and neighbours in the list are live.
        unsafe {
            let Header { size, previous, next } = header.read();
            match previous.as_mut() {
                Some(previous) => previous.next = next,
                None => self.first = next,
            }
            if let Some(next) = next.as_mut() {
                next.previous = previous;
            }
            self.used -= HEADER + size;
            dealloc(header.as_ptr().cast(), Self::layout(size));
        }
    }
}

/// # Safety
/// `memory` was returned by [`LimitedMemory::allocate`] and is live.
unsafe fn header_of(memory: *mut u8) -> NonNull<Header> {
    // SAFETY: the caller's: a header is before what was returned.
    unsafe { NonNull::new_unchecked(memory.sub(HEADER).cast()) }
}

// SAFETY: memory has the size that was asked for, is aligned to 16 bytes, and is the caller's alone until it
// is freed.
unsafe impl<F: FnMut()> Allocator for LimitedMemory<F> {
    fn alloc(&mut self, size: usize) -> *mut u8 {
        self.allocate(size)
    }

    fn calloc(&mut self, count: usize, size: usize) -> *mut u8 {
        let size = count.saturating_mul(size);
        let memory = self.allocate(size);
        // SAFETY: it has `size` bytes.
        unsafe { memory.write_bytes(0, size) };
        memory
    }

    unsafe fn dealloc(&mut self, memory: *mut u8) {
        // SAFETY: QuickJS frees what it got here.
        unsafe { self.free(header_of(memory)) }
    }

    unsafe fn realloc(&mut self, memory: *mut u8, size: usize) -> *mut u8 {
        if memory.is_null() {
            return self.allocate(size);
        }
        // SAFETY: QuickJS passes what it got here; the smaller of both sizes is in both.
        unsafe {
            let old = header_of(memory).as_ref().size;
            let new = self.allocate(size);
            new.copy_from_nonoverlapping(memory, old.min(size));
            self.dealloc(memory);
            new
        }
    }

    unsafe fn usable_size(memory: *mut u8) -> usize {
        // SAFETY: QuickJS asks for what it got here.
        unsafe { header_of(memory).as_ref().size }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[test]
    fn memory_is_kept_counted_and_freed() {
        let mut memory = LimitedMemory::new(1 << 20, || panic!("the limit is far"));
        let (a, b) = (memory.alloc(100), memory.calloc(10, 7));
        // SAFETY: both are live and have these sizes.
        unsafe {
            a.write_bytes(7, 100);
            assert!((0..70).all(|at| *b.add(at) == 0));
            let a = memory.realloc(a, 5000);
            assert!((0..100).all(|at| *a.add(at) == 7));
            assert_eq!((LimitedMemory::<fn()>::usable_size(a), memory.used), (5000, 5070 + 2 * HEADER));
            let c = memory.realloc(null_mut(), 1);
            assert_eq!([a, b, c].map(|one| one as usize % ALIGN), [0; 3]);
            memory.dealloc(b);
            memory.dealloc(a);
            memory.dealloc(c);
        }
        assert_eq!((memory.used, memory.first), (0, null_mut()));
    }

    #[test]
    fn a_thread_that_reaches_the_limit_tells_it_and_stops() {
        for size in [600, 1 << 20, usize::MAX] {
            let (sender, receiver) = mpsc::channel();
            std::thread::spawn(move || {
                let told = sender.clone();
                let mut memory = LimitedMemory::new(1000, move || told.send("limit").expect("is read"));
                memory.alloc(600);
                memory.calloc(1, size);
                sender.send("more than the limit").expect("is read");
            });
            assert_eq!(receiver.recv(), Ok("limit"));
        }
    }
}
