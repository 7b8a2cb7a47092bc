//! Deployment plans as views of the contract, with every rendering of the plan.
//! Values that only a host knows are written as LEADER, RANK and API_KEY. Nothing is planned here.
use contract::{
    OfferView, PlanFile, PlanLine, PlanMemoryView, PlanOutcome, PlanView, ReasonView, RefusalView,
};
use plan::render::{Format, render};
use plan::{Alternative, Argument, Plan, PlanError, Reason, ReasonValue, Rejection, Value};

pub(crate) fn plan_outcome(outcome: &Result<Plan, PlanError>) -> PlanOutcome {
    match outcome {
        Ok(plan) => PlanOutcome::Plan(Box::new(plan_view(plan))),
        Err(error) => PlanOutcome::NotEnough {
            refusals: error.rejections.iter().map(rejection).collect(),
            offers: error.alternatives.iter().map(alternative).collect(),
        },
    }
}

fn plan_view(plan: &Plan) -> PlanView {
    let lines = |arguments: &[Argument]| arguments.iter().map(line).collect();
    let files = Format::ALL.into_iter().filter_map(|format| Some((format, render(plan, format)?)));
    let files = files.flat_map(|(format, files)| {
        files.into_iter().map(move |file| PlanFile {
            form: format.name().to_owned(),
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
            cards: plan.memory.gpus,
            card: plan.inventory.gpu.memory() as f64,
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
        Value::None | Value::FollowersOnly => String::new(),
        Value::Text(text) => text.clone(),
        Value::Leader(Some(port)) => format!("LEADER:{port}"),
        Value::Leader(None) => "LEADER".to_owned(),
        Value::Rank => "RANK".to_owned(),
        Value::Key => "API_KEY".to_owned(),
    };
    PlanLine { text: format!("{} {value}", argument.name).trim().to_owned(), why: reason(&argument.reason) }
}

fn reason(reason: &Reason) -> ReasonView {
    let written = |value: &ReasonValue| match value {
        ReasonValue::Text(text) => text.clone(),
        // A message groups its digits.
        ReasonValue::Count(count) => count.to_string(),
        ReasonValue::Bytes(bytes) => messages::size(*bytes),
    };
    let values = reason.values.iter().map(|(name, value)| ((*name).to_owned(), written(value)));
    ReasonView { code: reason.code.key().to_owned(), values: values.collect() }
}

fn rejection(rejection: &Rejection) -> RefusalView {
    RefusalView { precision: rejection.precision.clone(), why: reason(&rejection.reason) }
}

fn alternative(alternative: &Alternative) -> OfferView {
    OfferView {
        engine: alternative.engine.name().to_owned(),
        precision: alternative.precision.clone(),
        machines: alternative.inventory.label(),
        tokens: alternative.tokens as f64,
        context: alternative.context,
        sequences: alternative.sequences,
    }
}
