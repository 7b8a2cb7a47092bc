//! The encrypted file of keys, and the file of the key that encrypts it. It protects keys against searches
//! and backups of single files, but not against a program that can read every file of this account; the hosts
//! show that.
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use chacha20poly1305::aead::{Aead, Generate, Key, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use serde::{Deserialize, Serialize};
use store::{StoreError, VersionedFile};

use crate::SecretError;

const SEALED_FILE: &str = "keys.sealed.json";
const SEAL_FILE: &str = "keys.seal";

#[derive(Default, Serialize, Deserialize)]
struct EncryptedKeys {
    /// By the id of the key: nonce and ciphertext, each as base64.
    keys: BTreeMap<String, (String, String)>,
}

pub(crate) struct SealedFile {
    file: VersionedFile<EncryptedKeys>,
    seal: PathBuf,
}

impl SealedFile {
    pub fn new(folder: &Path) -> Self {
        let file = VersionedFile::new(folder.join(SEALED_FILE), "sealed keys");
        Self { file, seal: folder.join(SEAL_FILE) }
    }

    pub fn put(&self, id: &str, key: &str) -> Result<(), SecretError> {
        let cipher = self.cipher(true)?;
        let nonce = XNonce::generate();
        let payload = Payload { msg: key.as_bytes(), aad: id.as_bytes() };
        let text = cipher.encrypt(&nonce, payload).map_err(SecretError::refused)?;
        self.change(|keys| keys.insert(id.to_owned(), (BASE64.encode(nonce), BASE64.encode(text)))).map(drop)
    }

    pub fn get(&self, id: &str) -> Result<String, SecretError> {
        let sealed = self.file.read().map_err(unreadable_is_refused)?.unwrap_or_default();
        let missing = || SecretError::refused("the file does not hold it");
        let (nonce, text) = sealed.keys.get(id).ok_or_else(missing)?;
        let bytes = |text: &str| BASE64.decode(text).map_err(SecretError::refused);
        let nonce = XNonce::try_from(&bytes(nonce)?[..]).map_err(SecretError::refused)?;
        let payload = Payload { msg: &bytes(text)?, aad: id.as_bytes() };
        let changed = |_| SecretError::refused("the file was sealed with another seal, or changed");
        let key = self.cipher(false)?.decrypt(&nonce, payload).map_err(changed)?;
        String::from_utf8(key).map_err(SecretError::refused)
    }

    /// Does nothing when the key is already gone.
    pub fn remove(&self, id: &str) -> Result<(), SecretError> {
        self.change(|keys| keys.remove(id)).map(drop)
    }

    /// Moves a file that cannot be parsed aside, because no key could be added to it.
    pub fn recover(&self) -> Result<(), StoreError> {
        self.file.recover()
    }

    fn change<R>(
        &self,
        change: impl FnOnce(&mut BTreeMap<String, (String, String)>) -> R,
    ) -> Result<R, SecretError> {
        self.file.change(|sealed| change(&mut sealed.keys)).map_err(unreadable_is_refused)
    }

    /// The encryption key is made once, readable by its owner only.
    fn cipher(&self, make: bool) -> Result<XChaCha20Poly1305, SecretError> {
        let failed = |what: &str, source| StoreError::Io {
            what: format!("{what} the seal of the keys"),
            path: self.seal.clone(),
            source,
        };
        let seal = match std::fs::read(&self.seal) {
            Ok(seal) => seal,
            Err(error) if make && error.kind() == io::ErrorKind::NotFound => {
                let seal = Key::<XChaCha20Poly1305>::generate().to_vec();
                store::create_once(&self.seal, &seal).map_err(|error| failed("write", error))?;
                // Another process may have created the file first; then its key is used.
                std::fs::read(&self.seal).map_err(|error| failed("read", error))?
            }
            Err(error) => return Err(failed("read", error).into()),
        };
        XChaCha20Poly1305::new_from_slice(&seal).map_err(|_| SecretError::refused("the seal is damaged"))
    }
}

/// Outside of a start, a file that cannot be parsed is one that does not have the key.
fn unreadable_is_refused(error: StoreError) -> SecretError {
    match error {
        StoreError::Unreadable { reason, .. } => SecretError::Refused(reason),
        io @ StoreError::Io { .. } => SecretError::File(io),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sealed_key_opens_under_its_own_name_only() {
        let folder = tempfile::tempdir().expect("a folder");
        let keys = SealedFile::new(folder.path());
        keys.put("one", "sk-marked").expect("is kept");
        keys.put("two", "sk-other").expect("is kept");
        let again = SealedFile::new(folder.path());
        assert_eq!(again.get("one").expect("opens"), "sk-marked");

        let path = folder.path().join(SEALED_FILE);
        let text = std::fs::read_to_string(&path).expect("is there");
        assert!(!text.contains("marked"), "{text}");
        let swapped = text.replace("\"one\"", "\"x\"").replace("\"two\"", "\"one\"");
        std::fs::write(&path, swapped).expect("is written");
        assert!(matches!(again.get("one").expect_err("is another's"), SecretError::Refused(_)));
        std::fs::write(&path, &text).expect("is written");
        again.remove("one").expect("is removed");
        assert!(matches!(again.get("one").expect_err("is gone"), SecretError::Refused(_)));
        assert_eq!(again.get("two").expect("opens"), "sk-other");
    }

    #[test]
    fn a_sealed_file_of_something_else_is_kept_and_said_and_keys_can_be_added() {
        let folder = tempfile::tempdir().expect("a folder");
        let keys = SealedFile::new(folder.path());
        keys.recover().expect("there is none");
        std::fs::write(folder.path().join(SEALED_FILE), "{\"version\": 1, \"keys\": [").expect("is written");
        assert!(matches!(keys.put("one", "sk").expect_err("is not written over"), SecretError::Refused(_)));
        let problem = keys.recover().expect_err("an error");
        let StoreError::Unreadable { path, .. } = problem else { panic!("{problem:?}") };
        assert!(path.is_file());
        keys.put("one", "sk").expect("is kept");
        keys.recover().expect("it is reported once");
    }

    #[cfg(unix)]
    #[test]
    fn both_files_are_the_owner_s_alone() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().expect("a folder");
        SealedFile::new(folder.path()).put("one", "sk").expect("is kept");
        for name in [SEAL_FILE, SEALED_FILE] {
            let mode = std::fs::metadata(folder.path().join(name)).expect("is there").permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{name}");
        }
    }
}
