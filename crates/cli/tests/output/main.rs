//! Snapshots of what the real `whaledeck-cli` prints: the help of every command, its tables, and its errors
//! in both languages. A change of a word shows in a review as a change of a `.snap` file.
//! `INSTA_UPDATE=always cargo test -p cli --test output` writes them again. What differs between computers
//! (paths, memory sizes, times) is replaced before the comparison.

mod errors;
mod help;
mod program;
mod tables;
