//! API keys of deployments that are open to a network. Each is derived from a secret of this installation and
//! the id of the deployment, so that it can be shown again and is never stored.
use std::path::{Path, PathBuf};

use contract::ErrorView;
use deploy::remote::Record;
use sha2::{Digest, Sha256};

use crate::convert::storage_error;

const FILE: &str = "deployments.secret";

pub(super) struct DeploymentKeys {
    path: PathBuf,
}

impl DeploymentKeys {
    pub(super) fn new(data_dir: &Path) -> Self {
        Self { path: data_dir.join(FILE) }
    }

    /// The record with its key, if its deployment has one.
    pub(super) fn with_key(&self, record: Record) -> Result<Record, ErrorView> {
        if !record.requires_key {
            return Ok(record);
        }
        let mut hash = Sha256::new_with_prefix(self.secret()?);
        hash.update(record.id.as_bytes());
        let key = hex::encode(hash.finalize());
        Ok(Record { key: Some(format!("wd-{key}")), ..record })
    }

    /// The secret is created once, readable by its owner only.
    fn secret(&self) -> Result<Vec<u8>, ErrorView> {
        let failed =
            |error: std::io::Error| storage_error("read the secret of the deployments", &self.path, &error);
        if !self.path.exists() {
            let random = [uuid::Uuid::new_v4(), uuid::Uuid::new_v4()];
            let bytes: Vec<u8> = random.iter().flat_map(|uuid| *uuid.as_bytes()).collect();
            store::create_once(&self.path, &bytes).map_err(failed)?;
        }
        // Another process may have created the file first; then its secret is used.
        std::fs::read(&self.path).map_err(failed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::deployments::records::tests::record;

    #[test]
    fn a_key_is_the_same_each_time_and_another_for_each_deployment() {
        let (folder, other) =
            (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
        let key = |folder: &Path, id: &str, requires_key: bool| {
            DeploymentKeys::new(folder)
                .with_key(Record { requires_key, ..record(id, "name") })
                .expect("is filled")
                .key
        };
        let one = key(folder.path(), "1", true).expect("a key");
        assert_eq!(key(folder.path(), "1", true).as_ref(), Some(&one));
        assert!(one.len() > 60 && one.starts_with("wd-"));
        assert_ne!(key(folder.path(), "2", true).as_ref(), Some(&one));
        assert_ne!(key(other.path(), "1", true).as_ref(), Some(&one));
        assert_eq!(key(folder.path(), "1", false), None);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = std::fs::metadata(folder.path().join(FILE)).expect("is there").permissions().mode();
            assert_eq!(mode & 0o077, 0);
        }
    }
}
