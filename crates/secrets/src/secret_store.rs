//! Stores keys: in the system's keyring, or in an encrypted file where there is no keyring or the user chose
//! the file. Each key has an id; the place where it is kept is the caller's to remember.
use std::path::Path;

use store::StoreError;

use crate::SecretError;
use crate::sealed_file::SealedFile;

const SERVICE: &str = "whaledeck";

/// Where new keys are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SecretBackend {
    /// The system's keyring, or the encrypted file where there is none.
    System,
    /// Always the encrypted file.
    File,
}

impl SecretBackend {
    /// `WHALEDECK_KEYS=file` selects the file.
    pub fn from_env() -> Self {
        if std::env::var_os("WHALEDECK_KEYS").is_some_and(|value| value == "file") {
            Self::File
        } else {
            Self::System
        }
    }
}

/// Where a key is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SecretPlace {
    /// The key is empty.
    Nowhere,
    Keyring,
    File,
}

/// Each call blocks, possibly until the user unlocks the keyring, so it must not run on a runtime thread.
pub struct SecretStore {
    backend: SecretBackend,
    file: SealedFile,
}

impl SecretStore {
    pub fn new(folder: &Path, backend: SecretBackend) -> Self {
        Self { backend, file: SealedFile::new(folder) }
    }

    /// Stores a key and returns where. A keyring that exists but refuses is an error, not a reason to use the
    /// file.
    pub fn put(&self, id: &str, key: &str) -> Result<SecretPlace, SecretError> {
        if key.is_empty() {
            return Ok(SecretPlace::Nowhere);
        }
        if self.backend == SecretBackend::System && keyring::v1::Entry::store_status().is_ok() {
            entry(id)?.set_password(key).map_err(SecretError::refused)?;
            return Ok(SecretPlace::Keyring);
        }
        self.file.put(id, key)?;
        Ok(SecretPlace::File)
    }

    pub fn get(&self, id: &str, place: SecretPlace) -> Result<Option<String>, SecretError> {
        match place {
            SecretPlace::Nowhere => Ok(None),
            SecretPlace::Keyring => entry(id)?.get_password().map(Some).map_err(SecretError::refused),
            SecretPlace::File => self.file.get(id).map(Some),
        }
    }

    /// Does nothing when the key is already gone.
    pub fn remove(&self, id: &str, place: SecretPlace) -> Result<(), SecretError> {
        match place {
            SecretPlace::Nowhere => Ok(()),
            SecretPlace::Keyring => match entry(id)?.delete_credential() {
                Ok(()) | Err(keyring::v1::Error::NoEntry) => Ok(()),
                Err(error) => Err(SecretError::refused(error)),
            },
            SecretPlace::File => self.file.remove(id),
        }
    }

    /// Moves an encrypted file that cannot be parsed aside, because no key could be added to it.
    ///
    /// # Errors
    /// When it could not be parsed, with its new path, or could not be read or moved.
    pub fn recover(&self) -> Result<(), StoreError> {
        self.file.recover()
    }
}

fn entry(id: &str) -> Result<keyring::v1::Entry, SecretError> {
    keyring::v1::Entry::new(SERVICE, id).map_err(SecretError::refused)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_found_at_the_place_that_was_returned() {
        let folder = tempfile::tempdir().expect("a folder");
        let keys = SecretStore::new(folder.path(), SecretBackend::File);
        assert_eq!(keys.put("one", "sk-marked").expect("is kept"), SecretPlace::File);
        assert_eq!(keys.put("none", "").expect("is nothing"), SecretPlace::Nowhere);
        let again = SecretStore::new(folder.path(), SecretBackend::File);
        assert_eq!(again.get("one", SecretPlace::File).expect("opens").as_deref(), Some("sk-marked"));
        assert_eq!(again.get("none", SecretPlace::Nowhere).expect("is nothing"), None);
        again.remove("none", SecretPlace::Nowhere).expect("there is nothing to remove");
        again.remove("one", SecretPlace::File).expect("is removed");
        assert!(again.get("one", SecretPlace::File).is_err());
    }
}
