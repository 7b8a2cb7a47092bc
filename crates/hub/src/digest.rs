//! The digests that sources announce, and hashing of files on the disk: SHA-256 of the bytes (large files,
//! ModelScope) or git's blob SHA-1 (small files of Hugging Face). It does not know where bytes come from.

use std::io::{self, Read, Seek};
use std::path::PathBuf;

use sha1::Sha1;
use sha2::{Digest as _, Sha256};

use crate::HubError;

/// A digest in hexadecimal, as announced by the source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Digest {
    Sha256(String),
    /// SHA-1 of `blob <size>\0` and the bytes.
    GitBlob(String),
}

/// Incremental hashes of a growing file.
#[derive(Clone)]
pub(crate) struct Hasher {
    sha256: Sha256,
    git: Sha1,
    len: u64,
    size: u64,
}

/// The hashes of a complete file.
pub(crate) struct FileHashes {
    pub sha256: String,
    git: String,
}

impl Hasher {
    /// `size` is the size of the complete file, which is part of git's hash.
    pub fn new(size: u64) -> Self {
        Self { sha256: Sha256::new(), git: Sha1::new_with_prefix(format!("blob {size}\0")), len: 0, size }
    }

    /// A new hasher for the same file.
    pub fn restart(&self) -> Self {
        Self::new(self.size)
    }

    /// The SHA-256 of the bytes hashed so far.
    pub fn sha256(&self) -> String {
        hex::encode(self.sha256.clone().finalize())
    }

    pub fn update(&mut self, bytes: &[u8], announced: Option<&Digest>) {
        self.sha256.update(bytes);
        // Only if needed: for a model of 700 GB the second hash would take half an hour.
        if matches!(announced, Some(Digest::GitBlob(_))) {
            self.git.update(bytes);
        }
        self.len += bytes.len() as u64;
    }

    pub fn len(&self) -> u64 {
        self.len
    }

    pub fn finish(self) -> FileHashes {
        FileHashes { sha256: hex::encode(self.sha256.finalize()), git: hex::encode(self.git.finalize()) }
    }
}

impl FileHashes {
    /// Whether the content matches the announced digest; true if none was announced.
    pub fn is(&self, announced: Option<&Digest>) -> bool {
        match announced {
            Some(Digest::Sha256(want)) => want.eq_ignore_ascii_case(&self.sha256),
            Some(Digest::GitBlob(want)) => want.eq_ignore_ascii_case(&self.git),
            None => true,
        }
    }
}

/// Continues hashing a file on the disk up to byte `to`. `go_on` gets the bytes hashed so far and returns
/// false to stop.
pub(crate) async fn hash_from_disk(
    path: PathBuf,
    mut hashes: Hasher,
    to: u64,
    announced: Option<Digest>,
    go_on: impl Fn(u64) -> bool + Send + 'static,
) -> Result<Hasher, HubError> {
    let hashed = tokio::task::spawn_blocking(move || {
        let mut file = std::fs::File::open(path)?;
        file.seek(io::SeekFrom::Start(hashes.len()))?;
        let mut buffer = vec![0; 1 << 20];
        while hashes.len() < to {
            let most = usize::try_from(to - hashes.len()).unwrap_or(usize::MAX).min(buffer.len());
            match file.read(&mut buffer[..most])? {
                0 => return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into()),
                n => hashes.update(&buffer[..n], announced.as_ref()),
            }
            if !go_on(hashes.len()) {
                return Err(HubError::Cancelled);
            }
        }
        Ok(hashes)
    });
    hashed.await.map_err(io::Error::other)?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_hashes_are_the_published_ones() {
        // `printf abc | sha256sum` and `printf abc | git hash-object --stdin`.
        let sha256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        let git = "f2ba8f84ab5c1bce84a7b441cb1959cfc7093b7f";
        let check = |announced: Digest, right: bool| {
            let mut hashes = Hasher::new(3);
            hashes.update(b"a", Some(&announced));
            hashes.update(b"bc", Some(&announced));
            assert_eq!(hashes.finish().is(Some(&announced)), right, "{announced:?}");
        };
        check(Digest::Sha256(sha256.into()), true);
        check(Digest::Sha256(sha256.to_uppercase()), true);
        check(Digest::GitBlob(git.into()), true);
        check(Digest::Sha256(sha256.replace('b', "c")), false);
        check(Digest::GitBlob(git.replace('b', "c")), false);
    }
}
