//! `cargo +nightly fuzz run gguf --features libfuzzer`
//! A GGUF file: header, metadata, configuration and tensors. The target itself is in fuzz/src/lib.rs.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let _ = whaledeck_fuzz::gguf(data);
});
