//! A fake model whose logits are a hash of all previous tokens as they are stored in the KV cache. A page
//! that is lost, stale or shared wrongly changes its answers; a wrong input of the MTP layer panics.
use std::time::Duration;

use candle_core::{Device, Tensor};
use models::{
    CacheKind, CacheShape, ForwardError, KvPages, Ledger, Model, Output, OutputRequest, PAGE_TOKENS, Pass,
    Place, Step,
};

/// Elements of one cached token.
const WIDTH: usize = 2;
/// Elements of a hidden state.
const HIDDEN: usize = 3;

#[derive(Clone)]
pub struct Fake {
    pub vocab: usize,
    /// How much the whole history changes the logits; 0 makes a Markov chain of order 1.
    pub history: f32,
    /// How much the MTP layer's logits differ from the model's; there is no MTP layer when absent.
    pub mtp: Option<f32>,
    /// Time of one layer, of which there are four, and of each token in it.
    pub layer: Duration,
    pub token: Duration,
    /// Computing this token panics.
    pub panics_at: Option<u32>,
}

impl Default for Fake {
    fn default() -> Self {
        let none = Duration::ZERO;
        Self { vocab: 12, history: 2.0, mtp: None, layer: none, token: none, panics_at: None }
    }
}

impl Fake {
    /// The logits after `tokens`.
    pub fn logits(&self, tokens: &[u32]) -> Vec<f32> {
        let last = *tokens.last().expect("at least one") as u64;
        let all = digest(tokens);
        let number = |seed: u64| (mix(seed) % 10_000) as f32 / 10_000.0;
        (0..self.vocab as u64)
            .map(|id| 2.0 * number(last * 1_000 + id) + self.history * number(all ^ (id << 40)))
            .collect()
    }

    fn logits_of(&self, tokens: &[u32], drafted: bool) -> Vec<f32> {
        let mut logits = self.logits(tokens);
        if let Some(noise) = self.mtp.filter(|_| drafted) {
            let all = digest(tokens);
            for (id, logit) in logits.iter_mut().enumerate() {
                *logit = *logit * 3.0 + noise * (mix(all ^ id as u64 ^ 99) % 1_000) as f32 / 1_000.0;
            }
        }
        logits
    }
}

pub fn mix(seed: u64) -> u64 {
    let mut x = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    x = (x ^ (x >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x ^ (x >> 32)
}

fn digest(tokens: &[u32]) -> u64 {
    tokens.iter().fold(7, |all, token| mix(all ^ u64::from(*token)))
}

/// A hidden state that identifies all tokens so far, exact in f32.
fn hidden(tokens: &[u32]) -> [f32; HIDDEN] {
    let all = digest(tokens);
    [(all & 0xffff) as f32, ((all >> 16) & 0xffff) as f32, tokens.len() as f32]
}

/// The cached tokens of one layer.
fn cached(kv: &KvPages, pages: &[u32], layer: usize, count: usize) -> Vec<u32> {
    let per_layer = kv.page_bytes() / kv.shape().layers;
    let mut tokens = Vec::with_capacity(count);
    for (index, page) in pages.iter().enumerate().take(count.div_ceil(PAGE_TOKENS)) {
        let bytes = kv.read_page(*page).expect("the page exists");
        let rows = bytes[layer * per_layer..][..per_layer].as_chunks::<4>().0.chunks_exact(WIDTH);
        let rows = rows.take(count - index * PAGE_TOKENS);
        tokens.extend(rows.map(|row| f32::from_le_bytes(row[0]) as u32 - 1));
    }
    tokens
}

fn write(kv: &mut KvPages, step: &Step, layer: usize) {
    // Never zero, so that a page that was not written is noticed.
    let rows: Vec<f32> = step.tokens.iter().flat_map(|token| [*token as f32 + 1.0, 5.0]).collect();
    let rows = Tensor::from_vec(rows, (step.tokens.len(), WIDTH), &Device::Cpu).expect("two columns");
    kv.write_latent(step.pages, layer, step.past, &rows).expect("there is room");
}

impl Model for Fake {
    fn hidden_size(&self) -> usize {
        1
    }

    fn vocab_size(&self) -> usize {
        self.vocab
    }

    fn cache_shape(&self) -> CacheShape {
        CacheShape {
            kind: CacheKind::Latent { latent: 1, rope: 1 },
            layers: 1 + usize::from(self.mtp.is_some()),
        }
    }

    fn max_positions(&self) -> usize {
        1 << 20
    }

    fn place(&self) -> &Place {
        &Place::Host
    }

    fn ledger(&self) -> &Ledger {
        unreachable!("the engine does not use the ledger")
    }

    fn forward(
        &self,
        steps: &[Step],
        kv: &mut KvPages,
        pass: &mut Pass,
    ) -> Result<Vec<Output>, ForwardError> {
        let rows: usize = steps.iter().map(|step| step.tokens.len()).sum();
        for _ in 0..4 {
            std::thread::sleep(self.layer + self.token * rows as u32);
            pass.check_cancelled()?;
        }
        let one = |step: &Step| {
            assert!(!step.tokens.is_empty(), "an empty step");
            assert!(step.tokens.iter().all(|token| Some(*token) != self.panics_at), "the bad token");
            write(kv, step, 0);
            let all = cached(kv, step.pages, 0, step.past + step.tokens.len());
            let (last, first, none) = (all.len(), step.past + 1, all.len() + 1);
            let (logits, hiddens) = match step.output {
                OutputRequest::None => (none, none),
                OutputRequest::Last => (last, last),
                OutputRequest::LastAndHidden => (last, first),
                OutputRequest::All => (first, first),
            };
            let logits: Vec<f32> =
                (logits..=last).flat_map(|end| self.logits_of(&all[..end], false)).collect();
            Output {
                logits: logits.into(),
                hidden: (hiddens..=last).flat_map(|end| hidden(&all[..end])).collect(),
            }
        };
        Ok(steps.iter().map(one).collect())
    }

    fn has_mtp(&self) -> bool {
        self.mtp.is_some()
    }

    fn draft(
        &self,
        step: &Step,
        pairs: &[f32],
        kv: &mut KvPages,
        pass: &mut Pass,
    ) -> Result<Output, ForwardError> {
        pass.check_cancelled()?;
        assert!(!step.tokens.is_empty(), "an empty draft");
        assert!(step.tokens.iter().all(|token| Some(*token) != self.panics_at), "the bad token");
        assert_eq!(pairs.len(), step.tokens.len() * HIDDEN);
        write(kv, step, 1);
        let end = step.past + step.tokens.len();
        let own = cached(kv, step.pages, 1, end);
        for (index, pair) in pairs.chunks_exact(HIDDEN).enumerate() {
            let before = &own[..step.past + index];
            let expected = if before.is_empty() { [0.0; HIDDEN] } else { hidden(before) };
            assert_eq!(pair, expected, "position {} got another hidden state", before.len());
        }
        if step.output == OutputRequest::None {
            return Ok(Output::default());
        }
        // The input of a further draft: the hidden state that the model would have.
        Ok(Output { logits: self.logits_of(&own, true).into(), hidden: hidden(&own).to_vec() })
    }
}

/// A prompt that repeats itself now and then.
pub fn prompt(length: usize, seed: u64) -> Vec<u32> {
    (0..length as u64).map(|i| (mix(seed ^ (i % 37)) % 4) as u32).collect()
}
