//! From scores by seed to the view of a measure with its statistics and the verdict about a claim.
//! Computes none of them.
use contract::{
    ClaimVerdict, EvaluationMeasure, EvaluationScore, ScoreInterval, ScoreSpread, UnconfirmedReason,
};
use evaluation::{Claim, Measure, Spread, Unconfirmed, Verdict, compare};

use super::questions::SeedScores;

pub(super) fn score_view(SeedScores { measure, ways }: SeedScores, claim: Option<Claim>) -> EvaluationScore {
    let [without, with] = ways;
    let compared = compare(&without, &with, claim);
    let (verdict, reason) = compared.verdict.map(verdict_view).unzip();
    let interval = |interval: Option<(f64, f64)>| interval.map(|(low, high)| ScoreInterval { low, high });
    EvaluationScore {
        measure: match measure {
            Measure::Right => EvaluationMeasure::Right,
            Measure::Distinct1 => EvaluationMeasure::Distinct1,
            Measure::Distinct2 => EvaluationMeasure::Distinct2,
            Measure::Passed => EvaluationMeasure::Passed,
        },
        without: spread_view(without, compared.without),
        with: spread_view(with, compared.with),
        difference: compared.difference,
        interval: interval(compared.interval),
        relative: compared.relative,
        relative_interval: interval(compared.relative_interval),
        claim: claim.map(|Claim(claim)| claim),
        verdict,
        reason: reason.flatten(),
    }
}

fn spread_view(values: Vec<f64>, Spread { mean, deviation }: Spread) -> ScoreSpread {
    ScoreSpread { values, mean, deviation }
}

fn verdict_view(verdict: Verdict) -> (ClaimVerdict, Option<UnconfirmedReason>) {
    let reason = match verdict {
        Verdict::Agrees => return (ClaimVerdict::Agrees, None),
        Verdict::Disagrees => return (ClaimVerdict::Disagrees, None),
        Verdict::CannotBeConfirmed(reason) => reason,
    };
    let reason = match reason {
        Unconfirmed::OneSeed => UnconfirmedReason::OneSeed,
        Unconfirmed::NoBaseline => UnconfirmedReason::NoBaseline,
        Unconfirmed::Ceiling => UnconfirmedReason::Ceiling,
        Unconfirmed::Spread => UnconfirmedReason::Spread,
    };
    (ClaimVerdict::CannotBeConfirmed, Some(reason))
}
