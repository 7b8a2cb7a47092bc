//! API keys that this program makes, for other programs and for its deployments.
//! Each has 256 random bits, so a plain SHA-256 of it needs no salt.
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chacha20poly1305::XChaCha20Poly1305;
use chacha20poly1305::aead::{Generate, Key};

pub(crate) const PREFIX: &str = "wd-";

/// From the random generator of the operating system, which also encrypts the keys of the sealed file.
pub fn random_key() -> String {
    format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(Key::<XChaCha20Poly1305>::generate()))
}
