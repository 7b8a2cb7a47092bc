//! The page "How it works": each picture is asked of the worker that has the model, and only the sizes of
//! caches come from the catalogue.
mod cache_sizes;
mod sampling;

use contract::{
    CacheSize, ErrorView, Fp8View, MeasuredAnswer, NextTokenQuery, Role, RoutingView, SamplingView,
    SparsityView, TokenChance, TracedAnswer, WhenBusy,
};
use futures_util::StreamExt;
use protocol::openai::ChatMessage;
use protocol::{
    AllExpertsReport, AllExpertsRequest, Fp8Report, NextTokenReport, NextTokenRequest, PromptRoutingReport,
    PromptRoutingRequest,
};

use self::sampling::sampling_params;
use crate::App;
use crate::answer::turn::EXPLANATION;
use crate::answer::{AnswerText, Backend, BackendEvent, Prompt, PromptMessage, draft_stats, expert_layers};

/// Tokens of an answer that is only measured.
const MEASURED_TOKENS: usize = 24;
const SHOWN_TOKENS: u32 = 64;
const LIKELY_TOKENS: usize = 12;

impl App {
    /// # Errors
    /// For a dense model, on a card, and when the worker fails.
    pub async fn explain_sparsity(&self, model_id: &str, question: &str) -> Result<SparsityView, ErrorView> {
        let messages = vec![ChatMessage::new("user", question)];
        let request = AllExpertsRequest { messages, max_tokens: MEASURED_TOKENS };
        let backend = self.explaining(model_id).await?;
        let report: AllExpertsReport = backend.worker_call("v1/whaledeck/all_experts", &request).await?;
        let answer = |answer: protocol::MeasuredAnswer| MeasuredAnswer {
            text: answer.text,
            tokens: u32::try_from(answer.tokens).unwrap_or(u32::MAX),
            token_ms: answer.token_ms,
        };
        Ok(SparsityView {
            total_parameters: report.parameters.total as f64,
            expert_parameters: report.parameters.experts as f64,
            active_parameters: report.parameters.active as f64,
            routed: answer(report.routed),
            all: answer(report.all),
        })
    }

    /// # Errors
    /// For a dense model, and when the worker fails.
    pub async fn explain_routing(&self, model_id: &str, text: &str) -> Result<RoutingView, ErrorView> {
        let request = PromptRoutingRequest { text: text.to_owned() };
        let backend = self.explaining(model_id).await?;
        let report: PromptRoutingReport =
            backend.worker_call("v1/whaledeck/prompt_routing", &request).await?;
        let token = |token: protocol::TokenRouting| contract::TokenTrace {
            text: Some(token.token),
            drafted: false,
            rejected: None,
            experts: token.layers.into_iter().map(|layer| layer.experts).collect(),
        };
        Ok(RoutingView {
            experts: expert_layers(report.experts),
            tokens: report.tokens.into_iter().map(token).collect(),
            bias: report.bias,
        })
    }

    /// For each sampling, the most likely tokens.
    ///
    /// # Errors
    /// When the worker fails.
    pub async fn explain_next_token(
        &self,
        query: NextTokenQuery,
    ) -> Result<Vec<Vec<TokenChance>>, ErrorView> {
        let begun = (!query.answer.is_empty()).then(|| ChatMessage::prefix(query.answer, ""));
        let messages = [ChatMessage::new("user", query.question)].into_iter().chain(begun).collect();
        let samplings = query.samplings.iter().map(sampling_params).collect();
        let request = NextTokenRequest { messages, samplings, count: LIKELY_TOKENS };
        let backend = self.explaining(&query.model_id).await?;
        let report: NextTokenReport = backend.worker_call("v1/whaledeck/next_token", &request).await?;
        let chance = |token: protocol::TokenProbability| TokenChance {
            text: token.text,
            end: token.end,
            probability: token.probability,
        };
        let all = report.distributions.into_iter();
        Ok(all.map(|tokens| tokens.into_iter().map(chance).collect()).collect())
    }

    /// An answer with its drafts, at temperature 0.
    ///
    /// # Errors
    /// When the worker fails.
    pub async fn explain_drafts(&self, model_id: &str, question: &str) -> Result<TracedAnswer, ErrorView> {
        let sampling = SamplingView { temperature: 0.0, max_tokens: SHOWN_TOKENS, ..SamplingView::default() };
        let message = PromptMessage::new(Role::User, question);
        let prompt = Prompt::new(model_id.to_owned(), sampling, vec![message], AnswerText::default());
        let history = self.chats_file.get()?;
        let backend = self.explaining(model_id).await?;
        let mut events = backend.stream(Prompt { trace: true, ..prompt }, history).await?;
        let mut answer = TracedAnswer { tokens: Vec::new(), stats: None };
        let mut traces = crate::answer::Traces::default();
        while let Some(event) = events.next().await {
            match event? {
                BackendEvent::Traced { experts, tokens } => traces.push(experts, tokens),
                BackendEvent::Measured(timings) => answer.stats = draft_stats(timings.drafts),
                _ => {}
            }
        }
        answer.tokens = traces.tokens;
        Ok(answer)
    }

    /// # Errors
    /// When the worker fails.
    pub async fn explain_fp8(&self, model_id: &str) -> Result<Fp8View, ErrorView> {
        let backend = self.explaining(model_id).await?;
        let report: Fp8Report = backend.worker_call("v1/whaledeck/fp8", &()).await?;
        let count = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        Ok(Fp8View {
            tensor: report.tensor,
            dtype: report.dtype,
            rows: count(report.rows),
            cols: count(report.cols),
            scale: report.scale,
            values: report.values,
            fp8: report.fp8,
        })
    }

    /// What a token of the KV cache takes, for three models that differ in it.
    pub async fn explain_cache(&self) -> Result<Vec<CacheSize>, ErrorView> {
        Ok(cache_sizes::cache_sizes())
    }

    async fn explaining(&self, model_id: &str) -> Result<Backend, ErrorView> {
        self.check_worker_free(model_id, EXPLANATION, WhenBusy::Ask).await?;
        self.backend(model_id, EXPLANATION, WhenBusy::Ask, || {}).await
    }
}
