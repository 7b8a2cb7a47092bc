//! Differences and steps as a page shows them. The words of a step are the host's.
//! Decides nothing.
use ::connect::{DiffLine, Field, LineKind, Step, Way};
use contract::{ConnectLine, ConnectLineKind, ConnectStep};

pub(super) fn line_view(line: DiffLine) -> ConnectLine {
    let kind = match line.kind {
        LineKind::Same => ConnectLineKind::Same,
        LineKind::Added => ConnectLineKind::Added,
        LineKind::Removed => ConnectLineKind::Removed,
        LineKind::Gap => ConnectLineKind::Gap,
    };
    ConnectLine { kind, text: line.text }
}

pub(super) fn step_view(step: &Step) -> ConnectStep {
    match step {
        Step::Install { name } => ConnectStep::Install { name: (*name).to_owned() },
        Step::Run { way: Way::Docker, command } => ConnectStep::RunDocker { command: command.clone() },
        Step::Run { way: Way::Pip, command } => ConnectStep::RunPip { command: command.clone() },
        Step::Variable { name, value } => {
            ConnectStep::Variable { name: (*name).to_owned(), value: value.clone() }
        }
        Step::Open { labels } => {
            ConnectStep::Open { labels: labels.iter().map(|label| (*label).to_owned()).collect() }
        }
        Step::Enter { field, value } => {
            let value = value.clone();
            match field {
                Field::Address => ConnectStep::EnterAddress { value },
                Field::Key => ConnectStep::EnterKey { value },
                Field::Name => ConnectStep::EnterName { value },
                Field::Model => ConnectStep::EnterModel { value },
            }
        }
        Step::Choose { model } => ConnectStep::ChooseModel { model: model.clone() },
        Step::Restart => ConnectStep::Restart,
    }
}
