//! What our programs of the terminal print: `print!`, `println!` and `eprintln!` by their own names, which end the program where
//! the standard ones panic. A program takes them for all of its files with `#[macro_use] extern crate stdio`.
//!
//! The signal that ends other programs at a closed pipe stays ignored, as Rust leaves it: it would also end a worker whose caller
//! hung up, and a start over ssh that failed. Knows nothing of what is printed.
use std::fmt::Arguments;
use std::io::{ErrorKind, Write, stderr, stdout};

/// As a shell counts a program that SIGPIPE ended: what was asked for may not have been done to its end, so 0 would be untrue.
const NOBODY_READS: i32 = 128 + 13;

#[macro_export]
macro_rules! print {
    ($($said:tt)*) => { $crate::out(::std::format_args!($($said)*)) };
}

#[macro_export]
macro_rules! println {
    () => { $crate::print!("\n") };
    ($($said:tt)*) => { $crate::print!("{}\n", ::std::format_args!($($said)*)) };
}

#[macro_export]
macro_rules! eprintln {
    () => { $crate::err(::std::format_args!("\n")) };
    ($($said:tt)*) => { $crate::err(::std::format_args!("{}\n", ::std::format_args!($($said)*))) };
}

#[doc(hidden)]
pub fn out(said: Arguments<'_>) {
    write(stdout().lock(), said);
}

#[doc(hidden)]
pub fn err(said: Arguments<'_>) {
    write(stderr().lock(), said);
}

fn write(mut to: impl Write, said: Arguments<'_>) {
    let Err(error) = to.write_fmt(said) else { return };
    // Released first, because the way out flushes what is left.
    drop(to);
    if error.kind() == ErrorKind::BrokenPipe {
        std::process::exit(NOBODY_READS);
    }
    // Where even this cannot be said, the exit code says it.
    let _ = writeln!(stderr(), "failed to print: {error}");
    std::process::exit(1);
}
