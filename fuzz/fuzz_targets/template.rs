//! `cargo +nightly fuzz run template --features libfuzzer`
//! A chat template in Jinja: parsing and rendering. The target itself is in fuzz/src/lib.rs.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let _ = whaledeck_fuzz::template(data);
});
