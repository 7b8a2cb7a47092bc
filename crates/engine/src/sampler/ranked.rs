//! Tokens as integers that sort by probability, most likely first and of equal ones the lower id first.
//! A radix sort orders them: probabilities are positive floats, whose bits sort as their
//! values do. Knows no logits.

/// The bits of 1.0, the largest probability.
const ONE: u32 = 0x3f80_0000;
/// Bits of the rank of a probability: `ONE` needs 30.
const RANK_BITS: u32 = 30;
const DIGIT_BITS: u32 = 10;
const DIGITS: usize = (RANK_BITS / DIGIT_BITS) as usize;
const BINS: usize = 1 << DIGIT_BITS;
/// Up to here a comparison sort is faster.
const SMALL: usize = 1500;

/// A token with its probability: the distance of the probability's bits from those of 1, then the id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ranked(u64);

impl Ranked {
    /// `p` in [0, 1]; NaN counts as 1.
    pub fn new(id: u32, p: f32) -> Self {
        Self(u64::from(ONE.saturating_sub(p.to_bits())) << 32 | u64::from(id))
    }

    pub fn id(self) -> u32 {
        self.0 as u32
    }

    pub fn p(self) -> f32 {
        f32::from_bits(ONE - self.rank())
    }

    /// Smaller for larger probabilities. A power of two has a multiple of 2^23.
    pub fn rank(self) -> u32 {
        (self.0 >> 32) as u32
    }

    fn digit(self, at: usize) -> usize {
        (self.rank() >> (at as u32 * DIGIT_BITS)) as usize % BINS
    }
}

/// Sorts `list`, whose ids ascend. A radix sort keeps the order of equals, so it reads only the ranks.
pub fn sort(list: &mut Vec<Ranked>, spare: &mut Vec<Ranked>) {
    if list.len() <= SMALL {
        list.sort_unstable();
        return;
    }
    // The ids of equal probabilities are in order already.
    if list.is_sorted() {
        return;
    }
    let mut counts = [[0u32; BINS]; DIGITS];
    for token in &*list {
        for (at, counts) in counts.iter_mut().enumerate() {
            counts[token.digit(at)] += 1;
        }
    }
    spare.clear();
    spare.resize(list.len(), Ranked(0));
    for (at, counts) in counts.iter_mut().enumerate() {
        if counts[list[0].digit(at)] as usize == list.len() {
            continue;
        }
        let mut start = 0;
        for count in counts.iter_mut() {
            start += std::mem::replace(count, start);
        }
        for token in &*list {
            let place = &mut counts[token.digit(at)];
            spare[*place as usize] = *token;
            *place += 1;
        }
        std::mem::swap(list, spare);
    }
}
