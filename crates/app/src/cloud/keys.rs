//! The keys of cloud services and the password of a proxy. `secrets` keeps them; this file has the contract's
//! words for the place of a key and for the errors.
use std::path::Path;

use contract::{ErrorCode, ErrorView, KeyPlace};
use secrets::{SecretBackend, SecretError, SecretPlace, SecretStore};

use crate::convert::store_error;

/// Each call blocks, possibly until the user unlocks the keyring, so it must not run on a runtime thread.
pub(crate) struct Keys(SecretStore);

impl Keys {
    /// Also returns the error of an encrypted file that cannot be parsed; it was moved aside.
    pub(super) fn open(data_dir: &Path, backend: SecretBackend) -> (Self, Option<ErrorView>) {
        let keys = SecretStore::new(data_dir, backend);
        let problem = keys.recover().err().map(|error| store_error(error, ErrorCode::CloudKeysUnreadable));
        (Self(keys), problem)
    }

    /// Stores a key and returns where.
    pub(crate) fn put(&self, id: &str, key: &str) -> Result<KeyPlace, ErrorView> {
        let place = self.0.put(id, key).map_err(view)?;
        Ok(match place {
            SecretPlace::Nowhere => KeyPlace::Nowhere,
            SecretPlace::Keyring => KeyPlace::Keyring,
            SecretPlace::File => KeyPlace::File,
        })
    }

    pub(crate) fn get(&self, id: &str, place: KeyPlace) -> Result<Option<String>, ErrorView> {
        self.0.get(id, secret_place(place)).map_err(view)
    }

    /// Does nothing when the key is already gone.
    pub(crate) fn remove(&self, id: &str, place: KeyPlace) -> Result<(), ErrorView> {
        self.0.remove(id, secret_place(place)).map_err(view)
    }
}

fn secret_place(place: KeyPlace) -> SecretPlace {
    match place {
        KeyPlace::Nowhere => SecretPlace::Nowhere,
        KeyPlace::Keyring => SecretPlace::Keyring,
        KeyPlace::File => SecretPlace::File,
    }
}

fn view(error: SecretError) -> ErrorView {
    match error {
        SecretError::Refused(_) => ErrorView::new(ErrorCode::KeyStoreFailed, error.to_string()),
        SecretError::File(error) => store_error(error, ErrorCode::KeyStoreFailed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_damaged_file_has_a_code_at_the_start_and_another_in_use() {
        let folder = tempfile::tempdir().expect("a folder");
        let open = || Keys::open(folder.path(), SecretBackend::File);
        let (keys, problem) = open();
        assert_eq!((keys.put("one", "sk").expect("is kept"), problem), (KeyPlace::File, None));
        std::fs::write(folder.path().join("keys.sealed.json"), "{\"version\": 1, \"keys\": [")
            .expect("writes");
        assert_eq!(keys.get("one", KeyPlace::File).expect_err("is damaged").code, ErrorCode::KeyStoreFailed);
        let (keys, problem) = open();
        let problem = problem.expect("an error");
        assert_eq!(problem.code, ErrorCode::CloudKeysUnreadable);
        assert!(Path::new(&problem.detail["path"]).is_file());
        assert_eq!(keys.get("one", KeyPlace::File).expect_err("is gone").code, ErrorCode::KeyStoreFailed);
        assert_eq!((keys.put("one", "sk").expect("is kept"), open().1), (KeyPlace::File, None));
    }
}
