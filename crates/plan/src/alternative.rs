//! Alternatives to a request that does not fit: other variants or engines on the same hosts, more of the same
//! hosts, then one host with eight GPUs of another type.
use catalog::Catalog;

use crate::choose::choose;
use crate::engine::Engine;
use crate::inventory::Inventory;
use crate::request::DeployRequest;

#[derive(Debug, Clone, PartialEq)]
pub struct Alternative {
    pub engine: Engine,
    pub precision: String,
    pub inventory: Inventory,
    /// KV cache capacity in tokens, shared by all sequences.
    pub tokens: u64,
    pub context: u32,
    pub sequences: u32,
}

const MAX_OTHER_GPUS: usize = 3;

pub(crate) fn alternatives(request: &DeployRequest, inventory: &Inventory) -> Vec<Alternative> {
    let mut alternatives: Vec<Alternative> = std::iter::once(request.engine)
        .chain(Engine::ALL.into_iter().filter(|engine| *engine != request.engine))
        .filter_map(|engine| {
            alternative(&DeployRequest { engine, variant: None, ..request.clone() }, inventory)
        })
        .collect();
    let more = [2, 4].map(|times| Inventory { hosts: inventory.hosts * times, ..inventory.clone() });
    alternatives.extend(
        more.iter().find_map(|hosts| alternative(request, hosts).filter(|it| it.uses_all_hosts(hosts))),
    );
    let mut others: Vec<_> = Catalog::builtin()
        .gpus()
        .iter()
        .filter(|gpu| gpu.name != inventory.gpu.name && !gpu.unified)
        .collect();
    others.sort_by_key(|gpu| gpu.memory_mib);
    let others = others.into_iter().map(|gpu| Inventory { hosts: 1, gpus_per_host: 8, gpu: gpu.clone() });
    alternatives.extend(others.filter_map(|host| alternative(request, &host)).take(MAX_OTHER_GPUS));
    alternatives
}

impl Alternative {
    /// Whether the engine uses all requested hosts; one that leaves the added hosts idle is no alternative.
    fn uses_all_hosts(&self, requested: &Inventory) -> bool {
        self.inventory.hosts == requested.hosts
    }
}

fn alternative(request: &DeployRequest, inventory: &Inventory) -> Option<Alternative> {
    let choice = choose(request, inventory).ok()?;
    Some(Alternative {
        engine: request.engine,
        precision: choice.variant.precision.clone(),
        inventory: Inventory { hosts: choice.hosts, ..inventory.clone() },
        tokens: choice.memory.tokens,
        context: choice.context,
        sequences: choice.sequences,
    })
}
