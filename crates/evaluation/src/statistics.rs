//! From the scores by seed, without and with a preset, to what can be said about a claim: mean and standard
//! deviation, the difference with its 95 % interval by Student's t, paired by seed, and a verdict.
//! The interval is over the seeds; what other questions would give is not in it.

/// The 97.5 % quantile of Student's t by degrees of freedom, from 1.
const T_975: [f64; 30] = [
    12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131,
    2.120, 2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042,
];

#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spread {
    pub mean: f64,
    /// The standard deviation of the sample; 0 for one value.
    pub deviation: f64,
}

/// What is claimed for a preset: the score rises by this share of itself, 0.12 for +12 %.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Claim(pub f64);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The score rises, and by as much as is claimed, or more, as far as the interval tells.
    Agrees,
    /// The whole interval is below the claim.
    Disagrees,
    CannotBeConfirmed(Unconfirmed),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unconfirmed {
    /// Fewer than two seeds have no spread.
    OneSeed,
    /// Nothing is right without the preset, and a share of nothing is nothing.
    NoBaseline,
    /// Without the preset the score is so high that the claimed rise would be above 100 %.
    Ceiling,
    /// The interval has both no effect and the claimed one.
    Spread,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Comparison {
    pub without: Spread,
    pub with: Spread,
    /// The difference of the means, in the unit of the score.
    pub difference: f64,
    /// The 95 % interval of the difference; `None` for fewer than two seeds.
    pub interval: Option<(f64, f64)>,
    /// The same as shares of the mean without the preset; `None` where that is 0.
    pub relative: Option<f64>,
    pub relative_interval: Option<(f64, f64)>,
    /// `None` where nothing is claimed.
    pub verdict: Option<Verdict>,
}

/// Compares two lists of scores from 0 to 1; scores at the same place are of the same seed.
pub fn compare(without: &[f64], with: &[f64], claim: Option<Claim>) -> Comparison {
    let differences: Vec<f64> = with.iter().zip(without).map(|(with, without)| with - without).collect();
    let (without, with) = (spread(without), spread(with));
    let Spread { mean: difference, deviation } = spread(&differences);
    let interval =
        half_width(deviation, differences.len()).map(|half| (difference - half, difference + half));
    let of_baseline = |value: f64| (without.mean > 0.0).then(|| value / without.mean);
    let relative_interval = interval.and_then(|(low, high)| of_baseline(low).zip(of_baseline(high)));
    let verdict = claim.map(|claim| verdict(claim, without.mean, interval.is_some(), relative_interval));
    let relative = of_baseline(difference);
    Comparison { without, with, difference, interval, relative, relative_interval, verdict }
}

fn verdict(Claim(claim): Claim, baseline: f64, spread_known: bool, interval: Option<(f64, f64)>) -> Verdict {
    // Sums of shares are not exact.
    const EXACT: f64 = 1e-9;
    if !spread_known {
        return Verdict::CannotBeConfirmed(Unconfirmed::OneSeed);
    }
    let Some((low, high)) = interval else { return Verdict::CannotBeConfirmed(Unconfirmed::NoBaseline) };
    if high < -EXACT {
        Verdict::Disagrees
    } else if baseline * (1.0 + claim) > 1.0 + EXACT {
        Verdict::CannotBeConfirmed(Unconfirmed::Ceiling)
    } else if high < claim - EXACT {
        Verdict::Disagrees
    } else if low > EXACT {
        Verdict::Agrees
    } else {
        Verdict::CannotBeConfirmed(Unconfirmed::Spread)
    }
}

fn spread(values: &[f64]) -> Spread {
    let count = values.len() as f64;
    let mean = if values.is_empty() { 0.0 } else { values.iter().sum::<f64>() / count };
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    let deviation = if values.len() < 2 { 0.0 } else { (squares / (count - 1.0)).sqrt() };
    Spread { mean, deviation }
}

/// Half of the 95 % interval of a mean.
fn half_width(deviation: f64, count: usize) -> Option<f64> {
    // Beyond the table its last value, which is a little too wide.
    let t = T_975.get(count.checked_sub(2)?.min(T_975.len() - 1))?;
    Some(t * deviation / (count as f64).sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(value: f64, expected: f64) {
        assert!((value - expected).abs() < 5e-4, "{value}, not {expected}");
    }

    fn verdict_of(without: &[f64], with: &[f64], claim: f64) -> Verdict {
        compare(without, with, Some(Claim(claim))).verdict.expect("something is claimed")
    }

    #[test]
    fn the_interval_is_students_of_the_differences_by_seed() {
        // Differences 0.10, 0.14, 0.06: mean 0.10, deviation 0.04, t of 2 degrees 4.303.
        let compared = compare(&[0.50, 0.40, 0.60], &[0.60, 0.54, 0.66], None);
        near(compared.without.mean, 0.5);
        near(compared.without.deviation, 0.1);
        near(compared.with.mean, 0.6);
        near(compared.difference, 0.1);
        let (low, high) = compared.interval.expect("three seeds");
        near(low, 0.1 - 4.303 * 0.04 / 3f64.sqrt());
        near(high, 0.1 + 4.303 * 0.04 / 3f64.sqrt());
        near(compared.relative.expect("a baseline"), 0.2);
        near(compared.relative_interval.expect("a baseline").1, high / 0.5);
        assert_eq!(compared.verdict, None);
    }

    #[test]
    fn a_claim_agrees_when_the_score_surely_rises_and_it_may_be_by_that_much() {
        assert_eq!(verdict_of(&[0.50, 0.50, 0.50], &[0.56, 0.57, 0.56], 0.12), Verdict::Agrees);
        // It rises by more than is claimed.
        assert_eq!(verdict_of(&[0.20, 0.21, 0.20], &[0.60, 0.61, 0.60], 0.45), Verdict::Agrees);
    }

    #[test]
    fn a_claim_disagrees_when_all_of_the_interval_is_below_it() {
        assert_eq!(verdict_of(&[0.50, 0.51, 0.50], &[0.50, 0.51, 0.50], 0.12), Verdict::Disagrees);
        assert_eq!(verdict_of(&[0.50, 0.51, 0.50], &[0.51, 0.52, 0.51], 0.12), Verdict::Disagrees);
        assert_eq!(verdict_of(&[0.95, 0.95, 0.96], &[0.80, 0.81, 0.80], 0.12), Verdict::Disagrees);
    }

    #[test]
    fn what_cannot_be_confirmed_has_its_reason() {
        let of = |without: &[f64], with: &[f64], claim| match verdict_of(without, with, claim) {
            Verdict::CannotBeConfirmed(reason) => reason,
            verdict => panic!("{verdict:?}"),
        };
        assert_eq!(of(&[0.5], &[0.6], 0.12), Unconfirmed::OneSeed);
        assert_eq!(of(&[], &[], 0.12), Unconfirmed::OneSeed);
        assert_eq!(of(&[0.0, 0.0], &[0.0, 0.0], 0.18), Unconfirmed::NoBaseline);
        assert_eq!(of(&[0.95, 0.95, 0.95], &[0.95, 0.95, 0.95], 0.12), Unconfirmed::Ceiling);
        assert_eq!(of(&[0.5, 0.3, 0.4], &[0.4, 0.6, 0.5], 0.18), Unconfirmed::Spread);
    }

    #[test]
    fn more_seeds_than_the_table_has_are_not_narrower_than_its_end() {
        near(half_width(1.0, 2).expect("two") * 2f64.sqrt(), 12.706);
        near(half_width(1.0, 31).expect("31") * 31f64.sqrt(), 2.042);
        near(half_width(1.0, 100).expect("100") * 10.0, 2.042);
        assert_eq!((half_width(1.0, 1), half_width(1.0, 0)), (None, None));
    }
}
