//! What a pass gives back to the host: hidden states, logits, the routing log.
//! Everything is copied at once, so that the host waits once.
use std::sync::atomic::Ordering;
use std::sync::{Arc, OnceLock};

use candle_core::{Error, Result, bail};
use cuda::Pinned;
use cuda::ops::top::{KEYS, RECORD, Top, TopRow};

use super::{CardLane, Rows};
use crate::logits::OnCard;
use crate::rms_norm::RmsNorm;
use crate::{Linear, Logits, TOP_NATS};

/// The output of a pass while it is on the card.
#[derive(Clone)]
pub struct CardHead {
    /// [rows, hidden]; none when no row is asked for.
    hidden: Option<Rows>,
    /// In order of rows.
    logits: Vec<Rows>,
    /// The most likely tokens of each row, [rows, RECORD] words, when they are all that is asked for.
    top: Option<Rows>,
}

impl CardLane<'_> {
    /// The values of `x`. Waits for the card.
    pub fn download(&mut self, x: &Rows) -> Result<Vec<f32>> {
        x.read()
    }

    /// See `Lane::head`.
    pub fn head(
        &mut self,
        x: &Rows,
        norm: &RmsNorm,
        lm_head: &Linear,
        [rows, logit_rows]: [&[u32]; 2],
    ) -> Result<CardHead> {
        if rows.iter().any(|&row| row as usize >= x.rows)
            || logit_rows.iter().any(|&row| row as usize >= rows.len())
        {
            bail!("a requested row is out of range: the batch has {} rows", x.rows);
        }
        if rows.is_empty() {
            return Ok(CardHead { hidden: None, logits: Vec::new(), top: None });
        }
        let hidden = Rows::take(self.memory, rows.len(), x.width)?;
        let mut next = 0;
        for (first, count) in runs(rows) {
            self.norm_into(&x.part(first, count), norm, hidden.row(next), x.width)?;
            next += count;
        }
        let logits = runs(logit_rows)
            .map(|(first, count)| {
                Ok(self.linears(&hidden.part(first, count), None, &[lm_head], None)?.remove(0))
            })
            .collect::<Result<Vec<Rows>>>()?;
        let finds = self.finds_top() && !logits.is_empty() && Top::takes(lm_head.weight().rows());
        let top = if finds { Some(self.find_top(&logits, [rows, logit_rows])?) } else { None };
        Ok(CardHead { hidden: Some(hidden), logits, top })
    }

    /// The most likely tokens of all rows of `logits`.
    fn find_top(&self, logits: &[Rows], [rows, logit_rows]: [&[u32]; 2]) -> Result<Rows> {
        let found = Rows::take(self.memory, logit_rows.len(), RECORD)?;
        let keys = Rows::take(self.memory, logit_rows.len(), KEYS)?;
        let batch_rows: Vec<u32> = logit_rows.iter().map(|&row| rows[row as usize]).collect();
        let mut at = 0;
        for part in logits {
            let mut row = 0;
            for (first, count) in runs(&batch_rows[at..at + part.rows]) {
                let top = Top {
                    logits: part.row(row),
                    temperatures: self.arrays.temperatures.offset(first),
                    keys: keys.row(at).cast(),
                    found: found.row(at).cast(),
                    vocab: part.width as u32,
                    stride: part.width as u32,
                    depth: TOP_NATS,
                    pad: 0,
                };
                self.check(top.launch(self.memory.card(), count))?;
                row += count;
                at += count;
            }
        }
        Ok(found)
    }

    /// Hidden states and logits in host memory. Waits for the card once.
    pub fn read_head(&mut self, head: &CardHead) -> Result<(Vec<f32>, Logits)> {
        let count = |part: &Rows| part.rows * part.width;
        let hidden_count = head.hidden.as_ref().map_or(0, count);
        // With the most likely tokens here, the logits stay where they are.
        let sent: Vec<&Rows> = head.top.as_ref().map_or(head.logits.iter().collect(), |top| vec![top]);
        let sent_count = sent.iter().map(|part| count(part)).sum::<usize>();
        let log_words = self.log_words();
        let scratch = &mut *self.scratch;
        let mut results = scratch.results.take(4 * (sent_count + hidden_count + log_words))?;
        let pinned = Arc::get_mut(&mut results).expect("nobody else holds it");
        let mut offset = 0;
        for part in sent.into_iter().chain(&head.hidden) {
            let bytes = 4 * count(part);
            pinned.download(part.ptr().cast(), bytes, offset).map_err(Error::wrap)?;
            offset += bytes;
        }
        pinned.download(scratch.log.ptr(), 4 * log_words, offset).map_err(Error::wrap)?;
        if offset > 0 {
            self.memory.card().synchronize().map_err(Error::wrap)?;
            self.log = Some(results.slice::<u32>(offset, log_words).to_vec());
        }
        let hidden = results.slice::<f32>(4 * sent_count, hidden_count).to_vec();
        scratch.results.keep(&results);
        if head.top.is_none() {
            return Ok((hidden, Logits::pinned(results, sent_count)));
        }
        let vocab = head.logits[0].width;
        let records = results.slice::<u32>(0, sent_count).chunks_exact(RECORD);
        let logits = OnCard {
            parts: head.logits.clone(),
            top: records.map(|record| TopRow::read(record, vocab)).collect(),
            vocab,
            passes: scratch.passes.clone(),
            pass: scratch.passes.load(Ordering::Relaxed),
            values: OnceLock::new(),
        };
        Ok((hidden, Logits::on_card(logits)))
    }
}

/// Pinned memory for what passes give back. It is used again once nobody holds the logits in it.
pub struct Results {
    card: Arc<cuda::Card>,
    kept: Vec<Arc<Pinned>>,
}

/// Memories that are kept: one is read while the next pass writes another.
const MAX_KEPT: usize = 2;
/// Sizes are multiples of it, so that a pass of some rows more finds one.
const RESULT_UNIT: usize = 1 << 20;

impl Results {
    pub fn new(card: Arc<cuda::Card>) -> Self {
        Self { card, kept: Vec::new() }
    }

    /// Memory of at least `bytes` that nobody else holds.
    fn take(&mut self, bytes: usize) -> Result<Arc<Pinned>> {
        let fits = |memory: &Arc<Pinned>| memory.bytes() >= bytes && Arc::strong_count(memory) == 1;
        if let Some(at) = self.kept.iter().position(fits) {
            return Ok(self.kept.swap_remove(at));
        }
        let size = bytes.next_multiple_of(RESULT_UNIT);
        Pinned::new(&self.card, size).map(Arc::new).map_err(Error::wrap)
    }

    /// Keeps memory for later passes; a larger one is worth more.
    fn keep(&mut self, memory: &Arc<Pinned>) {
        self.kept.push(memory.clone());
        if self.kept.len() > MAX_KEPT {
            let smallest = (0..self.kept.len()).min_by_key(|&at| self.kept[at].bytes());
            self.kept.swap_remove(smallest.expect("there are some"));
        }
    }
}

/// Runs of consecutive rows: the first and how many.
fn runs(rows: &[u32]) -> impl Iterator<Item = (usize, usize)> {
    rows.chunk_by(|a, b| a + 1 == *b).map(|run| (run[0] as usize, run.len()))
}
