//! `cargo +nightly fuzz run image --features libfuzzer`
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let _ = whaledeck_fuzz::image(data);
});
