//! Ownership of KV pages: free, private to one sequence, or in the prefix tree. Knows page numbers; the
//! contents of a page belong to `models`.

pub mod pool;
pub mod prefix;
pub mod spill;
