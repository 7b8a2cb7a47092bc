//! The block manager: every page is free, in the prefix tree, or private to one sequence. A sequence is
//! admitted only when all pages that it can ever need are free or evictable, so no running sequence is ever
//! preempted.
use models::PAGE_TOKENS;

use super::prefix::{BlockHash, InsertOutcome, PartialBlock, PrefixMatch, PrefixTree};

#[derive(Debug)]
pub struct Pool {
    /// In descending order: the lowest number is allocated first, so that runs are repeatable.
    free: Vec<u32>,
    total: usize,
    pub tree: PrefixTree,
    /// Pages that running sequences may still allocate.
    reserved: usize,
}

/// The pages of one sequence.
#[derive(Debug, Default)]
pub struct Pages {
    /// The page of each block of 64 tokens, in order.
    pub table: Vec<u32>,
    /// The parent of the first block.
    root: BlockHash,
    /// Hashes of the leading blocks that are in the tree. This sequence holds a reference to each.
    hashes: Vec<BlockHash>,
    /// Pages that it may still allocate.
    reserved: usize,
}

impl Pool {
    pub fn new(total: usize) -> Self {
        let free = (0..total as u32).rev().collect();
        Self { free, total, tree: PrefixTree::default(), reserved: 0 }
    }

    /// Reserves `pages` pages, the first of which are the full blocks of `prefix`. Also returns the block to
    /// copy when the prefix ends inside one. `None` when there are not enough free or evictable pages.
    pub fn reserve(
        &mut self,
        root: BlockHash,
        prefix: PrefixMatch,
        pages: usize,
    ) -> Option<(Pages, Option<PartialBlock>)> {
        let needed = pages.saturating_sub(prefix.hashes.len());
        let acquired = self.tree.evictable_among(&prefix.hashes);
        let available = (self.free.len() + self.tree.evictable() - acquired).checked_sub(self.reserved)?;
        if available < needed {
            return None;
        }
        // The block to copy must not be evicted by the allocation of the page that it is copied to.
        let partial = prefix.partial;
        if partial.is_some_and(|block| available - self.tree.evictable_among(&[block.hash]) < needed) {
            return self.reserve(root, PrefixMatch::default(), pages);
        }
        self.tree.acquire(&prefix.hashes);
        self.reserved += needed;
        Some((Pages { table: prefix.pages, root, hashes: prefix.hashes, reserved: needed }, partial))
    }

    /// Allocates pages until the sequence has room for `tokens` tokens, from its reservation.
    pub fn alloc(&mut self, pages: &mut Pages, tokens: usize) {
        while pages.table.len() * PAGE_TOKENS < tokens {
            pages.reserved = pages.reserved.checked_sub(1).expect("a sequence stays within its reservation");
            self.reserved -= 1;
            let page = self.free.pop().or_else(|| self.tree.evict());
            pages.table.push(page.expect("reserved pages are free or evictable"));
        }
    }

    /// Allocates the page that a partially matching block is copied to.
    pub fn alloc_copy(&mut self, pages: &mut Pages, block: &PartialBlock) -> u32 {
        self.tree.acquire(&[block.hash]);
        self.alloc(pages, (pages.table.len() + 1) * PAGE_TOKENS);
        self.tree.release(&[block.hash]);
        *pages.table.last().expect("a page was just allocated")
    }

    /// Inserts the full blocks of `tokens`, all of which are computed, into the prefix tree.
    pub fn publish(&mut self, pages: &mut Pages, tokens: &[u32]) {
        for index in pages.hashes.len()..tokens.len() / PAGE_TOKENS {
            let block = &tokens[index * PAGE_TOKENS..(index + 1) * PAGE_TOKENS];
            let parent = *pages.hashes.last().unwrap_or(&pages.root);
            let (hash, outcome) = self.tree.insert(parent, block, pages.table[index]);
            pages.hashes.push(hash);
            self.free_replaced(outcome);
        }
    }

    /// Releases all pages and the rest of the reservation. The computed `tokens` stay in the prefix tree.
    pub fn release(&mut self, mut pages: Pages, tokens: &[u32]) {
        self.publish(&mut pages, tokens);
        let full = pages.hashes.len();
        let rest = &tokens[(full * PAGE_TOKENS).min(tokens.len())..];
        let mut inserted = None;
        if !rest.is_empty() {
            let parent = *pages.hashes.last().unwrap_or(&pages.root);
            let (_, outcome) = self.tree.insert(parent, rest, pages.table[full]);
            inserted = matches!(outcome, InsertOutcome::Inserted { .. }).then_some(pages.table[full]);
            self.free_replaced(outcome);
        }
        let shared = |index: usize| pages.hashes.get(index).and_then(|hash| self.tree.page(hash));
        let private = pages.table.iter().enumerate().filter(|(index, page)| shared(*index) != Some(**page));
        let private: Vec<u32> =
            private.map(|(_, page)| *page).filter(|page| inserted != Some(*page)).collect();
        self.free(private);
        self.tree.release(&pages.hashes);
        self.reserved -= pages.reserved;
    }

    fn free_replaced(&mut self, outcome: InsertOutcome) {
        if let InsertOutcome::Inserted { replaced: Some(page) } = outcome {
            self.free(vec![page]);
        }
    }

    /// A free page for a block that no sequence computed. `None` rather than a reserved page or one to evict.
    pub fn alloc_unreserved(&mut self) -> Option<u32> {
        if self.free.len() > self.reserved { self.free.pop() } else { None }
    }

    pub fn free(&mut self, pages: Vec<u32>) {
        self.free.extend(pages);
        self.free.sort_unstable_by(|a, b| b.cmp(a));
    }

    /// Evicts every block that no sequence references.
    pub fn evict_all(&mut self) {
        let pages: Vec<u32> = std::iter::from_fn(|| self.tree.evict()).collect();
        self.free(pages);
    }

    /// Pages of running sequences.
    pub fn used(&self) -> usize {
        self.total - self.free.len() - self.tree.evictable()
    }

    /// Pages that only the prefix cache holds.
    pub fn cached(&self) -> usize {
        self.tree.evictable()
    }
}

#[cfg(test)]
mod tests;
