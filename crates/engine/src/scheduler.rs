//! Which requests run and what the next step computes: waiting and running sequences and a token budget give
//! a [`ScheduledBatch`]. Pure policy: knows no model, no KV memory and no clock.
use std::sync::Arc;

use crate::cancel::CancelFlag;
use crate::queue::Queue;
use crate::sequence::Sequence;

#[derive(Debug)]
pub struct Scheduler {
    waiting: Arc<Queue>,
    /// In order of admission.
    pub running: Vec<Sequence>,
    max_running: usize,
    /// Prompt tokens of one step, and the size of a chunk of one prompt.
    prefill_tokens: usize,
    /// Prompt chunks scheduled so far; orders prompts by when they last had one.
    prefills: u64,
}

/// What one step computes, by index of [`Scheduler::running`].
#[derive(Debug, Default, PartialEq, Eq)]
pub struct ScheduledBatch {
    /// Sequences that compute their newest token.
    pub decode: Vec<usize>,
    /// Sequences that compute a chunk of their prompt, with its tokens.
    pub prefill: Vec<(usize, usize)>,
}

impl Scheduler {
    pub fn new(waiting: Arc<Queue>, max_running: usize, prefill_tokens: usize) -> Self {
        Self { waiting, running: Vec::new(), max_running, prefill_tokens, prefills: 0 }
    }

    /// Moves the first waiting request to the running ones when a slot is free and `reserve` finds its pages.
    /// First come, first served. Returns its index.
    pub fn admit(&mut self, reserve: impl FnOnce(&mut Sequence) -> bool) -> Option<usize> {
        if self.running.len() >= self.max_running {
            return None;
        }
        self.running.push(self.waiting.pop_if(reserve)?);
        Some(self.running.len() - 1)
    }

    /// Every decoding sequence, and chunks of prompts within the budget, the prompt that waited longest for
    /// one first.
    ///
    /// The size of a chunk depends on its own prompt alone, so that other sequences cannot change how it is
    /// computed.
    pub fn schedule(&self) -> ScheduledBatch {
        let (decode, mut prompts): (Vec<usize>, Vec<usize>) =
            (0..self.running.len()).partition(|&index| self.running[index].is_decoding());
        prompts.sort_by_key(|&index| self.running[index].last_scheduled);
        let mut prefill = Vec::new();
        let mut budget = self.prefill_tokens;
        for index in prompts {
            let tokens = self.running[index].prompt_left().min(self.prefill_tokens);
            if !prefill.is_empty() && tokens > budget {
                break;
            }
            budget = budget.saturating_sub(tokens);
            prefill.push((index, tokens));
        }
        ScheduledBatch { decode, prefill }
    }

    /// The prompt chunk of this sequence is about to be computed.
    pub fn mark_scheduled(&mut self, index: usize) {
        self.prefills += 1;
        self.running[index].last_scheduled = self.prefills;
    }

    /// Running sequences that were cancelled, last first.
    pub fn cancelled(&self) -> Vec<usize> {
        (0..self.running.len()).rev().filter(|&index| self.running[index].cancel.is_cancelled()).collect()
    }

    /// The cancel flags of the running sequences.
    pub fn cancel_flags(&self) -> Vec<CancelFlag> {
        self.running.iter().map(|sequence| sequence.cancel.clone()).collect()
    }

    /// Takes a sequence that ended from the running ones.
    pub fn remove(&mut self, index: usize) -> Sequence {
        let sequence = self.running.remove(index);
        self.waiting.forget(&sequence.cancel);
        sequence
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Request;

    /// A sequence that is `done` of `prompt` tokens into its prompt, or past it with one token of its answer.
    fn sequence(prompt: usize, done: usize, last_scheduled: u64) -> Sequence {
        let request = Request { tokens: vec![1; prompt], ..Request::default() };
        let mut sequence = Sequence::new(request, 4096, 1, Box::new(|_| {}));
        if done == prompt {
            sequence.tokens.push(2);
        }
        (sequence.num_computed, sequence.last_scheduled) = (done, last_scheduled);
        sequence
    }

    fn scheduler(max_running: usize, running: &[(usize, usize, u64)]) -> Scheduler {
        let mut scheduler = Scheduler::new(Arc::default(), max_running, 48);
        scheduler.running.extend(running.iter().map(|&(prompt, done, last)| sequence(prompt, done, last)));
        scheduler
    }

    #[test]
    fn every_answer_and_the_chunks_that_fit_are_scheduled() {
        let check = |running: &[(usize, usize, u64)], decode: &[usize], prefill: &[(usize, usize)]| {
            let expected = ScheduledBatch { decode: decode.into(), prefill: prefill.into() };
            assert_eq!(scheduler(8, running).schedule(), expected, "{running:?}");
        };
        check(&[], &[], &[]);
        check(&[(5, 5, 1), (9, 9, 2)], &[0, 1], &[]);
        // A prompt is cut into chunks of the budget; the last one may be shorter.
        check(&[(100, 0, 0)], &[], &[(0, 48)]);
        check(&[(100, 96, 2)], &[], &[(0, 4)]);
        // A full chunk leaves no budget, a short one leaves room for what fits whole.
        check(&[(100, 48, 1), (5, 5, 2), (9, 0, 3)], &[1], &[(0, 48)]);
        check(&[(20, 0, 1), (28, 0, 2), (1, 0, 3)], &[], &[(0, 20), (1, 28)]);
        // A chunk is never cut to the budget that is left, and a later one does not overtake it.
        check(&[(20, 0, 1), (29, 0, 2), (1, 0, 3)], &[], &[(0, 20)]);
        // The least recently scheduled prompt comes first, equal ones in order of admission.
        check(&[(100, 48, 3), (100, 48, 1), (9, 0, 0), (9, 0, 0)], &[], &[(2, 9), (3, 9)]);
        // A cached prefix that leaves one token is still a prompt.
        check(&[(10, 9, 0)], &[], &[(0, 1)]);
    }

    #[test]
    fn prompts_take_turns() {
        let mut scheduler = scheduler(8, &[(500, 0, 0), (500, 0, 0), (500, 0, 0)]);
        let turns: Vec<usize> = (0..6)
            .map(|_| {
                let (index, tokens) = scheduler.schedule().prefill[0];
                scheduler.mark_scheduled(index);
                scheduler.running[index].num_computed += tokens;
                index
            })
            .collect();
        assert_eq!(turns, [0, 1, 2, 0, 1, 2]);
    }

    #[test]
    fn requests_are_admitted_in_order_while_slots_and_pages_last() {
        let mut scheduler = scheduler(2, &[]);
        for prompt in [3, 4, 5] {
            scheduler.waiting.push(sequence(prompt, 0, 0)).expect("the queue is open");
        }
        assert_eq!(scheduler.admit(|_| false), None, "no pages");
        assert_eq!(scheduler.admit(|first| first.tokens.len() == 4), None, "the second may not overtake");
        assert_eq!([scheduler.admit(|_| true), scheduler.admit(|_| true)], [Some(0), Some(1)]);
        assert_eq!(scheduler.admit(|_| true), None, "no slot");
        let prompts: Vec<usize> = scheduler.running.iter().map(|sequence| sequence.tokens.len()).collect();
        assert_eq!((prompts, scheduler.waiting.len()), (vec![3, 4], 1));
        scheduler.running[0].cancel.cancel();
        assert_eq!(scheduler.cancelled(), [0]);
        scheduler.remove(0);
        assert_eq!(scheduler.admit(|_| true), Some(1));
    }
}
