//! What arrived of an unfinished file, as digests beside its part: the SHA-256 of everything up to each block's end. They
//! cost no second hash, and tell which block of a part is no longer what arrived, after a power cut or on a bad disk.
//! It does not know what the source announced.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

/// Bytes between two digests.
pub(crate) const BLOCK: u64 = 64 << 20;
const ENDING: &str = "sums";
const HEAD: &str = "whaledeck-sums 1";

pub(crate) struct Sums {
    path: PathBuf,
    /// The first line: of which file, in which version.
    head: String,
    block: u64,
    /// By block: of the file from its first byte to the end of the block, in hexadecimal.
    upto: Vec<String>,
    /// Where an answer of the source began in the middle of the file, so that the bytes on both sides may not fit.
    seams: Vec<u64>,
}

impl Sums {
    /// Those beside this part; of another file, another block size or another version they count as none.
    pub fn beside(part: &Path, size: u64, block: u64) -> Self {
        let mut name = part.as_os_str().to_owned();
        name.push(".");
        name.push(ENDING);
        let head = format!("{HEAD} {size} {block}");
        let mut sums = Self { path: name.into(), head, block, upto: Vec::new(), seams: Vec::new() };
        let text = std::fs::read_to_string(&sums.path).unwrap_or_default();
        let mut lines = text.lines();
        if lines.next() != Some(&sums.head) {
            sums.rewrite();
            return sums;
        }
        for line in lines {
            match line.split_once(' ') {
                Some(("seam", at)) => sums.seams.extend(at.parse::<u64>()),
                // A line that was cut by the end of its process is of no use.
                None if line.len() == 64 => sums.upto.push(line.to_owned()),
                _ => break,
            }
        }
        sums
    }

    pub fn block(&self) -> u64 {
        self.block
    }

    /// The first block end after this place.
    pub fn next_end(&self, at: u64) -> u64 {
        (at / self.block + 1) * self.block
    }

    /// What was at the end of the block that ends here when it arrived.
    pub fn at(&self, end: u64) -> Option<&str> {
        let block = usize::try_from(end / self.block).ok()?.checked_sub(1)?;
        self.upto.get(block).map(String::as_str)
    }

    /// Everything up to here has arrived. Blocks come in their order; one that is known already is replaced.
    pub fn arrived(&mut self, end: u64, sha256: &str) {
        let block = (end / self.block) as usize - 1;
        if block < self.upto.len() {
            // What was behind it depends on it.
            self.upto.truncate(block);
            self.upto.push(sha256.to_owned());
            self.rewrite();
        } else if block == self.upto.len() {
            self.upto.push(sha256.to_owned());
            self.write(&format!("{sha256}\n"), false);
        }
    }

    /// Forgets what is behind this place.
    pub fn cut(&mut self, len: u64) {
        let (blocks, seams) = (self.upto.len(), self.seams.len());
        self.upto.truncate((len / self.block) as usize);
        self.seams.retain(|at| *at < len);
        if (blocks, seams) != (self.upto.len(), self.seams.len()) {
            self.rewrite();
        }
    }

    pub fn seam(&mut self, at: u64) {
        if at > 0 && !self.seams.contains(&at) {
            self.seams.push(at);
            self.write(&format!("seam {at}\n"), false);
        }
    }

    /// First bytes of the blocks in which two answers meet.
    pub fn doubtful(&self) -> Vec<u64> {
        // A seam at the very end of a block is one of both.
        let of = |at: u64| [at - 1, at].map(|byte| byte / self.block * self.block);
        let mut blocks: Vec<u64> = self.seams.iter().flat_map(|at| of(*at)).collect();
        blocks.sort_unstable();
        blocks.dedup();
        blocks
    }

    pub fn remove(&self) {
        // One that stays is found to be of another file, or goes with the folder.
        let _ = std::fs::remove_file(&self.path);
    }

    fn rewrite(&self) {
        let seams: String = self.seams.iter().map(|at| format!("seam {at}\n")).collect();
        let upto: String = self.upto.iter().map(|sum| format!("{sum}\n")).collect();
        self.write(&format!("{}\n{seams}{upto}", self.head), true);
    }

    /// They are a help and no more: without them a damage is still found, later.
    fn write(&self, text: &str, anew: bool) {
        let mut options = File::options();
        let options = if anew { options.write(true).truncate(true) } else { options.append(true) };
        let written =
            options.create(true).open(&self.path).and_then(|mut file| file.write_all(text.as_bytes()));
        if let Err(error) = written {
            tracing::debug!(path = %self.path.display(), %error, "digests of a part are not kept");
        }
    }
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
        let mut sums = Sums::beside(&part, 100, 10);
        sums.arrived(10, &sum('a'));
        sums.seam(14);
        sums.arrived(20, &sum('b'));
        sums.arrived(30, &sum('c'));
        let again = Sums::beside(&part, 100, 10);
        assert_eq!(
            [10, 20, 30, 40].map(|end| again.at(end).map(str::to_owned)),
            [Some(sum('a')), Some(sum('b')), Some(sum('c')), None]
        );
        assert_eq!(again.doubtful(), [10]);

        // A block that is fetched again: those behind it are not known any more.
        sums.arrived(20, &sum('d'));
        let again = Sums::beside(&part, 100, 10);
        assert_eq!((again.at(20), again.at(30)), (Some(&*sum('d')), None));
        // The end of a process in the middle of a line.
        let text = std::fs::read_to_string(folder.path().join("a.part.sums")).expect("it is kept");
        std::fs::write(folder.path().join("a.part.sums"), &text[..text.len() - 5]).expect("written");
        let again = Sums::beside(&part, 100, 10);
        assert_eq!((again.at(10), again.at(20)), (Some(&*sum('a')), None));
        assert_eq!(Sums::beside(&part, 99, 10).at(10), None);
    }

    #[test]
    fn a_seam_between_two_blocks_is_of_both() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut sums = Sums::beside(&folder.path().join("a.part"), 100, 10);
        [0, 25, 40, 41].into_iter().for_each(|at| sums.seam(at));
        assert_eq!(sums.doubtful(), [20, 30, 40]);
        sums.cut(40);
        assert_eq!(sums.doubtful(), [20]);
    }
}
