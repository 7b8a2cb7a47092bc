//! Plans of a deployment for hosts that the user names. Starts nothing and connects to nothing.
//! It parses and checks the request; `plan` computes the plan, `convert` makes the view.
use catalog::{Catalog, ModelFacts};
use contract::{ErrorCode, ErrorView, PlanOutcome, PlanWish};
use plan::{DeployRequest, Engine, Inventory, Plan, PlanError, plan, plan_any_engine};

use crate::convert::{invalid, plan_outcome};

/// A plan for the request, or the reasons why there is none.
pub fn plan_for(wish: &PlanWish) -> Result<PlanOutcome, ErrorView> {
    Ok(plan_outcome(&plan_request(wish)?))
}

pub(crate) fn plan_request(wish: &PlanWish) -> Result<Result<Plan, PlanError>, ErrorView> {
    let model = find_model(&wish.model)?;
    let engine = Engine::from_name(&wish.engine);
    if engine.is_none() && !wish.engine.is_empty() {
        let names = Engine::ALL.map(Engine::name).join(", ");
        return Err(invalid(format!("plan: no engine `{}`", wish.engine), "engine", names));
    }
    let inventory = inventory(&wish.machines)?;
    let variant = wish.precision.as_ref().map(|precision| {
        let found = model.variants.iter().find(|it| it.precision.eq_ignore_ascii_case(precision));
        let all = || model.variants.iter().map(|it| it.precision.as_str()).collect::<Vec<_>>().join(", ");
        found
            .map(|it| it.id.clone())
            .ok_or_else(|| invalid(format!("plan: {} has no {precision}", model.name), "precision", all()))
    });
    let variant = variant.transpose()?;
    not_zero("context", wish.context)?;
    not_zero("sequences", wish.sequences)?;
    let request = DeployRequest {
        model,
        variant,
        engine: engine.unwrap_or(Engine::Sglang),
        context: wish.context,
        sequences: wish.sequences,
        ray: wish.ray,
    };
    Ok(if engine.is_some() { plan(&request, &inventory) } else { plan_any_engine(&request, &inventory) })
}

/// A table for a spreadsheet: which GPUs hold the model, and how many of each.
pub fn cards_csv(model: &str, context: u32, sequences: u32) -> Result<String, ErrorView> {
    let model = find_model(model)?;
    let demand = catalog::Demand { context, sequences, kv: catalog::KvDtype::Bf16 };
    Ok(catalog::csv(model, &catalog::table(Catalog::builtin(), model, demand)))
}

pub(crate) fn inventory(machines: &str) -> Result<Inventory, ErrorView> {
    Inventory::parse(machines).map_err(|error| {
        let cards = Catalog::builtin().gpus().iter().map(|card| card.label()).collect::<Vec<_>>().join(", ");
        invalid(format!("plan: {error}"), "gpus", format!("8xH100-80G, 2x8xH100-80G; {cards}"))
    })
}

pub(crate) fn not_zero(name: &str, value: u32) -> Result<(), ErrorView> {
    if value == 0 { Err(invalid(format!("plan: {name} is 0"), name, "> 0")) } else { Ok(()) }
}

/// Finds a model by id, name or repository.
pub(crate) fn find_model(text: &str) -> Result<&'static ModelFacts, ErrorView> {
    let models = Catalog::builtin().models();
    let same = |model: &&ModelFacts| {
        let repositories = model.variants.iter().filter_map(|variant| variant.repo_hugging_face.as_deref());
        std::iter::once(model.id.as_str())
            .chain(std::iter::once(model.name.as_str()))
            .chain(repositories)
            .any(|name| name.eq_ignore_ascii_case(text))
    };
    models.iter().find(same).ok_or_else(|| {
        ErrorView::new(ErrorCode::ModelNotFound, "plan: the catalogue does not know the model")
            .with("model_id", text)
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use messages::Lang;
    use plan::ReasonCode;

    use super::*;

    #[test]
    fn every_place_is_filled_in_every_plan() {
        let mut seen = BTreeSet::new();
        for model in Catalog::builtin().models() {
            for engine in ["sglang", "vllm", "llama-server", "ollama"] {
                for machines in [
                    "RTX-4090-24G",
                    "3xRTX-3060-12G",
                    "8xH20-96G",
                    "2x8xH100-80G",
                    "4x8xA100-80G",
                    "8xMI300X-192G",
                    "T4",
                    "8xH200-141G",
                    "2xRX-7900-XTX-24G",
                    "5xL40S-48G",
                ] {
                    for (sequences, ray) in [(1, false), (64, true)] {
                        let wish = PlanWish {
                            model: model.id.clone(),
                            engine: engine.into(),
                            machines: machines.into(),
                            precision: None,
                            context: 32_768,
                            sequences,
                            ray,
                        };
                        let reasons = match plan_for(&wish).expect("is understood") {
                            PlanOutcome::Plan(plan) => {
                                let lines =
                                    plan.arguments.iter().chain(&plan.environment).chain(&plan.modelfile);
                                lines
                                    .map(|line| line.why.clone())
                                    .chain(plan.notes.clone())
                                    .collect::<Vec<_>>()
                            }
                            PlanOutcome::NotEnough { refusals, .. } => {
                                refusals.into_iter().map(|refusal| refusal.why).collect()
                            }
                        };
                        for reason in reasons {
                            for lang in [Lang::En, Lang::Zh] {
                                let text = messages::plan_message(&reason, lang);
                                assert!(!text.contains(['{', '}']), "{}: {text}", reason.code);
                            }
                            seen.insert(reason.code);
                        }
                    }
                }
            }
        }
        // A deployment opens a plan to the network. No catalogue model has FP4 files yet, and all of them can
        // be divided where a single GPU is possible too.
        let unseen: Vec<_> =
            ReasonCode::ALL.iter().map(|code| code.key()).filter(|key| !seen.contains(*key)).collect();
        assert_eq!(unseen, ["host", "api_key", "open_to_network", "no_fp4", "no_division"]);
    }
}
