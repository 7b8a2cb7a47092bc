//! The way of weights to the card: pieces of pinned memory that some threads fill, from a mapped file say,
//! while the card copies the pieces before. It is made when something is uploaded and given back after
//! loading.
//!
//! Plain threads and no pool: a thread that waits for a piece must not have taken up other work that holds
//! one.
use std::collections::VecDeque;
use std::sync::Arc;
use std::thread;

use parking_lot::{Condvar, Mutex};

use crate::context::Context;
use crate::error::{Error, Result};
use crate::event::Event;
use crate::memory::Buffer;
use crate::pinned::Pinned;

const PIECES: usize = 4;
const PIECE_BYTES: usize = 16 << 20;
/// Threads that fill one piece: two read a file from memory as fast as PCIe takes it.
const THREADS: usize = 4;
/// Less than this is filled by the caller alone.
const WORTH_A_THREAD: usize = 1 << 20;

/// Writes the rows from the given one on into a slice that holds whole rows.
pub type Fill<'a> = &'a (dyn Fn(usize, &mut [u8]) + Sync);

pub struct Staging {
    context: Arc<Context>,
    /// The one given back first is in front.
    free: Mutex<VecDeque<Piece>>,
    given_back: Condvar,
}

struct Piece {
    memory: Pinned,
    /// Recorded behind the copy that reads it.
    copied: Event,
}

impl Staging {
    /// # Errors
    /// When the host has not so much memory to pin.
    pub fn new(context: &Arc<Context>) -> Result<Self> {
        let mut free = VecDeque::new();
        for _ in 0..PIECES {
            free.push_back(Piece {
                memory: Pinned::new(context, PIECE_BYTES)?,
                copied: Event::new(context)?,
            });
        }
        Ok(Self { context: Arc::clone(context), free: Mutex::new(free), given_back: Condvar::new() })
    }

    /// Fills `to`, whose rows have `row_bytes`, and enqueues its copies.
    ///
    /// # Errors
    /// When the card stopped working, or a row is larger than a piece.
    pub fn put(&self, to: &Buffer, row_bytes: usize, fill: Fill<'_>) -> Result<()> {
        let most = PIECE_BYTES / row_bytes * row_bytes;
        if most == 0 {
            return Err(Error::Shape(format!("a row of {row_bytes} bytes is too long to be uploaded")));
        }
        for offset in (0..to.bytes()).step_by(most) {
            let bytes = most.min(to.bytes() - offset);
            let mut piece = self.take();
            let copied = self.fill_and_copy(&mut piece, to, offset, bytes, row_bytes, fill);
            self.free.lock().push_back(piece);
            self.given_back.notify_one();
            copied?;
        }
        Ok(())
    }

    fn take(&self) -> Piece {
        let mut free = self.free.lock();
        loop {
            match free.pop_front() {
                Some(piece) => return piece,
                None => self.given_back.wait(&mut free),
            }
        }
    }

    fn fill_and_copy(
        &self,
        piece: &mut Piece,
        to: &Buffer,
        offset: usize,
        bytes: usize,
        row_bytes: usize,
        fill: Fill<'_>,
    ) -> Result<()> {
        piece.copied.wait()?;
        let first = offset / row_bytes;
        let rows = bytes / row_bytes;
        let cores = thread::available_parallelism().map_or(1, |count| count.get());
        let threads = THREADS.min(cores).min(bytes / WORTH_A_THREAD).max(1);
        let share = rows.div_ceil(threads);
        let mut parts = piece.memory.slice_mut::<u8>(0, bytes).chunks_mut(share * row_bytes);
        thread::scope(|scope| {
            // The caller fills the first share itself.
            let own = parts.next();
            for (index, part) in parts.enumerate() {
                scope.spawn(move || fill(first + (index + 1) * share, part));
            }
            if let Some(part) = own {
                fill(first, part);
            }
        });
        let stream = self.context.copy();
        piece.memory.upload_in(0, bytes, to.ptr::<u8>().offset(offset), stream)?;
        piece.copied.record_in(stream)
    }
}
