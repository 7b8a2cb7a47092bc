//! What a request needs before it runs: its pages, the prefix that the cache holds already, and a drafter. Knows
//! nothing of the order in which requests are admitted.
use models::{KvPages, Model, PAGE_TOKENS};

use crate::EngineOptions;
use crate::cache::pool::Pool;
use crate::cache::prefix::{Found, root};
use crate::draft::{Drafter, Lookup, Mtp};
use crate::sequence::Sequence;

/// Reserves all pages that `sequence` can ever need and reuses the cached prefix of its prompt. False, and nothing has
/// changed, when the pages are not available now.
pub fn reserve(
    sequence: &mut Sequence,
    pool: &mut Pool,
    kv: &mut KvPages,
    options: &EngineOptions,
    model: &dyn Model,
) -> bool {
    let root = root(&sequence.salt);
    let mut found = Found::default();
    if options.keep_prefixes {
        found = pool.tree.lookup(root, sequence.names());
    }
    let mtp = uses_mtp(options, model);
    let prompt = sequence.tokens.len();
    found.cut(if mtp { reusable_with_mtp(found.tokens()) } else { found.tokens().min(prompt - 1) });
    let Some((mut pages, tail)) = pool.admit(root, found, sequence.limit().div_ceil(PAGE_TOKENS)) else {
        return false;
    };
    let mut cached = pages.list.len() * PAGE_TOKENS;
    if let Some(tail) = tail {
        let page = pool.take_tail(&mut pages, &tail);
        kv.copy_page(tail.page, page).expect("both pages are of this cache");
        cached += tail.tokens;
    }
    let drafter: Option<Box<dyn Drafter>> = match options.speculation.most() {
        0 => None,
        _ if mtp => Some(Box::new(Mtp::new(if cached == 0 { 0 } else { cached + 1 }))),
        _ => Some(Box::new(Lookup)),
    };
    sequence.start(pages, cached, drafter);
    true
}

/// Whether drafts come from the model's own MTP layer.
pub fn uses_mtp(options: &EngineOptions, model: &dyn Model) -> bool {
    options.speculation.most() > 0 && model.has_mtp()
}

/// How many of `found` cached tokens to reuse with MTP. The layer needs the hidden state of the last one, which is not
/// kept, so that token is computed again, into a copy of its page, where the MTP layer's own entry for it stays.
fn reusable_with_mtp(found: usize) -> usize {
    let last = found.saturating_sub(1);
    // A cut at a page boundary would leave out the page of the last token, and with it the MTP layer's entry.
    if last.is_multiple_of(PAGE_TOKENS) { last.saturating_sub(1) } else { last }
}
