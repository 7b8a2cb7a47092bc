//! The prefix cache: a tree of computed blocks of 64 tokens. A block's hash covers its tokens and all before
//! them, so turns, branches and sequences that begin with the same tokens share pages.
//!
//! A block that is not full is a leaf that is copied, never shared. Knows page numbers, not their contents.
use std::collections::{BTreeSet, HashMap, HashSet};

use models::PAGE_TOKENS;
use sha2::{Digest, Sha256};

/// Identifies a block together with all blocks before it.
pub type BlockHash = [u8; 32];

/// The parent of first blocks. Requests that must not share pages have different salts.
pub fn root_hash(salt: &[u8]) -> BlockHash {
    Sha256::digest(salt).into()
}

/// The hash of the block `tokens` after `parent`.
pub fn block_hash(parent: &BlockHash, tokens: &[u32]) -> BlockHash {
    let mut hash = Sha256::new_with_prefix(parent);
    tokens.iter().for_each(|token| hash.update(token.to_le_bytes()));
    hash.finalize().into()
}

#[derive(Debug)]
pub struct Node {
    pub parent: BlockHash,
    pub tokens: Box<[u32]>,
    pub page: u32,
    /// Sequences that use this block or one of its descendants.
    ref_count: usize,
    /// The tree's clock when it was last acquired.
    last_used: u64,
}

/// The longest cached prefix of a prompt.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct PrefixMatch {
    /// Full blocks from the beginning.
    pub hashes: Vec<BlockHash>,
    pub pages: Vec<u32>,
    /// The next block, when its first tokens match.
    pub partial: Option<PartialBlock>,
}

/// A block of which only the first `tokens` match. Its page must be copied before anything is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PartialBlock {
    pub hash: BlockHash,
    pub page: u32,
    pub tokens: usize,
}

impl PrefixMatch {
    pub fn tokens(&self) -> usize {
        self.hashes.len() * PAGE_TOKENS + self.partial.map_or(0, |block| block.tokens)
    }

    /// Keeps at most `tokens` tokens. A full block that is cut becomes the partial one.
    pub fn truncate(&mut self, tokens: usize) {
        let (full, rest) = (tokens / PAGE_TOKENS, tokens % PAGE_TOKENS);
        if let (Some(&hash), Some(&page)) = (self.hashes.get(full), self.pages.get(full)) {
            self.partial = Some(PartialBlock { hash, page, tokens: rest });
            self.hashes.truncate(full);
            self.pages.truncate(full);
        } else if let Some(block) = &mut self.partial {
            block.tokens = block.tokens.min(tokens.saturating_sub(self.hashes.len() * PAGE_TOKENS));
        }
        self.partial = self.partial.filter(|block| block.tokens > 0);
    }
}

/// What [`PrefixTree::insert`] did with the page.
#[derive(Debug, PartialEq, Eq)]
pub enum InsertOutcome {
    /// The tree owns the page now and gives up the page that it replaces.
    Inserted { replaced: Option<u32> },
    /// The same tokens are in the tree already; the page stays with the caller.
    Present,
}

/// Every page is in the tree at most once.
#[derive(Debug, Default)]
pub struct PrefixTree {
    nodes: HashMap<BlockHash, Node>,
    children: HashMap<BlockHash, Vec<BlockHash>>,
    /// Leaves without references, least recently used first.
    lru: BTreeSet<(u64, BlockHash)>,
    /// Nodes without references. All of them are evictable, leaf after leaf.
    unreferenced: usize,
    clock: u64,
}

impl PrefixTree {
    pub fn lookup(&self, root: BlockHash, tokens: &[u32]) -> PrefixMatch {
        let mut found = PrefixMatch::default();
        let (mut parent, mut rest) = (root, tokens);
        while let Some((block, after)) = rest.split_at_checked(PAGE_TOKENS) {
            let hash = block_hash(&parent, block);
            let Some(node) = self.nodes.get(&hash) else { break };
            found.hashes.push(hash);
            found.pages.push(node.page);
            (parent, rest) = (hash, after);
        }
        let partial = self.children.get(&parent).into_iter().flatten().map(|hash| {
            let node = &self.nodes[hash];
            PartialBlock { hash: *hash, page: node.page, tokens: common_prefix(&node.tokens, rest) }
        });
        found.partial = partial.max_by_key(|block| block.tokens).filter(|block| block.tokens > 0);
        found
    }

    /// Adds a reference to each block, which protects it from eviction until it is released.
    pub fn acquire(&mut self, hashes: &[BlockHash]) {
        self.clock += 1;
        for hash in hashes {
            let clock = self.clock;
            self.update(hash, |node| (node.ref_count, node.last_used) = (node.ref_count + 1, clock));
        }
    }

    pub fn release(&mut self, hashes: &[BlockHash]) {
        for hash in hashes {
            self.update(hash, |node| node.ref_count -= 1);
        }
    }

    /// Inserts the block `tokens` (at most 64) after `parent`, stored in `page`. A full block gets a
    /// reference, also when it is present; one that is not full never does. A present block without
    /// references takes the new page instead of its own, so that referencing it leaves the number of
    /// available pages unchanged.
    pub fn insert(&mut self, parent: BlockHash, tokens: &[u32], page: u32) -> (BlockHash, InsertOutcome) {
        let hash = block_hash(&parent, tokens);
        let full = tokens.len() == PAGE_TOKENS;
        let siblings = self.children.get(&parent).map_or(&[][..], Vec::as_slice);
        let longer = |other: &&BlockHash| self.nodes[*other].tokens.starts_with(tokens);
        if !full && siblings.iter().any(|other| longer(&other)) {
            return (hash, InsertOutcome::Present);
        }
        if let Some(node) = self.nodes.get_mut(&hash) {
            let evictable = node.ref_count == 0;
            let replaced = evictable.then(|| std::mem::replace(&mut node.page, page));
            self.acquire(&[hash]);
            let outcome =
                if evictable { InsertOutcome::Inserted { replaced } } else { InsertOutcome::Present };
            return (hash, outcome);
        }
        let shorter = siblings.iter().find(|other| tokens.starts_with(&self.nodes[*other].tokens)).copied();
        let replaced = shorter.map(|shorter| self.remove(&shorter).page);
        self.clock += 1;
        let node = Node { parent, tokens: tokens.into(), page, ref_count: 0, last_used: self.clock };
        self.nodes.insert(hash, node);
        self.children.entry(parent).or_default().push(hash);
        self.unreferenced += 1;
        if let Some(node) = self.nodes.get(&parent) {
            // The parent is no leaf any more.
            self.lru.remove(&(node.last_used, parent));
        }
        self.update(&hash, |node| node.ref_count = usize::from(full));
        (hash, InsertOutcome::Inserted { replaced })
    }

    /// Removes the least recently used leaf without references and returns its page.
    pub fn evict(&mut self) -> Option<u32> {
        let (_, hash) = *self.lru.first()?;
        Some(self.remove(&hash).page)
    }

    /// Pages that can be evicted.
    pub fn evictable(&self) -> usize {
        self.unreferenced
    }

    /// How many of these blocks have no references.
    pub fn evictable_among(&self, hashes: &[BlockHash]) -> usize {
        hashes.iter().filter(|hash| self.nodes[*hash].ref_count == 0).count()
    }

    #[cfg(test)]
    pub fn pages(&self) -> usize {
        self.nodes.len()
    }

    pub fn page(&self, hash: &BlockHash) -> Option<u32> {
        self.nodes.get(hash).map(|node| node.page)
    }

    pub fn contains(&self, hash: &BlockHash) -> bool {
        self.nodes.contains_key(hash)
    }

    /// All blocks, most recently used first, and each after its parent.
    pub fn by_recency(&self) -> Vec<(&BlockHash, &Node)> {
        let mut list: Vec<_> = self.nodes.iter().map(|(hash, node)| (self.depth(node), hash, node)).collect();
        let newest = self.newest();
        list.sort_by_key(|(depth, hash, _)| (std::cmp::Reverse(newest[*hash]), *depth));
        list.into_iter().map(|(_, hash, node)| (hash, node)).collect()
    }

    /// As [`PrefixTree::by_recency`], of requests without a salt: what a salt keeps apart stays in memory.
    pub fn unsalted(&self) -> Vec<(&BlockHash, &Node)> {
        let mut parents = HashSet::from([root_hash(b"")]);
        let mut blocks = self.by_recency();
        blocks.retain(|(hash, node)| parents.contains(&node.parent) && parents.insert(**hash));
        blocks
    }

    /// A counter of changes: as long as it is equal, the tree has nothing new to save.
    pub fn clock(&self) -> u64 {
        self.clock
    }

    fn depth(&self, node: &Node) -> usize {
        std::iter::successors(Some(node), |node| self.nodes.get(&node.parent)).count()
    }

    /// When each block or one of its descendants was last used.
    fn newest(&self) -> HashMap<BlockHash, u64> {
        let mut newest: HashMap<BlockHash, u64> = HashMap::with_capacity(self.nodes.len());
        for (hash, node) in &self.nodes {
            let mut at = Some((*hash, node));
            while let Some((hash, ancestor)) = at {
                let known = newest.entry(hash).or_default();
                *known = node.last_used.max(*known);
                at = self.nodes.get(&ancestor.parent).map(|parent| (ancestor.parent, parent));
            }
        }
        newest
    }

    fn remove(&mut self, hash: &BlockHash) -> Node {
        let node = self.nodes.remove(hash).expect("a listed hash is a node");
        self.lru.remove(&(node.last_used, *hash));
        self.unreferenced -= 1;
        let siblings = self.children.get_mut(&node.parent).expect("a node is listed under its parent");
        siblings.retain(|other| other != hash);
        if siblings.is_empty() {
            self.children.remove(&node.parent);
            if self.nodes.contains_key(&node.parent) {
                // The parent is a leaf now.
                self.update(&node.parent, |_| {});
            }
        }
        node
    }

    /// Changes one node and keeps `lru` and `unreferenced` consistent with it.
    fn update(&mut self, hash: &BlockHash, change: impl FnOnce(&mut Node)) {
        let node = self.nodes.get_mut(hash).expect("a referenced hash is a node");
        self.lru.remove(&(node.last_used, *hash));
        self.unreferenced -= usize::from(node.ref_count == 0);
        change(node);
        self.unreferenced += usize::from(node.ref_count == 0);
        if node.ref_count == 0 && !self.children.contains_key(hash) {
            self.lru.insert((node.last_used, *hash));
        }
    }
}

fn common_prefix(a: &[u32], b: &[u32]) -> usize {
    a.iter().zip(b).take_while(|(a, b)| a == b).count()
}

#[cfg(test)]
mod tests;
