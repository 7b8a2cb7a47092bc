//! `cargo +nightly fuzz run image --features libfuzzer`
//! An image file of a chat: decoding, padding and tiling. The target itself is in fuzz/src/lib.rs.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let _ = whaledeck_fuzz::image(data);
});
