//! `cargo +nightly fuzz run safetensors --features libfuzzer`
//! A safetensors file: its JSON header and tensors. The target itself is in fuzz/src/lib.rs.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let _ = whaledeck_fuzz::safetensors(data);
});
