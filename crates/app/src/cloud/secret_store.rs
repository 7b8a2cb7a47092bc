//! Stores the cloud keys: in the system's keyring, or in an encrypted file where there is no keyring or the
//! user chose the file. The file protects keys against searches and backups of single files, but not against
//! a program that can read every file of this account; the hosts show that. No secret of this file is ever
//! logged or printed.
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use chacha20poly1305::aead::{Aead, Generate, Key, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use contract::{ErrorCode, ErrorView, KeyPlace};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

use crate::convert::storage_error;

const SERVICE: &str = "whaledeck";
const SEALED_FILE: &str = "keys.sealed.json";
const SEAL_FILE: &str = "keys.seal";
const VERSION: u32 = 1;

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

/// Each call blocks, possibly until the user unlocks the keyring, so it must not run on a runtime thread.
pub(crate) struct SecretStore {
    backend: SecretBackend,
    folder: PathBuf,
    writing: Mutex<()>,
}

#[derive(Serialize, Deserialize)]
struct EncryptedKeys {
    version: u32,
    /// By the id of the key: nonce and ciphertext, each as base64.
    keys: BTreeMap<String, (String, String)>,
}

fn failed(what: impl std::fmt::Display) -> ErrorView {
    ErrorView::new(ErrorCode::KeyStoreFailed, format!("use the store of keys: {what}"))
}

impl SecretStore {
    pub(crate) fn new(data_dir: &Path, backend: SecretBackend) -> Self {
        Self { backend, folder: data_dir.to_owned(), writing: Mutex::default() }
    }

    /// Stores a key and returns where. A keyring that exists but refuses is an error, not a reason to use the
    /// file.
    pub(crate) fn put(&self, id: &str, key: &str) -> Result<KeyPlace, ErrorView> {
        if key.is_empty() {
            return Ok(KeyPlace::Nowhere);
        }
        if self.backend == SecretBackend::System && keyring::v1::Entry::store_status().is_ok() {
            entry(id)?.set_password(key).map_err(failed)?;
            return Ok(KeyPlace::Keyring);
        }
        let cipher = self.cipher(true)?;
        let nonce = XNonce::generate();
        let payload = Payload { msg: key.as_bytes(), aad: id.as_bytes() };
        let text = cipher.encrypt(&nonce, payload).map_err(failed)?;
        self.change(|keys| keys.insert(id.to_owned(), (BASE64.encode(nonce), BASE64.encode(text))))?;
        Ok(KeyPlace::File)
    }

    pub(crate) fn get(&self, id: &str, place: KeyPlace) -> Result<Option<String>, ErrorView> {
        match place {
            KeyPlace::Nowhere => Ok(None),
            KeyPlace::Keyring => entry(id)?.get_password().map(Some).map_err(failed),
            KeyPlace::File => {
                let sealed = self.sealed()?;
                let (nonce, text) = sealed.keys.get(id).ok_or_else(|| failed("the file does not hold it"))?;
                let bytes = |text: &str| BASE64.decode(text).map_err(failed);
                let nonce = XNonce::try_from(&bytes(nonce)?[..]).map_err(failed)?;
                let payload = Payload { msg: &bytes(text)?, aad: id.as_bytes() };
                let key = self.cipher(false)?.decrypt(&nonce, payload);
                let key = key.map_err(|_| failed("the file was sealed with another seal, or changed"))?;
                String::from_utf8(key).map(Some).map_err(failed)
            }
        }
    }

    /// Does nothing when the key is already gone.
    pub(crate) fn remove(&self, id: &str, place: KeyPlace) -> Result<(), ErrorView> {
        match place {
            KeyPlace::Nowhere => Ok(()),
            KeyPlace::Keyring => match entry(id)?.delete_credential() {
                Ok(()) | Err(keyring::v1::Error::NoEntry) => Ok(()),
                Err(error) => Err(failed(error)),
            },
            KeyPlace::File => self.change(|keys| keys.remove(id)).map(drop),
        }
    }

    /// The encryption key is made once, readable by its owner only.
    fn cipher(&self, make: bool) -> Result<XChaCha20Poly1305, ErrorView> {
        let path = self.folder.join(SEAL_FILE);
        let unreadable = |error: &std::io::Error| storage_error("read the seal of the keys", &path, error);
        let seal = match std::fs::read(&path) {
            Ok(seal) => seal,
            Err(error) if make && error.kind() == std::io::ErrorKind::NotFound => {
                let seal = Key::<XChaCha20Poly1305>::generate().to_vec();
                store::create_once(&path, &seal)
                    .map_err(|error| storage_error("write the seal of the keys", &path, &error))?;
                // Another process may have created the file first; then its key is used.
                std::fs::read(&path).map_err(|error| unreadable(&error))?
            }
            Err(error) => return Err(unreadable(&error)),
        };
        XChaCha20Poly1305::new_from_slice(&seal).map_err(|_| failed("the seal is damaged"))
    }

    /// Moves an encrypted file that cannot be parsed aside, because no key could be added to it.
    pub(crate) fn recover(&self) -> Option<ErrorView> {
        let problem = self.sealed().err()?;
        if problem.code != ErrorCode::KeyStoreFailed {
            return Some(problem);
        }
        let path = self.folder.join(SEALED_FILE);
        Some(match store::set_aside(&path) {
            Ok(aside) => {
                ErrorView::new(ErrorCode::CloudKeysUnreadable, problem.message).with("path", aside.display())
            }
            Err(error) => storage_error("keep the old sealed keys", &path, &error),
        })
    }

    fn sealed(&self) -> Result<EncryptedKeys, ErrorView> {
        let path = self.folder.join(SEALED_FILE);
        match std::fs::read(&path) {
            Ok(text) => {
                let sealed: EncryptedKeys = serde_json::from_slice(&text).map_err(failed)?;
                if sealed.version == VERSION {
                    Ok(sealed)
                } else {
                    Err(failed("the file is of another version"))
                }
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                Ok(EncryptedKeys { version: VERSION, keys: BTreeMap::new() })
            }
            Err(error) => Err(storage_error("read the sealed keys", &path, &error)),
        }
    }

    fn change<T>(
        &self,
        change: impl FnOnce(&mut BTreeMap<String, (String, String)>) -> T,
    ) -> Result<T, ErrorView> {
        let _guard = self.writing.lock();
        let mut sealed = self.sealed()?;
        let changed = change(&mut sealed.keys);
        let path = self.folder.join(SEALED_FILE);
        let text = serde_json::to_vec_pretty(&sealed).map_err(failed)?;
        store::replace(&path, &text)
            .map_err(|error| storage_error("write the sealed keys", &path, &error))?;
        Ok(changed)
    }
}

fn entry(id: &str) -> Result<keyring::v1::Entry, ErrorView> {
    keyring::v1::Entry::new(SERVICE, id).map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sealed_key_opens_under_its_own_name_only() {
        let folder = tempfile::tempdir().expect("a folder");
        let keys = SecretStore::new(folder.path(), SecretBackend::File);
        assert_eq!(keys.put("one", "sk-marked").expect("is kept"), KeyPlace::File);
        assert_eq!(keys.put("two", "sk-other").expect("is kept"), KeyPlace::File);
        assert_eq!(keys.put("none", "").expect("is nothing"), KeyPlace::Nowhere);
        let again = SecretStore::new(folder.path(), SecretBackend::File);
        assert_eq!(again.get("one", KeyPlace::File).expect("opens").as_deref(), Some("sk-marked"));
        assert_eq!(again.get("none", KeyPlace::Nowhere).expect("is nothing"), None);

        let path = folder.path().join(SEALED_FILE);
        let text = std::fs::read_to_string(&path).expect("is there");
        assert!(!text.contains("marked"), "{text}");
        let swapped = text.replace("\"one\"", "\"x\"").replace("\"two\"", "\"one\"");
        std::fs::write(&path, swapped).expect("is written");
        assert_eq!(
            again.get("one", KeyPlace::File).expect_err("is another's").code,
            ErrorCode::KeyStoreFailed
        );
        std::fs::write(&path, &text).expect("is written");
        again.remove("one", KeyPlace::File).expect("is removed");
        assert_eq!(again.get("one", KeyPlace::File).expect_err("is gone").code, ErrorCode::KeyStoreFailed);
        assert_eq!(again.get("two", KeyPlace::File).expect("opens").as_deref(), Some("sk-other"));
    }

    #[test]
    fn a_sealed_file_of_something_else_is_kept_and_said_and_keys_can_be_added() {
        let folder = tempfile::tempdir().expect("a folder");
        let keys = SecretStore::new(folder.path(), SecretBackend::File);
        assert_eq!(keys.recover(), None);
        std::fs::write(folder.path().join(SEALED_FILE), "{\"version\": 1, \"keys\": [").expect("is written");
        let problem = keys.recover().expect("an error");
        assert_eq!(problem.code, ErrorCode::CloudKeysUnreadable);
        assert!(Path::new(&problem.detail["path"]).is_file());
        assert_eq!(keys.put("one", "sk").expect("is kept"), KeyPlace::File);
        assert_eq!(keys.recover(), None);
    }

    #[cfg(unix)]
    #[test]
    fn both_files_are_the_owner_s_alone() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().expect("a folder");
        SecretStore::new(folder.path(), SecretBackend::File).put("one", "sk").expect("is kept");
        for name in [SEAL_FILE, SEALED_FILE] {
            let mode = std::fs::metadata(folder.path().join(name)).expect("is there").permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{name}");
        }
    }
}
