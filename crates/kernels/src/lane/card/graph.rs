//! A decode step as one CUDA graph. Every step of the same rows, bucket of positions and cache is the same
//! sequence of launches: what differs is in the arrays of the pass.
use std::sync::Arc;

use candle_core::{Error, Result};
use cuda::Graph;

use super::{CardHead, CardLane};

/// Steps with more rows are launched one kernel at a time.
const MAX_GRAPH_ROWS: usize = 16;
/// Graphs of one model: one for each number of rows and bucket of positions in use.
const MAX_GRAPHS: usize = 24;

/// What must be the same for a graph to be launched again.
#[derive(PartialEq, Eq, Clone)]
pub struct GraphKey {
    /// Which of the model's computations.
    pub computation: usize,
    pub rows: usize,
    pub max_keys: usize,
    pub cache: u64,
    /// Rows whose hidden states and whose logits are asked for.
    pub outputs: [Vec<u32>; 2],
}

/// A step that was seen before.
enum Seen {
    /// Once: a graph is worth its memory only for what comes again.
    Once,
    /// It could not be captured, and is launched kernel by kernel from then on.
    NotCaptured,
    Captured(Arc<Captured>),
}

/// A graph with what it gives back.
pub struct Captured {
    graph: Graph,
    head: CardHead,
    logged: Vec<(usize, usize)>,
}

/// The steps seen last.
#[derive(Default)]
pub struct GraphCache {
    /// The one used last is at the end.
    steps: Vec<(GraphKey, Seen)>,
}

/// How to run a step.
pub enum Plan {
    /// Kernel by kernel.
    Launch,
    /// Kernel by kernel into a graph, which is then launched.
    Capture(GraphKey),
    Replay(Arc<Captured>),
}

impl GraphCache {
    fn plan(&mut self, key: GraphKey) -> Plan {
        let entry = match self.steps.iter().position(|(seen, _)| *seen == key) {
            Some(at) => self.steps.remove(at),
            None => {
                if self.steps.len() == MAX_GRAPHS {
                    self.steps.remove(0);
                }
                self.steps.push((key, Seen::Once));
                return Plan::Launch;
            }
        };
        let plan = match &entry.1 {
            Seen::Once => Plan::Capture(key),
            Seen::NotCaptured => Plan::Launch,
            Seen::Captured(captured) => Plan::Replay(captured.clone()),
        };
        self.steps.push(entry);
        plan
    }

    fn insert(&mut self, key: &GraphKey, now: Seen) {
        if let Some((_, seen)) = self.steps.iter_mut().find(|(seen, _)| seen == key) {
            *seen = now;
        }
    }
}

impl CardLane<'_> {
    /// How to run this step. `fixed` is whether it reads nothing but the arrays of the pass.
    pub fn plan(&mut self, computation: usize, cache: u64, outputs: [&[u32]; 2], fixed: bool) -> Plan {
        let decodes = self.sequences.iter().all(|s| !s.prefill);
        if !fixed || !decodes || self.rows > MAX_GRAPH_ROWS {
            return Plan::Launch;
        }
        let (rows, max_keys) = (self.rows, self.max_keys);
        let key = GraphKey { computation, rows, max_keys, cache, outputs: outputs.map(<[u32]>::to_vec) };
        self.scratch.graphs.plan(key)
    }

    pub fn replay(&mut self, captured: &Captured) -> Result<CardHead> {
        self.check(captured.graph.launch())?;
        self.logged.clone_from(&captured.logged);
        Ok(captured.head.clone())
    }

    /// Makes a graph of what was recorded and launches it.
    pub fn finish_capture(&mut self, key: &GraphKey, graph: Graph, head: CardHead) -> Result<CardHead> {
        let captured = Arc::new(Captured { graph, head, logged: self.logged.clone() });
        self.scratch.graphs.insert(key, Seen::Captured(captured.clone()));
        self.replay(&captured)
    }

    /// Notes that there can be no graph of this step.
    pub fn give_up_capture(&mut self, key: &GraphKey) {
        self.scratch.graphs.insert(key, Seen::NotCaptured);
    }

    /// Records what `enqueue` launches.
    pub fn record<T, E: From<Error>>(
        card: &Arc<cuda::Card>,
        enqueue: impl FnOnce() -> std::result::Result<T, E>,
    ) -> std::result::Result<(Graph, T), E> {
        let mut outcome = None;
        let graph = Graph::capture(card, || {
            outcome = Some(enqueue());
            Ok(())
        });
        match outcome {
            Some(Err(error)) => Err(error),
            Some(Ok(value)) => Ok((graph.map_err(Error::wrap)?, value)),
            None => Err(graph
                .map(|_| ())
                .map_err(Error::wrap)
                .err()
                .unwrap_or_else(|| Error::msg("no capture"))
                .into()),
        }
    }
}
