//! `cargo +nightly fuzz run tokenizer --features libfuzzer`
//! The tokenizer in a GGUF file's metadata: encoding and decoding. The target itself is in fuzz/src/lib.rs.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let _ = whaledeck_fuzz::tokenizer(data);
});
