//! How the tokens of an answer were made, from the worker's types to the contract's.
//! Nothing of it is stored but the counts of the drafts, with the measurements of the answer.
use contract::{DraftPause, DraftStats, Drafter, ExpertLayers, TokenTrace};

/// What was not shown yet.
#[derive(Default)]
pub(crate) struct Traces {
    pub experts: Option<ExpertLayers>,
    pub tokens: Vec<TokenTrace>,
}

impl Traces {
    pub(crate) fn push(
        &mut self,
        experts: Option<endpoint::ExpertLayers>,
        tokens: Vec<endpoint::TokenTrace>,
    ) {
        self.experts = experts.map(expert_layers).or(self.experts.take());
        self.tokens.extend(tokens.into_iter().map(token_trace));
    }
}

pub(crate) fn expert_layers(experts: endpoint::ExpertLayers) -> ExpertLayers {
    let count = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    ExpertLayers {
        n_routed_experts: count(experts.n_routed_experts),
        num_experts_per_tok: count(experts.num_experts_per_tok),
        layers: experts.layers.into_iter().map(count).collect(),
    }
}

fn token_trace(token: endpoint::TokenTrace) -> TokenTrace {
    let endpoint::TokenTrace { id: _, text, drafted, rejected, experts } = token;
    TokenTrace { text: (!text.is_empty()).then_some(text), drafted, rejected, experts }
}

/// `None` where nothing was drafted.
pub(crate) fn draft_stats(stats: protocol::DraftStats) -> Option<DraftStats> {
    let drafter = match stats.drafter? {
        protocol::Drafter::Mtp => Drafter::Mtp,
        protocol::Drafter::Lookup => Drafter::Lookup,
    };
    let pause = |pause: protocol::DraftPause| {
        let protocol::DraftPause { tokens, drafted_ms, plain_ms, steps } = pause;
        DraftPause { tokens: tokens.0, drafted_ms, plain_ms, steps }
    };
    Some(DraftStats {
        drafter,
        proposed: stats.proposed,
        accepted: stats.accepted,
        pauses: stats.pauses.into_iter().map(pause).collect(),
        drafted_ms: stats.drafted_ms,
        plain_ms: stats.plain_ms,
    })
}
