//! What `bench` and `cache-quality` measure: a model from a file or with random weights of a given shape, and
//! one sequence that runs through it.
use std::path::Path;

use checkpoint::memory::{CARD_CHUNK, HOST_CHUNK, weight_dtype};
use checkpoint::{Checkpoint, Dtype, ModelConfig, RandomWeights, TokenizerSource};
use models::{
    CacheDtype, CancelCheck, ForwardError, InputEmbeds, KvPages, LoadOptions, Model, Output, OutputRequest,
    PAGE_TOKENS, Pass, Place, Step,
};

use crate::args::{BenchTarget, activation_dtype};
use crate::error::open_failure;
use crate::model::reads_ahead;
use protocol::PlaceChoice;

impl BenchTarget {
    /// From its files, or with random weights.
    pub fn open(&self) -> Result<Checkpoint, String> {
        match (&self.file, &self.random) {
            (Some(file), _) => checkpoint::open(file).map_err(|error| open_failure(&error).message),
            (None, Some(config)) => random(config, weight_dtype(self.dtype)),
            (None, None) => Err("measure: name a file, or a configuration with --random".to_owned()),
        }
    }

    /// Tokens of one prefill chunk, as the engine uses.
    pub fn chunk(&self) -> usize {
        if let PlaceChoice::Card(_) = self.place { CARD_CHUNK } else { HOST_CHUNK }
    }

    pub fn load(&self, checkpoint: &Checkpoint) -> Result<Box<dyn Model>, String> {
        let requantize = self.shrink.map(weight_dtype);
        let place = match self.place {
            PlaceChoice::Cpu => Place::Host,
            // A measurement says where it was made.
            PlaceChoice::Auto => return Err("measure: name a place, --place cpu or --place card".to_owned()),
            PlaceChoice::Card(index) => {
                Place::card(index).map_err(|error| format!("open the card: {error}"))?
            }
        };
        let activations = activation_dtype(self.activations);
        let options = LoadOptions { requantize, place, activations, read_ahead: reads_ahead(checkpoint) };
        models::load(checkpoint, &options, &mut |_, _| {}).map_err(|error| format!("load the model: {error}"))
    }
}

/// Random weights of this shape.
fn random(config: &Path, dtype: Dtype) -> Result<Checkpoint, String> {
    let read = |reason: String| format!("read {}: {reason}", config.display());
    let text = std::fs::read(config).map_err(|error| read(error.to_string()))?;
    let value = serde_json::from_slice(&text).map_err(|error| read(error.to_string()))?;
    let config = ModelConfig::from_json(value).map_err(|error| error.to_string())?;
    let weights = Box::new(RandomWeights::new(&config, 0, dtype));
    Ok(Checkpoint { config, weights, tokenizer: TokenizerSource::Folder(Default::default()) })
}

/// Arbitrary tokens, the same each time.
pub fn tokens(count: usize, vocab: usize) -> Vec<u32> {
    (0..count as u32).map(|at| at.wrapping_mul(2_654_435_761) % vocab as u32).collect()
}

/// One sequence with a cache of its own.
pub struct BenchSequence<'a> {
    model: &'a dyn Model,
    pub kv: KvPages,
    pages: Vec<u32>,
    pub past: usize,
}

impl<'a> BenchSequence<'a> {
    pub fn new(model: &'a dyn Model, room: usize, cache: CacheDtype) -> Result<Self, String> {
        let pages: Vec<u32> = (0..room.div_ceil(PAGE_TOKENS) as u32).collect();
        let kv = KvPages::new(model.cache_shape(), pages.len(), cache, model.place())
            .map_err(|error| format!("measure: {error}"))?;
        Ok(Self { model, kv, pages, past: 0 })
    }

    pub fn forward(&mut self, tokens: &[u32], output: OutputRequest) -> Result<Output, String> {
        let output =
            self.try_forward(tokens, output, &|| false).map_err(|error| format!("measure: {error}"))?;
        self.past += tokens.len();
        Ok(output)
    }

    /// One token, whose logits are sampled at `temperature`.
    pub fn decode(&mut self, token: u32, temperature: f32) -> Result<Output, String> {
        let mut pass = Pass { temperatures: &[temperature], ..Pass::new(&|| false) };
        let output = self.pass(&[token], OutputRequest::Last, &mut pass);
        self.past += 1;
        output.map_err(|error| format!("measure: {error}"))
    }

    pub fn model(&self) -> &'a dyn Model {
        self.model
    }

    /// Prefills the rows [n, hidden] of an image, chunk by chunk; returns n.
    pub fn prefill_image(&mut self, rows: &[f32]) -> Result<usize, String> {
        let width = self.model.hidden_size();
        for values in rows.chunks(HOST_CHUNK * width) {
            let tokens = vec![0; values.len() / width];
            let embeds = [InputEmbeds { row: 0, values }];
            self.pass(
                &tokens,
                OutputRequest::Last,
                &mut Pass { input_embeds: &embeds, ..Pass::new(&|| false) },
            )
            .map_err(|error| format!("measure: {error}"))?;
            self.past += tokens.len();
        }
        Ok(rows.len() / width)
    }

    /// As `forward`, but it can be cancelled, and the cache position stays.
    pub fn try_forward(
        &mut self,
        tokens: &[u32],
        output: OutputRequest,
        cancelled: CancelCheck,
    ) -> Result<Output, ForwardError> {
        self.pass(tokens, output, &mut Pass::new(cancelled))
    }

    fn pass(
        &mut self,
        tokens: &[u32],
        output: OutputRequest,
        pass: &mut Pass,
    ) -> Result<Output, ForwardError> {
        let step = Step { tokens, pages: &self.pages, past: self.past, output, prefill: tokens.len() > 1 };
        let outputs = self.model.forward(&[step], &mut self.kv, pass)?;
        Ok(outputs.into_iter().next().expect("one output for one step"))
    }
}
