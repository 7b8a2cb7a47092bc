//! Deployment plans as the hosts see them.
use contract::{
    OfferView, PlanFile, PlanLine, PlanMemoryView, PlanOutcome, PlanView, ReasonView, RefusalView,
};
use deploy::plan::{Argument, Explained, NotEnough, Offer, Plan, Refusal, Value};
use deploy::render::{Form, render};

pub(crate) fn plan_outcome(outcome: &Result<Plan, NotEnough>) -> PlanOutcome {
    match outcome {
        Ok(plan) => PlanOutcome::Plan(Box::new(plan_view(plan))),
        Err(not) => PlanOutcome::NotEnough {
            refusals: not.refusals.iter().map(refusal).collect(),
            offers: not.offers.iter().map(offer).collect(),
        },
    }
}

fn plan_view(plan: &Plan) -> PlanView {
    let lines = |arguments: &[Argument]| arguments.iter().map(line).collect();
    let files = Form::ALL.into_iter().filter_map(|form| Some((form, render(plan, form)?)));
    let files = files.flat_map(|(form, files)| {
        files.into_iter().map(move |file| PlanFile {
            form: form.name().to_owned(),
            name: file.name,
            text: file.text,
        })
    });
    PlanView {
        engine: plan.engine.name().to_owned(),
        model_id: plan.model_id.clone(),
        model_name: plan.model_name.clone(),
        precision: plan.precision.clone(),
        machines: plan.inventory.label(),
        memory: PlanMemoryView {
            size: plan.size as f64,
            cards: plan.memory.cards,
            card: plan.inventory.card.memory() as f64,
            budget: plan.memory.budget as f64,
            weights: plan.memory.weights as f64,
            overhead: plan.memory.overhead as f64,
            token: plan.memory.token as f64,
            tokens: plan.memory.tokens as f64,
        },
        context: plan.context,
        sequences: plan.sequences,
        arguments: lines(&plan.arguments),
        environment: plan
            .environment
            .iter()
            .map(|variable| {
                let line = line(variable);
                PlanLine { text: line.text.replacen(' ', "=", 1), ..line }
            })
            .collect(),
        modelfile: lines(&plan.modelfile),
        notes: plan.notes.iter().map(reason).collect(),
        files: files.collect(),
    }
}

fn line(argument: &Argument) -> PlanLine {
    let value = match &argument.value {
        Value::None | Value::OnFollowers => String::new(),
        Value::Text(text) => text.clone(),
        Value::Leader(Some(port)) => format!("LEADER:{port}"),
        Value::Leader(None) => "LEADER".to_owned(),
        Value::Rank => "RANK".to_owned(),
        Value::Key => "API_KEY".to_owned(),
    };
    PlanLine { text: format!("{} {value}", argument.name).trim().to_owned(), why: reason(&argument.why) }
}

fn reason(why: &Explained) -> ReasonView {
    let values = why.values.iter().map(|(name, value)| ((*name).to_owned(), value.clone()));
    ReasonView { code: why.code.key().to_owned(), values: values.collect() }
}

fn refusal(refusal: &Refusal) -> RefusalView {
    RefusalView { precision: refusal.precision.clone(), why: reason(&refusal.why) }
}

fn offer(offer: &Offer) -> OfferView {
    OfferView {
        engine: offer.engine.name().to_owned(),
        precision: offer.precision.clone(),
        machines: offer.inventory.label(),
        tokens: offer.tokens as f64,
        context: offer.context,
        sequences: offer.sequences,
    }
}
