//! Whose turn it is. Every running sequence gets one step in turn, so a long prompt delays others by one chunk only.
use std::collections::VecDeque;

use crate::sequence::Sequence;

pub struct Schedule {
    waiting: VecDeque<Sequence>,
    running: VecDeque<Sequence>,
    most: usize,
}

impl Schedule {
    pub fn new(most: usize) -> Self {
        Self { waiting: VecDeque::new(), running: VecDeque::new(), most }
    }

    pub fn add(&mut self, sequence: Sequence) {
        self.waiting.push_back(sequence);
    }

    /// The sequence to step now; give it back with [`Schedule::keep`] unless it ended.
    pub fn next(&mut self) -> Option<Sequence> {
        if self.running.len() < self.most {
            self.running.extend(self.waiting.pop_front());
        }
        self.running.pop_front()
    }

    pub fn keep(&mut self, sequence: Sequence) {
        self.running.push_back(sequence);
    }

    /// (running, waiting)
    pub fn counts(&self) -> (usize, usize) {
        (self.running.len(), self.waiting.len())
    }

    pub fn is_idle(&self) -> bool {
        self.running.is_empty() && self.waiting.is_empty()
    }
}
