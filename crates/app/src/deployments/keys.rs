//! API keys of deployments that are open to a network. Each is derived from a secret of this installation and
//! the id of the deployment, so that it can be shown again and is never stored.
use std::path::Path;

use contract::ErrorView;
use deploy::remote::Record;
use secrets::DerivedKeys;

use crate::convert::storage_error;

const FILE: &str = "deployments.secret";

pub(super) struct DeploymentKeys(DerivedKeys);

impl DeploymentKeys {
    pub(super) fn new(data_dir: &Path) -> Self {
        Self(DerivedKeys::new(data_dir.join(FILE)))
    }

    /// The record with its key, if its deployment has one.
    pub(super) fn with_key(&self, record: Record) -> Result<Record, ErrorView> {
        if !record.requires_key {
            return Ok(record);
        }
        let failed = |error| storage_error("read the secret of the deployments", self.0.path(), &error);
        let key = self.0.key(&record.id).map_err(failed)?;
        Ok(Record { key: Some(key), ..record })
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
