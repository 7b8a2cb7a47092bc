//! Maxima and exponential sums over a row of logits. Each has the bits of a plain loop over the vocabulary,
//! but leaves out terms that cannot change them.

/// Values that are compared at once.
const LANES: usize = 16;
/// Logits that are skipped together when all of them are small.
const BLOCK: usize = 64;
/// An exponential smaller than 2^-25 of an f32 sum is less than half a unit of its last place: the sum stays.
pub const SUM_BITS: u32 = 25;

/// The largest logit. NaN is ignored.
pub fn max(logits: &[f32]) -> f32 {
    // A compare and a select, unlike `f32::max`, is one instruction of a vector unit.
    let larger = |a: f32, b: f32| if b > a { b } else { a };
    let (chunks, rest) = logits.as_chunks::<LANES>();
    let mut lanes = [f32::NEG_INFINITY; LANES];
    for chunk in chunks {
        for (lane, logit) in lanes.iter_mut().zip(chunk) {
            *lane = larger(*lane, *logit);
        }
    }
    lanes.iter().chain(rest).copied().fold(f32::NEG_INFINITY, larger)
}

/// The id of the largest logit; of equal ones the lowest.
pub fn argmax(logits: &[f32]) -> u32 {
    let best = logits.iter().map(|logit| total_order(*logit)).max();
    let first = logits.iter().position(|logit| Some(total_order(*logit)) == best);
    first.expect("the vocabulary is not empty") as u32
}

/// An integer that compares as `f32::total_cmp` does.
fn total_order(value: f32) -> i32 {
    let bits = value.to_bits().cast_signed();
    bits ^ ((bits >> 31) as u32 >> 1).cast_signed()
}

/// Ids of the `count` largest logits, largest first; of equal ones the lower id first.
pub fn largest(logits: &[f32], count: usize) -> Vec<u32> {
    let mut best: Vec<u32> = Vec::with_capacity(count + 1);
    for (id, logit) in logits.iter().enumerate() {
        let not_smaller = |other: &u32| logits[*other as usize].total_cmp(logit).is_ge();
        if best.len() == count && best.last().is_none_or(not_smaller) {
            continue;
        }
        best.insert(best.partition_point(not_smaller), id as u32);
        best.truncate(count);
    }
    best
}

/// The sum of exp((logit - top) / temperature) in order of the vocabulary. `emit` gets blocks of ids with
/// their terms. With `bits`, terms below 2^-`bits` of the sum so far are left out; from [`SUM_BITS`] on that
/// changes no bit of the sum. NaN is left out too.
pub fn exp_sum(
    logits: &[f32],
    top: f32,
    temperature: f32,
    bits: Option<u32>,
    mut emit: impl FnMut(&[(u32, f32)]),
) -> f32 {
    let mut sum = 0.0f32;
    // Logits below `limit` are left out; it was computed for a sum of `limit_sum`.
    let (mut limit, mut limit_sum) = (f32::NEG_INFINITY, 0.0);
    let mut terms = [(0, 0.0); BLOCK];
    for (block, values) in logits.chunks(BLOCK).enumerate() {
        if max(values) < limit {
            continue;
        }
        // Without a branch for each logit: half of them are above the limit in a flat distribution.
        let mut kept = 0;
        for (i, logit) in values.iter().enumerate() {
            terms[kept] = ((block * BLOCK + i) as u32, *logit);
            kept += usize::from(*logit >= limit);
        }
        for (_, term) in &mut terms[..kept] {
            *term = ((*term - top) / temperature).exp();
            sum += *term;
        }
        emit(&terms[..kept]);
        // The limit moves with the logarithm of the sum, so small steps are not worth computing it.
        if let Some(bits) = bits
            && sum > 1.25 * limit_sum
        {
            limit = negligible(top, temperature, sum, bits);
            limit_sum = sum;
        }
    }
    sum
}

/// Every logit below it has a term below 2^-`bits` of `sum`. Half a unit in the exponent is a margin for the
/// rounding of quotient and exponential in f32.
fn negligible(top: f32, temperature: f32, sum: f32, bits: u32) -> f32 {
    let exponent = f64::from(sum).ln() - f64::from(bits) * std::f64::consts::LN_2 - 0.5;
    ((f64::from(top) + f64::from(temperature) * exponent) as f32).next_down()
}

/// ln(sum(exp(logits)))
pub fn log_sum_exp(logits: &[f32]) -> f32 {
    let top = max(logits);
    top + exp_sum(logits, top, 1.0, Some(SUM_BITS), |_| ()).ln()
}
