//! A script as a tool: the value of its last expression, and what it logs, as text. Both are bounded here and
//! not by the script.
use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use rquickjs::convert::Coerced;
use rquickjs::function::Rest;
use rquickjs::{CatchResultExt, CaughtError, Ctx, FromJs, Function, Object, Value};

use crate::{Failure, Limits, eval, run};

/// A calculation may take longer than a program that is graded.
const TIME: Duration = Duration::from_secs(5);
/// Bytes of the value, and of all lines of the log together.
const LONGEST: usize = 1 << 20;

/// What a script has computed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Evaluation {
    /// JSON of an object or a list, the text of everything else.
    pub value: String,
    /// The lines that it wrote to `console`.
    pub log: Vec<String>,
}

/// Runs a script in a context of its own.
///
/// # Errors
/// It threw, could not be parsed, or reached a limit.
pub fn evaluate(source: &str) -> Result<Evaluation, Failure> {
    let source = source.to_owned();
    let limits = Limits { time: TIME, ..Limits::default() };
    run(limits, move |ctx| {
        let log = console(ctx)?;
        let value = eval(ctx, &source).catch(ctx).map_err(thrown)?;
        let value = text(ctx, value).catch(ctx).map_err(thrown)?;
        let log = std::mem::take(&mut log.borrow_mut().lines);
        Ok(Evaluation { value: bounded(value), log })
    })
}

/// What is logged, up to the limit. It is no value of the engine, which could not free one that a function of
/// ours holds.
#[derive(Default)]
struct Log {
    lines: Vec<String>,
    bytes: usize,
}

/// Puts a `console` there whose lines are in the log that is returned.
fn console<'js>(ctx: &Ctx<'js>) -> rquickjs::Result<Rc<RefCell<Log>>> {
    let log = Rc::new(RefCell::new(Log::default()));
    let kept = log.clone();
    let write = Function::new(ctx.clone(), move |ctx: Ctx<'js>, values: Rest<Value<'js>>| {
        let words: rquickjs::Result<Vec<String>> =
            values.0.into_iter().map(|value| text(&ctx, value)).collect();
        let line = words?.join(" ");
        let mut log = kept.borrow_mut();
        log.bytes = log.bytes.saturating_add(line.len() + 1);
        if log.bytes <= LONGEST {
            log.lines.push(line);
        }
        Ok::<(), rquickjs::Error>(())
    })?;
    let console = Object::new(ctx.clone())?;
    for name in ["log", "info", "warn", "error", "debug"] {
        console.set(name, write.clone())?;
    }
    ctx.globals().set("console", console)?;
    Ok(log)
}

fn text<'js>(ctx: &Ctx<'js>, value: Value<'js>) -> rquickjs::Result<String> {
    if value.is_undefined() {
        return Ok(String::new());
    }
    let plain = value.is_object() && !value.is_function() && !value.is_error();
    if plain && let Some(json) = ctx.json_stringify(value.clone())? {
        return json.to_string();
    }
    Coerced::<String>::from_js(ctx, value).map(|text| text.0)
}

fn thrown(error: CaughtError<'_>) -> Failure {
    let text = match error {
        CaughtError::Exception(exception) => exception.message().unwrap_or_default(),
        CaughtError::Value(value) => {
            value.as_string().and_then(|text| text.to_string().ok()).unwrap_or_default()
        }
        CaughtError::Error(error) => error.to_string(),
    };
    Failure::Exception(bounded(text))
}

fn bounded(mut text: String) -> String {
    if text.len() > LONGEST {
        text.truncate(text.floor_char_boundary(LONGEST));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(source: &str) -> String {
        evaluate(source).expect("a value").value
    }

    #[test]
    fn the_last_expression_is_the_value() {
        assert_eq!(value("const a = 6; a * 7"), "42");
        assert_eq!(value("[1, 'x', {a: null}]"), r#"[1,"x",{"a":null}]"#);
        assert_eq!(value("'鲸🐋'"), "鲸🐋");
        assert_eq!(value("2n ** 70n"), "1180591620717411303424");
        assert_eq!((value("undefined"), value("let x = 1;")), (String::new(), String::new()));
        assert_eq!(value("(function f() {}).name"), "f");
    }

    #[test]
    fn the_console_is_told() {
        let done = evaluate("console.log('a', 1, [2]); console.error('b'); 3").expect("a value");
        assert_eq!((done.value.as_str(), done.log), ("3", vec!["a 1 [2]".to_owned(), "b".to_owned()]));
    }

    #[test]
    fn what_goes_wrong_is_said() {
        let failed = |source: &str| evaluate(source).expect_err("it fails");
        assert_eq!(failed("null.x"), Failure::Exception("cannot read property 'x' of null".into()));
        assert_eq!(failed("throw 'why'"), Failure::Exception("why".into()));
        assert!(matches!(failed("let a = (;"), Failure::Exception(_)));
        assert!(
            matches!(failed("({ toJSON() { throw new Error('no'); } })"), Failure::Exception(text) if text == "no")
        );
        assert_eq!(failed("'x'.repeat(2 ** 26)"), Failure::Memory);
        for name in ["require", "process", "fetch", "std", "os", "Deno", "setTimeout"] {
            assert_eq!(value(&format!("typeof {name}")), "undefined", "{name}");
        }
    }

    #[test]
    fn a_script_that_does_not_end_is_ended() {
        assert!(matches!(evaluate("for (;;) {}"), Err(Failure::Exception(_))));
        assert!(matches!(evaluate("for (;;) console.log('x'.repeat(1000));"), Err(Failure::Exception(_))));
        let many = evaluate("for (let n = 0; n < 3000; n += 1) console.log('x'.repeat(1000)); 1");
        assert!(many.expect("a value").log.len() < 1100, "the log is bounded");
        let long = evaluate("'x'.repeat(2 ** 21)").expect("a value");
        assert_eq!(long.value.len(), LONGEST);
    }
}
