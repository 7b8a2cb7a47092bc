use proptest::prelude::*;

use super::*;

const PAGE: usize = PAGE_TOKENS;

fn block(first: u32) -> Vec<u32> {
    (first..first + PAGE as u32).collect()
}

#[test]
fn beginnings_are_found_as_far_as_they_are_equal() {
    let mut tree = PrefixTree::default();
    let top = root_hash(b"");
    let (first, _) = tree.insert(top, &block(0), 5);
    let (second, _) = tree.insert(first, &block(100), 6);
    let (third, outcome) = tree.insert(second, &[1, 2, 3], 7);
    assert_eq!(outcome, InsertOutcome::Inserted { replaced: None });
    let check = |tokens: &[u32], pages: &[u32], partial: Option<(u32, usize)>| {
        let found = tree.lookup(top, tokens);
        assert_eq!(found.pages, pages);
        assert_eq!(found.partial.map(|block| (block.page, block.tokens)), partial);
    };
    check(&[], &[], None);
    check(&[0, 1, 9], &[], Some((5, 2)));
    check(&[9], &[], None);
    check(&block(0), &[5], None);
    check(&[block(0), vec![100]].concat(), &[5], Some((6, 1)));
    check(&[block(0), block(100), vec![1, 2, 9]].concat(), &[5, 6], Some((7, 2)));
    assert_eq!(tree.lookup(root_hash(b"other"), &block(0)), PrefixMatch::default());
    assert_eq!(tree.page(&third), Some(7));
}

#[test]
fn a_cut_shares_less_and_copies_the_block_it_falls_in() {
    let mut tree = PrefixTree::default();
    let top = root_hash(b"");
    let (first, _) = tree.insert(top, &block(0), 5);
    let (second, _) = tree.insert(first, &block(100), 6);
    tree.insert(second, &[1, 2, 3], 7);
    let check = |limit: usize, pages: &[u32], partial: Option<(u32, usize)>| {
        let mut found = tree.lookup(top, &[block(0), block(100), vec![1, 2, 3]].concat());
        found.truncate(limit);
        assert_eq!(found.pages, pages);
        assert_eq!(found.partial.map(|block| (block.page, block.tokens)), partial);
    };
    check(200, &[5, 6], Some((7, 3)));
    check(130, &[5, 6], Some((7, 2)));
    check(128, &[5, 6], None);
    check(127, &[5], Some((6, 63)));
    check(64, &[5], None);
    check(1, &[], Some((5, 1)));
    check(0, &[], None);
}

#[test]
fn a_longer_block_replaces_the_shorter_one_it_begins_with() {
    let mut tree = PrefixTree::default();
    let top = root_hash(b"");
    tree.insert(top, &[1, 2], 0);
    assert_eq!(tree.insert(top, &[1], 1).1, InsertOutcome::Present);
    assert_eq!(tree.insert(top, &[1, 2, 3], 2).1, InsertOutcome::Inserted { replaced: Some(0) });
    assert_eq!(tree.insert(top, &[1, 9], 3).1, InsertOutcome::Inserted { replaced: None });
    assert_eq!((tree.pages(), tree.evictable()), (2, 2));
}

#[test]
fn the_least_recently_wanted_leaf_goes_first_and_a_held_one_never() {
    let mut tree = PrefixTree::default();
    let top = root_hash(b"");
    let (a, _) = tree.insert(top, &block(0), 0);
    let (b, _) = tree.insert(a, &block(100), 1);
    let (c, _) = tree.insert(top, &block(200), 2);
    assert_eq!(tree.evict(), None);
    tree.release(&[c, b, a]);
    tree.acquire(&[a]);
    assert_eq!((tree.evictable(), tree.evict(), tree.evict(), tree.evict()), (2, Some(1), Some(2), None));
    tree.release(&[a]);
    assert_eq!((tree.evict(), tree.pages()), (Some(0), 0));
}

/// The same behaviour by searching lists.
#[derive(Default)]
struct Naive {
    /// (all tokens up to the end of the block, page, references)
    blocks: Vec<(Vec<u32>, u32, usize)>,
}

impl Naive {
    fn longest(&self, tokens: &[u32]) -> usize {
        let common = |block: &Vec<u32>| super::common_prefix(block, tokens);
        self.blocks.iter().map(|(block, ..)| common(block)).max().unwrap_or(0)
    }
}

#[derive(Debug, Clone)]
enum Act {
    /// Inserts and references the blocks of a sequence that is made from two choices.
    Insert(u8, u8, usize),
    Release(usize),
    Evict,
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let act = prop_oneof![
        3 => (0u8..3, 0u8..4, 1usize..200).prop_map(|(a, b, len)| Act::Insert(a, b, len)),
        2 => any::<usize>().prop_map(Act::Release),
        1 => Just(Act::Evict),
    ];
    proptest::collection::vec(act, 1..60)
}

fn sequence(a: u8, b: u8, length: usize) -> Vec<u32> {
    // The two parts meet inside a block, so that sequences differ in the middle of one.
    (0..length as u32).map(|i| if i < 90 { u32::from(a) } else { 10 + u32::from(b) }).collect()
}

proptest! {
    #[test]
    fn no_page_is_lost_or_owned_twice_and_the_longest_beginning_is_found(acts in acts()) {
        let (mut tree, mut naive, top) = (PrefixTree::default(), Naive::default(), root_hash(b"x"));
        let (mut next_page, mut held) = (0, Vec::<(Vec<BlockHash>, Vec<u32>)>::new());
        for act in acts {
            match act {
                Act::Insert(a, b, length) => {
                    let tokens = sequence(a, b, length);
                    prop_assert_eq!(tree.lookup(top, &tokens).tokens(), naive.longest(&tokens));
                    let (mut parent, mut hashes) = (top, Vec::new());
                    for (index, chunk) in tokens.chunks(PAGE).enumerate() {
                        let all = tokens[..index * PAGE + chunk.len()].to_vec();
                        let (hash, outcome) = tree.insert(parent, chunk, next_page);
                        if let InsertOutcome::Inserted { replaced } = outcome {
                            naive.blocks.retain(|(_, page, _)| Some(*page) != replaced);
                            naive.blocks.push((all.clone(), next_page, 0));
                            next_page += 1;
                        }
                        if chunk.len() == PAGE {
                            hashes.push(hash);
                            let block = naive.blocks.iter_mut().find(|(tokens, ..)| *tokens == all);
                            block.expect("it is in").2 += 1;
                        }
                        parent = hash;
                    }
                    held.push((hashes, tokens));
                }
                Act::Release(which) if !held.is_empty() => {
                    let (hashes, tokens) = held.swap_remove(which % held.len());
                    tree.release(&hashes);
                    let full = (1..=hashes.len()).map(|count| &tokens[..count * PAGE]);
                    for all in full {
                        naive.blocks.iter_mut().find(|(tokens, ..)| tokens == all).expect("held").2 -= 1;
                    }
                }
                Act::Release(_) => {}
                Act::Evict => match tree.evict() {
                    Some(page) => {
                        let at = naive.blocks.iter().position(|(_, other, _)| *other == page);
                        let at = at.expect("it was inserted");
                        let (tokens, _, references) = naive.blocks.swap_remove(at);
                        prop_assert_eq!(references, 0);
                        let has_child = naive.blocks.iter().any(|(other, ..)| {
                            let is_full = tokens.len() % PAGE == 0;
                            other.len() > tokens.len() && is_full && other.starts_with(&tokens)
                        });
                        prop_assert!(!has_child, "a block with a child was evicted");
                    }
                    None => prop_assert!(naive.blocks.iter().all(|(.., references)| *references > 0)),
                },
            }
            prop_assert_eq!(tree.pages(), naive.blocks.len());
            let unreferenced = naive.blocks.iter().filter(|(.., references)| *references == 0).count();
            prop_assert_eq!(tree.evictable(), unreferenced);
            for (all, page, _) in &naive.blocks {
                let found = tree.lookup(top, all);
                let partial = found.partial.map(|block| block.page);
                let last = if all.len() % PAGE == 0 { found.pages.last().copied() } else { partial };
                prop_assert_eq!(last, Some(*page));
            }
        }
        // Any beginning of the list can be restored alone: every block comes after its parent.
        let mut seen = vec![top];
        for (hash, node) in tree.by_recency() {
            prop_assert!(seen.contains(&node.parent));
            seen.push(*hash);
        }
    }
}
