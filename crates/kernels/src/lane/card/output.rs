//! What a pass gives back to the host: hidden states, logits, the routing log.
//! Everything is copied at once, so that the host waits once.
use candle_core::{Error, Result, bail};

use super::{CardLane, Rows};
use crate::Linear;
use crate::rms_norm::RmsNorm;

/// The output of a pass while it is on the card.
#[derive(Clone)]
pub struct CardHead {
    /// [rows, hidden]; none when no row is asked for.
    hidden: Option<Rows>,
    /// In order of rows.
    logits: Vec<Rows>,
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
            return Ok(CardHead { hidden: None, logits: Vec::new() });
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
            .collect::<Result<_>>()?;
        Ok(CardHead { hidden: Some(hidden), logits })
    }

    /// Hidden states and logits as values in host memory. Waits for the card once, when they fit the pinned
    /// buffer together with the routing log.
    pub fn read_head(&mut self, head: &CardHead) -> Result<(Vec<f32>, Vec<f32>)> {
        let parts: Vec<&Rows> = head.hidden.iter().chain(&head.logits).collect();
        let count: usize = parts.iter().map(|part| part.rows * part.width).sum();
        let log = self.log_words();
        let scratch = &mut *self.scratch;
        if (count + log) * 4 > scratch.results.bytes() {
            let values = parts.iter().map(|part| part.read()).collect::<Result<Vec<_>>>()?;
            let hidden = head.hidden.as_ref().map_or(0, |_| 1);
            return Ok((values[..hidden].concat(), values[hidden..].concat()));
        }
        let mut offset = 0;
        for part in &parts {
            let bytes = part.rows * part.width * 4;
            scratch.results.download(part.ptr().cast(), bytes, offset).map_err(Error::wrap)?;
            offset += bytes;
        }
        scratch.results.download(scratch.log.ptr(), log * 4, offset).map_err(Error::wrap)?;
        if count > 0 {
            self.memory.card().synchronize().map_err(Error::wrap)?;
            self.log = Some(scratch.results.slice::<u32>(offset, log).to_vec());
        }
        let hidden = head.hidden.as_ref().map_or(0, |rows| rows.rows * rows.width);
        let values = scratch.results.slice::<f32>(0, count);
        Ok((values[..hidden].to_vec(), values[hidden..].to_vec()))
    }
}

/// Runs of consecutive rows: the first and how many.
fn runs(rows: &[u32]) -> impl Iterator<Item = (usize, usize)> {
    rows.chunk_by(|a, b| a + 1 == *b).map(|run| (run[0] as usize, run.len()))
}
