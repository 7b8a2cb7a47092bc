//! What would serve a model that these machines do not: other files or engines on the same machines, more of the same
//! machines, then one machine of eight other cards.
use catalog::Catalog;

use super::choose::choose;
use super::wish::{Engine, Inventory, Spec};

#[derive(Debug, Clone, PartialEq)]
pub struct Offer {
    pub engine: Engine,
    pub precision: String,
    pub inventory: Inventory,
    /// Tokens that all conversations together may have.
    pub tokens: u64,
    pub context: u32,
    pub sequences: u32,
}

const OTHER_CARDS: usize = 3;

pub(crate) fn offers(spec: &Spec, inventory: &Inventory) -> Vec<Offer> {
    let mut offers: Vec<Offer> = std::iter::once(spec.engine)
        .chain(Engine::ALL.into_iter().filter(|engine| *engine != spec.engine))
        .filter_map(|engine| offer(&Spec { engine, variant: None, ..spec.clone() }, inventory))
        .collect();
    let more = [2, 4].map(|times| Inventory { machines: inventory.machines * times, ..inventory.clone() });
    offers.extend(
        more.iter().find_map(|machines| offer(spec, machines).filter(|it| it.whole_machines(machines))),
    );
    let mut others: Vec<_> =
        Catalog::builtin().cards().iter().filter(|card| card.name != inventory.card.name).collect();
    others.sort_by_key(|card| card.memory_mib);
    let others = others.into_iter().map(|card| Inventory { machines: 1, cards: 8, card: card.clone() });
    offers.extend(others.filter_map(|machine| offer(spec, &machine)).take(OTHER_CARDS));
    offers
}

impl Offer {
    /// Not an engine that leaves the added machines idle.
    fn whole_machines(&self, asked: &Inventory) -> bool {
        self.inventory.machines == asked.machines
    }
}

fn offer(spec: &Spec, inventory: &Inventory) -> Option<Offer> {
    let choice = choose(spec, inventory).ok()?;
    Some(Offer {
        engine: spec.engine,
        precision: choice.variant.precision.clone(),
        inventory: Inventory { machines: choice.machines, ..inventory.clone() },
        tokens: choice.memory.tokens,
        context: choice.context,
        sequences: choice.sequences,
    })
}
