//! ollama's Modelfile: one line per directive, in the order of the plan.
//! Values that only a running host knows have no place in it and are left out.
use crate::{Plan, Value};

pub(super) fn text(plan: &Plan) -> String {
    let mut text = format!("# {}\n", super::title(plan));
    for line in &plan.modelfile {
        if let Value::Text(value) = &line.value {
            text.push_str(&format!("{} {value}\n", line.name));
        }
    }
    text
}
