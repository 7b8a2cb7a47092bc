//! The prefix cache on disk, so that a conversation continues after an unload or a restart without a new
//! prefill.
//!
//! The file's header has a hash of the model and the cache layout, and every record a checksum over itself
//! and all records before it. A file of another model is not used; a damaged file is discarded as a whole. A
//! page is opaque bytes.
use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Write};
use std::path::PathBuf;

use models::{KvPages, PAGE_TOKENS};
use sha2::{Digest, Sha256};
use store::{Access, AtomicFile};

use super::pool::Pool;
use super::prefix::{BlockHash, InsertOutcome};

const MAGIC: &[u8; 8] = b"WHALEKV\0";
/// Incremented when the meaning of a byte changes, in the file or in a page.
const VERSION: u32 = 1;
/// Magic, version, fingerprint, number of records.
const HEADER: usize = 8 + 4 + 32 + 8;
/// Bytes of a SHA-256.
const CHECKSUM: usize = 32;
/// Parent hash, whether it is a first block, number of tokens, tokens.
const RECORD_HEADER: usize = 32 + 1 + 1 + PAGE_TOKENS * 4;

/// Where the prefix cache is saved while no engine runs.
#[derive(Debug, Clone)]
pub struct Spill {
    pub file: PathBuf,
    /// Identifies the weights; pages of another model are never read.
    pub model_hash: [u8; 32],
    /// Largest size of the file. The most recently used pages are saved.
    pub max_bytes: u64,
}

/// Why saved pages were not read, or not written.
#[derive(Debug, thiserror::Error)]
pub enum SpillError {
    #[error("access the saved prefix cache: {0}")]
    Io(#[from] std::io::Error),
    #[error("read the saved prefix cache: the file has another format")]
    Format,
    #[error("read the saved prefix cache: version {found} is not supported, only {VERSION}")]
    Version { found: u32 },
    #[error("read the saved prefix cache: it belongs to another model or cache layout")]
    OtherModel,
    #[error("read the saved prefix cache: the file is damaged at page {record}")]
    Damaged { record: u64 },
    #[error("copy pages of the prefix cache: {0}")]
    Cache(String),
}

/// A hash of the model and of everything that determines the bytes of a page, such as whether its MTP layer
/// is filled.
fn fingerprint(spill: &Spill, kv: &KvPages, mtp: bool) -> BlockHash {
    let mut hash = Sha256::new_with_prefix(spill.model_hash);
    hash.update(format!("{:?} {:?} {} mtp {mtp}", kv.shape(), kv.dtype(), kv.page_bytes()));
    hash.finalize().into()
}

/// Writes a temporary file and renames it into place. Returns how many pages were written, or `None` when
/// `should_continue` returned false.
///
/// # Errors
/// When the file cannot be written or a page cannot be read. The previous file is unchanged then.
pub fn save(
    spill: &Spill,
    pool: &Pool,
    kv: &KvPages,
    mtp: bool,
    should_continue: &mut dyn FnMut() -> bool,
) -> Result<Option<u64>, SpillError> {
    let record = (RECORD_HEADER + kv.page_bytes() + CHECKSUM) as u64;
    let blocks = pool.tree.unsalted();
    let count =
        (spill.max_bytes.saturating_sub((HEADER + CHECKSUM) as u64) / record).min(blocks.len() as u64);
    if let Some(folder) = spill.file.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let temporary = spill.file.with_extension("part");
    let mut out = BufWriter::new(AtomicFile::at(&temporary, &spill.file, Access::Umask)?);
    let mut header = Vec::with_capacity(HEADER);
    header.extend_from_slice(MAGIC);
    header.extend_from_slice(&VERSION.to_le_bytes());
    header.extend_from_slice(&fingerprint(spill, kv, mtp));
    header.extend_from_slice(&count.to_le_bytes());
    out.write_all(&header)?;
    let mut checksum: BlockHash = Sha256::digest(&header).into();
    out.write_all(&checksum)?;
    for (_, node) in blocks.into_iter().take(count as usize) {
        if !should_continue() {
            return Ok(None);
        }
        let mut bytes = Vec::with_capacity(record as usize);
        bytes.extend_from_slice(&node.parent);
        bytes.push(u8::from(!pool.tree.contains(&node.parent)));
        bytes.push(node.tokens.len() as u8);
        node.tokens.iter().for_each(|token| bytes.extend_from_slice(&token.to_le_bytes()));
        bytes.resize(RECORD_HEADER, 0);
        bytes.extend(kv.read_page(node.page).map_err(|error| SpillError::Cache(error.to_string()))?);
        checksum = Sha256::new_with_prefix(checksum).chain_update(&bytes).finalize().into();
        out.write_all(&bytes)?;
        out.write_all(&checksum)?;
    }
    out.into_inner().map_err(std::io::IntoInnerError::into_error)?.commit()?;
    Ok(Some(count))
}

/// Reads a saved prefix cache into an empty pool. Returns the number of restored pages, 0 when there is no
/// file.
///
/// # Errors
/// When the file cannot be used. The pool is empty again then, and the file is unchanged.
pub fn restore(spill: &Spill, pool: &mut Pool, kv: &mut KvPages, mtp: bool) -> Result<u64, SpillError> {
    let file = match File::open(&spill.file) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(0),
        Err(error) => return Err(error.into()),
    };
    let read = read(&mut BufReader::new(file), &fingerprint(spill, kv, mtp), pool, kv);
    if read.is_err() {
        pool.evict_all();
    }
    read
}

fn read(
    input: &mut dyn Read,
    fingerprint: &BlockHash,
    pool: &mut Pool,
    kv: &mut KvPages,
) -> Result<u64, SpillError> {
    let mut header = [0; HEADER];
    input.read_exact(&mut header).map_err(|_| SpillError::Format)?;
    if &header[..8] != MAGIC {
        return Err(SpillError::Format);
    }
    let found = u32::from_le_bytes(header[8..12].try_into().expect("four bytes"));
    if found != VERSION {
        return Err(SpillError::Version { found });
    }
    let mut checksum: BlockHash = Sha256::digest(header).into();
    let mut stored = [0; CHECKSUM];
    input.read_exact(&mut stored).map_err(|_| SpillError::Format)?;
    if stored != checksum {
        return Err(SpillError::Damaged { record: 0 });
    }
    if header[12..44] != fingerprint[..] {
        return Err(SpillError::OtherModel);
    }
    let count = u64::from_le_bytes(header[44..52].try_into().expect("eight bytes"));
    let mut bytes = vec![0; RECORD_HEADER + kv.page_bytes()];
    let mut restored: Vec<(BlockHash, bool)> = Vec::new();
    let end = loop {
        // The pool may be smaller than the saved one: the most recently used pages come first in the file.
        let record = restored.len() as u64;
        let Some(page) = (record < count).then(|| pool.alloc_unreserved()).flatten() else {
            break Ok(record);
        };
        let complete = input.read_exact(&mut bytes).and_then(|()| input.read_exact(&mut stored));
        checksum = Sha256::new_with_prefix(checksum).chain_update(&bytes).finalize().into();
        let valid = complete.is_ok() && stored == checksum;
        let block = if valid { insert_record(&bytes, page, pool) } else { None };
        let Some(block) = block else {
            pool.free(vec![page]);
            break Err(SpillError::Damaged { record: record + 1 });
        };
        restored.push(block);
        if let Err(error) = kv.restore_page(page, &bytes[RECORD_HEADER..]) {
            break Err(SpillError::Cache(error.to_string()));
        }
    };
    for (hash, referenced) in restored.into_iter().rev() {
        // In reverse, so that the first record becomes the most recently used again.
        pool.tree.acquire(&[hash]);
        pool.tree.release(&[hash]);
        if referenced {
            pool.tree.release(&[hash]);
        }
    }
    end
}

/// Inserts one record into the tree. Returns its hash and whether the tree counts a reference for it; `None`
/// when the record contradicts the tree.
fn insert_record(bytes: &[u8], page: u32, pool: &mut Pool) -> Option<(BlockHash, bool)> {
    let parent: BlockHash = bytes[..32].try_into().expect("32 bytes");
    let (first, count) = (bytes[32] == 1, usize::from(bytes[33]));
    let ids = bytes[34..RECORD_HEADER].as_chunks::<4>().0.iter();
    let tokens: Vec<u32> = ids.map(|bytes| u32::from_le_bytes(*bytes)).collect();
    let tokens = tokens.get(..count).filter(|tokens| !tokens.is_empty())?;
    let is_new = pool.tree.lookup(parent, tokens).tokens() < tokens.len();
    if first == pool.tree.contains(&parent) || !is_new {
        return None;
    }
    match pool.tree.insert(parent, tokens, page) {
        (hash, InsertOutcome::Inserted { replaced: None }) => Some((hash, count == PAGE_TOKENS)),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
