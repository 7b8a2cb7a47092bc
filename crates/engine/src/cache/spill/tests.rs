use models::{CacheDtype, CacheKind, CacheShape, Place};

use super::*;
use crate::cache::prefix::root_hash;

fn cache(layers: usize, pages: usize) -> KvPages {
    let shape = CacheShape { kind: CacheKind::Latent { latent: 128, rope: 4 }, layers };
    KvPages::new(shape, pages, CacheDtype::F32, &Place::Host).expect("a small cache")
}

fn spill(folder: &tempfile::TempDir) -> Spill {
    Spill { file: folder.path().join("kept/pages"), model_hash: [7; 32], max_bytes: 1 << 30 }
}

/// Two conversations with one beginning, 300 tokens and 200 tokens, the second used last.
fn filled() -> (Pool, KvPages, [Vec<u32>; 2]) {
    let (mut pool, mut kv) = (Pool::new(10), cache(2, 10));
    for page in 0..10 {
        kv.restore_page(page, &vec![page as u8 + 1; kv.page_bytes()]).expect("it fits");
    }
    let talk = |last: u32, count: u32| (0..count).map(|i| if i < 100 { i } else { i * last }).collect();
    let talks: [Vec<u32>; 2] = [talk(3, 300), talk(5, 200)];
    for tokens in &talks {
        let found = pool.tree.lookup(root_hash(b""), tokens);
        let (mut pages, _) =
            pool.reserve(root_hash(b""), found, tokens.len().div_ceil(64)).expect("there is room");
        pool.alloc(&mut pages, tokens.len());
        pool.release(pages, tokens);
    }
    (pool, kv, talks)
}

fn found(pool: &Pool, tokens: &[u32]) -> usize {
    pool.tree.lookup(root_hash(b""), tokens).tokens()
}

#[test]
fn what_was_saved_comes_back_with_its_bytes() {
    let folder = tempfile::tempdir().expect("a folder");
    let (pool, kv, talks) = filled();
    assert_eq!(save(&spill(&folder), &pool, &kv, false, &mut || true).expect("it saves"), Some(8));
    let (mut fresh, mut other) = (Pool::new(20), cache(2, 20));
    assert_eq!(restore(&spill(&folder), &mut fresh, &mut other, false).expect("it reads"), 8);
    assert_eq!((fresh.used(), fresh.cached()), (0, 8));
    for tokens in &talks {
        assert_eq!(found(&fresh, tokens), tokens.len());
        let (before, after) =
            (pool.tree.lookup(root_hash(b""), tokens), fresh.tree.lookup(root_hash(b""), tokens));
        let partial = before.partial.iter().zip(&after.partial).map(|(a, b)| (a.page, b.page));
        for (a, b) in before.pages.iter().copied().zip(after.pages.iter().copied()).chain(partial) {
            assert_eq!(kv.read_page(a).expect("there"), other.read_page(b).expect("there"));
        }
    }
}

#[test]
fn fewer_pages_and_fewer_bytes_keep_what_was_used_last() {
    let folder = tempfile::tempdir().expect("a folder");
    let (pool, kv, [old, recent]) = filled();
    let record = (RECORD_HEADER + kv.page_bytes() + 32) as u64;
    let bounded = Spill { max_bytes: 84 + 4 * record, ..spill(&folder) };
    assert_eq!(save(&bounded, &pool, &kv, false, &mut || true).expect("it saves"), Some(4));
    assert!(std::fs::metadata(&bounded.file).expect("it is there").len() <= bounded.max_bytes);
    let (mut fresh, mut other) = (Pool::new(3), cache(2, 3));
    assert_eq!(restore(&bounded, &mut fresh, &mut other, false).expect("it reads"), 3);
    assert_eq!((found(&fresh, &recent), found(&fresh, &old)), (192, 100));
    // What was used last is evicted last.
    fresh.tree.evict();
    assert_eq!(found(&fresh, &recent), 128);
}

#[test]
fn damaged_foreign_and_other_files_are_left_alone_with_a_reason() {
    let folder = tempfile::tempdir().expect("a folder");
    let (pool, kv, _) = filled();
    let spill = spill(&folder);
    let read = |spill: &Spill, layers| {
        let (mut pool, mut kv) = (Pool::new(20), cache(layers, 20));
        let restored = restore(spill, &mut pool, &mut kv, false);
        assert!(restored.is_ok() || pool.tree.pages() == 0 && pool.used() == 0);
        pool.evict_all();
        assert_eq!(pool.used() + pool.cached(), 0, "no page is lost");
        restored
    };
    assert_eq!(read(&spill, 2).expect("no file is no error"), 0);
    save(&spill, &pool, &kv, false, &mut || true).expect("it saves");
    assert!(matches!(read(&Spill { model_hash: [8; 32], ..spill.clone() }, 2), Err(SpillError::OtherModel)));
    assert!(matches!(read(&spill, 3), Err(SpillError::OtherModel)));
    let (mut fresh, mut other) = (Pool::new(20), cache(2, 20));
    let with_mtp = restore(&spill, &mut fresh, &mut other, true);
    assert!(matches!(with_mtp, Err(SpillError::OtherModel)));

    let whole = std::fs::read(&spill.file).expect("it is there");
    let record = RECORD_HEADER + kv.page_bytes() + 32;
    let check = |bytes: &[u8], expect: &str| {
        std::fs::write(&spill.file, bytes).expect("it writes");
        assert_eq!(
            read(&spill, 2).expect_err("it is refused").to_string(),
            format!("read the saved prefix cache: {expect}")
        );
    };
    let flipped = |at: usize| {
        let mut bytes = whole.clone();
        bytes[at] ^= 1;
        bytes
    };
    check(b"short", "the file has another format");
    check(&flipped(0), "the file has another format");
    check(&flipped(8), "version 0 is not supported, only 1");
    check(&flipped(20), "the file is damaged at page 0");
    check(&flipped(84), "the file is damaged at page 1");
    check(&flipped(84 + record + RECORD_HEADER + 5), "the file is damaged at page 2");
    check(&whole[..whole.len() - 1], "the file is damaged at page 8");
    let mut swapped = whole.clone();
    swapped[84..84 + 2 * record].rotate_left(record);
    check(&swapped, "the file is damaged at page 1");
}

#[test]
fn a_save_that_is_interrupted_leaves_what_was_there() {
    let folder = tempfile::tempdir().expect("a folder");
    let (pool, kv, _) = filled();
    let spill = spill(&folder);
    save(&spill, &pool, &kv, false, &mut || true).expect("it saves");
    let before = std::fs::read(&spill.file).expect("it is there");
    let mut left = 3;
    let stopped = save(&spill, &pool, &kv, false, &mut || {
        left -= 1;
        left > 0
    });
    assert_eq!(stopped.expect("no error"), None);
    assert_eq!(std::fs::read(&spill.file).expect("it is there"), before);
    assert_eq!(std::fs::read_dir(folder.path().join("kept")).expect("a folder").count(), 1);
}

#[test]
fn what_has_a_salt_is_not_written() {
    let folder = tempfile::tempdir().expect("a folder");
    let (mut pool, mut kv) = (Pool::new(20), cache(2, 20));
    for page in 0..20 {
        kv.restore_page(page, &vec![page as u8 + 1; kv.page_bytes()]).expect("it fits");
    }
    let tokens: Vec<u32> = (0..300).collect();
    for salt in [&b""[..], b"temporary-1"] {
        let root = root_hash(salt);
        let found = pool.tree.lookup(root, &tokens);
        assert_eq!(found.tokens(), 0, "salts share nothing");
        let (mut pages, _) = pool.reserve(root, found, 5).expect("there is room");
        pool.alloc(&mut pages, tokens.len());
        pool.release(pages, &tokens);
        assert_eq!(pool.tree.lookup(root, &tokens).tokens(), 300, "both are kept in memory");
    }
    assert_eq!(save(&spill(&folder), &pool, &kv, false, &mut || true).expect("it saves"), Some(5));
    let (mut fresh, mut other) = (Pool::new(20), cache(2, 20));
    restore(&spill(&folder), &mut fresh, &mut other, false).expect("it reads");
    assert_eq!(found(&fresh, &tokens), 300);
    assert_eq!(fresh.tree.lookup(root_hash(b"temporary-1"), &tokens).tokens(), 0);
}
