//! Keys and passwords: the store of those that the user typed, and those that this program makes. No secret
//! of this crate is ever logged or printed.
//! Knows neither the services that the keys are for nor what the user is told of an error.

mod derived_keys;
mod error;
mod random_key;
mod sealed_file;
mod secret_store;

pub use derived_keys::DerivedKeys;
pub use error::SecretError;
pub use random_key::random_key;
pub use secret_store::{SecretBackend, SecretPlace, SecretStore};
