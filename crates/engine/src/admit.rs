//! What a request needs before it runs: its pages, the prefix that the cache holds already, and a drafter.
//! Knows nothing of the order in which requests are admitted.
use models::{KvPages, Model, PAGE_TOKENS};

use crate::EngineOptions;
use crate::cache::pool::Pool;
use crate::cache::prefix::{PrefixMatch, root_hash};
use crate::draft::{Drafter, Lookup, Mtp};
use crate::sequence::Sequence;

/// Reserves all pages that `sequence` can ever need and reuses the cached prefix of its prompt. False, and
/// nothing has changed, when the pages are not available now.
pub fn reserve(
    sequence: &mut Sequence,
    pool: &mut Pool,
    kv: &mut KvPages,
    options: &EngineOptions,
    model: &dyn Model,
) -> bool {
    let root = root_hash(&sequence.salt);
    let mut prefix = PrefixMatch::default();
    if options.prefix_caching {
        prefix = pool.tree.lookup(root, sequence.prefix_ids());
    }
    let mtp = uses_mtp(options, model);
    let prompt = sequence.tokens.len();
    // At least one token of the prompt must be computed, for its logits.
    let found = prefix.tokens();
    prefix.truncate(if mtp { reusable_with_mtp(found) } else { found.min(prompt - 1) });
    let Some((mut pages, partial)) = pool.reserve(root, prefix, sequence.max_len().div_ceil(PAGE_TOKENS))
    else {
        return false;
    };
    let mut cached = pages.table.len() * PAGE_TOKENS;
    if let Some(block) = partial {
        let page = pool.alloc_copy(&mut pages, &block);
        kv.copy_page(block.page, page).expect("both pages are of this cache");
        cached += block.tokens;
    }
    let drafter: Option<Box<dyn Drafter>> = match options.speculation.max_drafts() {
        0 => None,
        _ if mtp => Some(Box::new(Mtp::new(if cached == 0 { 0 } else { cached + 1 }))),
        _ => Some(Box::new(Lookup)),
    };
    sequence.start(pages, cached, drafter);
    true
}

/// Whether drafts come from the model's own MTP layer.
pub fn uses_mtp(options: &EngineOptions, model: &dyn Model) -> bool {
    options.speculation.max_drafts() > 0 && model.has_mtp()
}

/// How many of `found` cached tokens to reuse with MTP. The layer needs the hidden state of the last one,
/// which is not kept, so that token is computed again, into a copy of its page, where the MTP layer's own
/// entry for it stays.
fn reusable_with_mtp(found: usize) -> usize {
    let last = found.saturating_sub(1);
    // A cut at a page boundary would leave out the page of the last token, and with it the MTP layer's entry.
    if last.is_multiple_of(PAGE_TOKENS) { last.saturating_sub(1) } else { last }
}
