//! Keys that are derived from a secret of this installation and an id, so that each can be shown again and is
//! never stored. The secret is a file that is created once, readable by its owner only.
use std::io;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::random_key::PREFIX;

#[derive(Debug)]
pub struct DerivedKeys {
    path: PathBuf,
}

impl DerivedKeys {
    /// The file of the secret is made at the first key.
    pub fn new(path: PathBuf) -> Self {
        Self { path }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The same each time.
    ///
    /// # Errors
    /// When the secret can be neither read nor created.
    pub fn key(&self, id: &str) -> io::Result<String> {
        let mut hash = Sha256::new_with_prefix(self.secret()?);
        hash.update(id.as_bytes());
        Ok(format!("{PREFIX}{}", hex::encode(hash.finalize())))
    }

    fn secret(&self) -> io::Result<Vec<u8>> {
        if !self.path.exists() {
            let random = [uuid::Uuid::new_v4(), uuid::Uuid::new_v4()];
            let bytes: Vec<u8> = random.iter().flat_map(|uuid| *uuid.as_bytes()).collect();
            store::create_once(&self.path, &bytes)?;
        }
        // Another process may have created the file first; then its secret is used.
        std::fs::read(&self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_the_same_each_time_and_another_for_each_id() {
        let (folder, other) =
            (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
        let path = |folder: &Path| folder.join("a.secret");
        let key = |folder: &Path, id: &str| DerivedKeys::new(path(folder)).key(id).expect("a key");
        let one = key(folder.path(), "1");
        assert_eq!(key(folder.path(), "1"), one);
        assert!(one.len() > 60 && one.starts_with("wd-"));
        assert_ne!(key(folder.path(), "2"), one);
        assert_ne!(key(other.path(), "1"), one);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = std::fs::metadata(path(folder.path())).expect("is there").permissions().mode();
            assert_eq!(mode & 0o077, 0);
        }
    }
}
