//! Files on the disk: replaced atomically, readable by their owner only, locked against other processes, and
//! small JSON files with a version that are kept when they cannot be parsed.
//! Knows no use case: what is in a file, and what the user is told of an error, is the caller's.

mod aside;
mod atomic_file;
mod file_lock;
mod list_file;
mod named_file;
pub mod private;
mod versioned_file;

pub use aside::{keep_copy, set_aside};
pub use atomic_file::{
    Access, AtomicFile, create_new, create_once, remove_if_exists, rename, replace, sync_dir,
};
pub use file_lock::FileLock;
pub use list_file::{ListFile, ListKind};
pub use named_file::StoreError;
pub use versioned_file::VersionedFile;
