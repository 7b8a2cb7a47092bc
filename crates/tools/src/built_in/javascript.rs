//! JavaScript as a calculator, in the engine of the crate `script`, whose limits it has.
//! It blocks for some seconds at most.
use script::{Evaluation, Failure, evaluate};

use crate::ToolResult;

/// The value of the last expression, below what the script logged.
pub fn run_javascript(code: &str) -> ToolResult {
    match evaluate(code) {
        Ok(Evaluation { value, log }) => {
            let value = if value.is_empty() && log.is_empty() { "undefined".to_owned() } else { value };
            let lines: Vec<String> =
                log.into_iter().chain([value].into_iter().filter(|v| !v.is_empty())).collect();
            ToolResult::text(lines.join("\n"))
        }
        Err(Failure::Exception(message)) if message.is_empty() => {
            ToolResult::error("The script did not end within its time.")
        }
        Err(Failure::Exception(message)) => ToolResult::error(format!("The script threw: {message}")),
        Err(Failure::Memory) => ToolResult::error("The script used too much memory."),
        Err(Failure::LeftBehind) => ToolResult::error("The script did not end within its time."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_a_log_and_an_error_are_told() {
        assert_eq!(run_javascript("console.log('a'); 0.1 + 0.2").text, "a\n0.30000000000000004");
        assert_eq!(run_javascript("let a = 1;"), ToolResult::text("undefined"));
        assert_eq!(run_javascript("x"), ToolResult::error("The script threw: x is not defined"));
        assert!(run_javascript("for (;;) {}").is_error);
    }
}
