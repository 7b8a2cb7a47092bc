//! Block digests of a part file, stored next to it: the SHA-256 of the file up to the end of each block. They
//! need no second hash, and show which block of a part has changed since it was received, after a power cut
//! or on a bad disk. It does not know the announced digest.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

/// Bytes between two digests.
pub(crate) const BLOCK: u64 = 64 << 20;
const ENDING: &str = "sums";
const HEAD: &str = "whaledeck-sums 1";

pub(crate) struct BlockDigests {
    path: PathBuf,
    /// The first line: version, file size and block size.
    head: String,
    block: u64,
    /// By block: the digest of the file up to the end of the block, in hexadecimal.
    by_block: Vec<String>,
    /// Offsets at which a resumed response began: the bytes on both sides may be of different versions.
    seams: Vec<u64>,
}

impl BlockDigests {
    /// Reads the digests of a part; empty for another file size, block size or version.
    pub fn read(part: &Path, size: u64, block: u64) -> Self {
        let head = format!("{HEAD} {size} {block}");
        let mut digests = Self { path: path_of(part), head, block, by_block: Vec::new(), seams: Vec::new() };
        let text = std::fs::read_to_string(&digests.path).unwrap_or_default();
        let mut lines = text.lines();
        if lines.next() != Some(&digests.head) {
            digests.rewrite();
            return digests;
        }
        for line in lines {
            match line.split_once(' ') {
                Some(("seam", at)) => digests.seams.extend(at.parse::<u64>()),
                // A line truncated by a killed process is dropped.
                None if line.len() == 64 => digests.by_block.push(line.to_owned()),
                _ => break,
            }
        }
        digests
    }

    pub fn block(&self) -> u64 {
        self.block
    }

    /// The first block end after this offset.
    pub fn next_end(&self, at: u64) -> u64 {
        (at / self.block + 1) * self.block
    }

    /// The recorded digest of the file up to this block end.
    pub fn at(&self, end: u64) -> Option<&str> {
        let block = usize::try_from(end / self.block).ok()?.checked_sub(1)?;
        self.by_block.get(block).map(String::as_str)
    }

    /// Records the digest at a block end. Blocks are recorded in order; a known one is replaced.
    pub fn record(&mut self, end: u64, sha256: &str) {
        let block = (end / self.block) as usize - 1;
        if block < self.by_block.len() {
            // The digests after it depend on it.
            self.by_block.truncate(block);
            self.by_block.push(sha256.to_owned());
            self.rewrite();
        } else if block == self.by_block.len() {
            self.by_block.push(sha256.to_owned());
            self.write(&format!("{sha256}\n"), false);
        }
    }

    /// Removes the digests and seams after this offset.
    pub fn cut(&mut self, len: u64) {
        let (blocks, seams) = (self.by_block.len(), self.seams.len());
        self.by_block.truncate((len / self.block) as usize);
        self.seams.retain(|at| *at < len);
        if (blocks, seams) != (self.by_block.len(), self.seams.len()) {
            self.rewrite();
        }
    }

    pub fn seam(&mut self, at: u64) {
        if at > 0 && !self.seams.contains(&at) {
            self.seams.push(at);
            self.write(&format!("seam {at}\n"), false);
        }
    }

    /// Offsets of the blocks that contain a seam.
    pub fn seam_blocks(&self) -> Vec<u64> {
        // A seam at the end of a block belongs to both blocks.
        let of = |at: u64| [at - 1, at].map(|byte| byte / self.block * self.block);
        let mut blocks: Vec<u64> = self.seams.iter().flat_map(|at| of(*at)).collect();
        blocks.sort_unstable();
        blocks.dedup();
        blocks
    }

    pub fn remove(&self) {
        // A remaining file is ignored for another file, or removed with the folder.
        let _ = std::fs::remove_file(&self.path);
    }

    fn rewrite(&self) {
        let seams: String = self.seams.iter().map(|at| format!("seam {at}\n")).collect();
        let by_block: String = self.by_block.iter().map(|sum| format!("{sum}\n")).collect();
        self.write(&format!("{}\n{seams}{by_block}", self.head), true);
    }

    /// Errors are only logged: without block digests a damage is still detected by the file's hash.
    fn write(&self, text: &str, restart: bool) {
        let mut options = File::options();
        let options = if restart { options.write(true).truncate(true) } else { options.append(true) };
        let written =
            options.create(true).open(&self.path).and_then(|mut file| file.write_all(text.as_bytes()));
        if let Err(error) = written {
            tracing::debug!(path = %self.path.display(), %error, "cannot write the block digests of a part");
        }
    }
}

/// Removes a part file and its digests.
pub(crate) fn remove_part(part: &Path) -> std::io::Result<()> {
    store::remove_if_exists(&path_of(part))?;
    store::remove_if_exists(part)
}

fn path_of(part: &Path) -> PathBuf {
    let mut name = part.as_os_str().to_owned();
    name.push(".");
    name.push(ENDING);
    name.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sum(of: char) -> String {
        of.to_string().repeat(64)
    }

    #[test]
    fn they_are_there_again_and_never_for_another_file() {
        let folder = tempfile::tempdir().expect("a folder");
        let part = folder.path().join("a.part");
        let mut digests = BlockDigests::read(&part, 100, 10);
        digests.record(10, &sum('a'));
        digests.seam(14);
        digests.record(20, &sum('b'));
        digests.record(30, &sum('c'));
        let again = BlockDigests::read(&part, 100, 10);
        assert_eq!(
            [10, 20, 30, 40].map(|end| again.at(end).map(str::to_owned)),
            [Some(sum('a')), Some(sum('b')), Some(sum('c')), None]
        );
        assert_eq!(again.seam_blocks(), [10]);

        // After a block is replaced, the digests after it are unknown.
        digests.record(20, &sum('d'));
        let again = BlockDigests::read(&part, 100, 10);
        assert_eq!((again.at(20), again.at(30)), (Some(&*sum('d')), None));
        // A line truncated by a killed process.
        let text = std::fs::read_to_string(folder.path().join("a.part.sums")).expect("it is kept");
        std::fs::write(folder.path().join("a.part.sums"), &text[..text.len() - 5]).expect("written");
        let again = BlockDigests::read(&part, 100, 10);
        assert_eq!((again.at(10), again.at(20)), (Some(&*sum('a')), None));
        assert_eq!(BlockDigests::read(&part, 99, 10).at(10), None);
    }

    #[test]
    fn a_seam_between_two_blocks_is_of_both() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut digests = BlockDigests::read(&folder.path().join("a.part"), 100, 10);
        [0, 25, 40, 41].into_iter().for_each(|at| digests.seam(at));
        assert_eq!(digests.seam_blocks(), [20, 30, 40]);
        digests.cut(40);
        assert_eq!(digests.seam_blocks(), [20]);
    }
}
