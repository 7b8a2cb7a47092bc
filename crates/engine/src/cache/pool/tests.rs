use std::collections::HashSet;

use proptest::prelude::*;

use super::*;
use crate::cache::prefix::root_hash;

/// A sequence of the engine: its tokens, and how many of them are computed.
struct Running {
    pages: Pages,
    tokens: Vec<u32>,
    computed: usize,
}

/// Every page is free, in the tree, or private to one sequence, and every reservation can be met.
fn check(pool: &Pool, running: &[Running]) {
    let mut owned: HashSet<u32> = pool.free.iter().copied().collect();
    let mut count = pool.free.len() + pool.tree.pages();
    owned.extend(pool.tree.by_recency().iter().map(|(_, node)| node.page));
    for sequence in running {
        let shared = |index: usize| sequence.pages.hashes.get(index).and_then(|hash| pool.tree.page(hash));
        for (index, page) in sequence.pages.table.iter().enumerate() {
            if shared(index) != Some(*page) {
                owned.insert(*page);
                count += 1;
            }
        }
    }
    assert_eq!((owned.len(), count), (pool.total, pool.total), "a page is lost or has two owners");
    let reserved: usize = running.iter().map(|sequence| sequence.pages.reserved).sum();
    assert_eq!(reserved, pool.reserved);
    assert!(pool.free.len() + pool.tree.evictable() >= reserved, "a reservation cannot be met");
}

fn admit(pool: &mut Pool, tokens: &[u32], pages: usize) -> Option<Running> {
    let found = pool.tree.lookup(root_hash(b""), &tokens[..tokens.len() - 1]);
    let (mut pages, partial) = pool.reserve(root_hash(b""), found, pages)?;
    let mut computed = pages.table.len() * PAGE_TOKENS;
    if let Some(block) = partial {
        let copy = pool.alloc_copy(&mut pages, &block);
        assert!(!pool.tree.by_recency().iter().any(|(_, node)| node.page == copy), "the copy is private");
        computed += block.tokens;
    }
    Some(Running { pages, tokens: tokens.to_vec(), computed })
}

#[test]
fn a_second_turn_reuses_the_first_and_copies_its_last_page() {
    let mut pool = Pool::new(8);
    let tokens: Vec<u32> = (0..200).collect();
    let mut first = admit(&mut pool, &tokens, 4).expect("there is room");
    pool.alloc(&mut first.pages, 200);
    pool.release(first.pages, &tokens);
    assert_eq!((pool.used(), pool.cached()), (0, 4));
    let longer: Vec<u32> = (0..230).collect();
    let second = admit(&mut pool, &longer, 5).expect("there is room");
    assert_eq!((second.computed, &second.pages.table[..3]), (200, [0, 1, 2].as_slice()));
    assert_ne!(second.pages.table[3], 3);
    assert!(admit(&mut pool, &[7; 10], 5).is_none(), "3 referenced, 2 reserved, 3 available");
}

proptest! {
    #[test]
    fn reservations_are_met_whatever_comes(
        acts in proptest::collection::vec((0u8..4, 0u32..3, 0u32..3, 2usize..300, any::<usize>()), 1..80),
    ) {
        let mut pool = Pool::new(12);
        let mut running: Vec<Running> = Vec::new();
        for (act, a, b, length, which) in acts {
            let tokens: Vec<u32> = (0..length as u32).map(|i| if i < 100 { a } else { 10 + b }).collect();
            match act {
                0 | 1 => running.extend(admit(&mut pool, &tokens, length.div_ceil(PAGE_TOKENS))),
                2 if !running.is_empty() => {
                    let at = which % running.len();
                    let sequence = &mut running[at];
                    sequence.computed = (sequence.computed + length / 2).min(sequence.tokens.len());
                    pool.alloc(&mut sequence.pages, sequence.computed);
                    pool.publish(&mut sequence.pages, &sequence.tokens[..sequence.computed]);
                }
                3 if !running.is_empty() => {
                    let sequence = running.swap_remove(which % running.len());
                    pool.release(sequence.pages, &sequence.tokens[..sequence.computed]);
                }
                _ => {}
            }
            check(&pool, &running);
        }
        running.drain(..).for_each(|sequence| pool.release(sequence.pages, &[]));
        prop_assert_eq!(pool.used(), 0);
        pool.evict_all();
        prop_assert_eq!(pool.free.len(), 12);
    }
}
