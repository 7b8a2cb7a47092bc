//! Runs a program that a model wrote and compares its values here and not by the program, which may have
//! changed what the language offers. The limits of a run are in the crate `script`.
use rquickjs::{Array, Object, Value};
use script::{Failure as ScriptFailure, HOST, Limits, eval};
use serde::Deserialize;

/// An expression and the value that it must have.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct CallTest {
    pub(crate) call: String,
    pub(crate) value: toml::Value,
}

/// Why a program has not passed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Failure {
    Script(ScriptFailure),
    WrongValue,
}

impl From<ScriptFailure> for Failure {
    fn from(failure: ScriptFailure) -> Self {
        Self::Script(failure)
    }
}

impl From<rquickjs::Error> for Failure {
    fn from(error: rquickjs::Error) -> Self {
        Self::Script(error.into())
    }
}

/// Runs the program, then each call, whose value must be the expected one.
pub(crate) fn run(program: &str, tests: &[CallTest]) -> Result<(), Failure> {
    run_within(Limits::default(), program, tests)
}

fn run_within(limits: Limits, program: &str, tests: &[CallTest]) -> Result<(), Failure> {
    let (program, tests) = (program.to_owned(), tests.to_vec());
    script::run(limits, move |ctx| {
        eval(ctx, HOST)?;
        eval(ctx, &program)?;
        for test in &tests {
            if !equals(&eval(ctx, &test.call)?, &test.value)? {
                return Err(Failure::WrongValue);
            }
        }
        Ok(())
    })
}

/// Reads no more of the value than is expected, so that an endless one ends.
fn equals<'js>(value: &Value<'js>, expected: &toml::Value) -> rquickjs::Result<bool> {
    Ok(match expected {
        toml::Value::Integer(number) => value.as_number() == Some(*number as f64),
        toml::Value::Float(number) => value.as_number() == Some(*number),
        toml::Value::Boolean(truth) => value.as_bool() == Some(*truth),
        toml::Value::String(text) => match value.as_string() {
            Some(string) => string.to_string()? == *text,
            None => false,
        },
        toml::Value::Array(items) => match value.as_array() {
            Some(array) => array_equals(array, items)?,
            None => false,
        },
        toml::Value::Table(fields) => match value.as_object() {
            Some(object) if !value.is_array() => object_equals(object, fields)?,
            _ => false,
        },
        toml::Value::Datetime(_) => false,
    })
}

fn array_equals<'js>(array: &Array<'js>, items: &[toml::Value]) -> rquickjs::Result<bool> {
    // Read as a property: that of a proxy may throw.
    let length: Value = array.as_object().get("length")?;
    if length.as_number() != Some(items.len() as f64) {
        return Ok(false);
    }
    for (at, item) in items.iter().enumerate() {
        if !equals(&array.get::<Value>(at)?, item)? {
            return Ok(false);
        }
    }
    Ok(true)
}

fn object_equals<'js>(object: &Object<'js>, fields: &toml::Table) -> rquickjs::Result<bool> {
    if object.keys::<String>().take(fields.len() + 1).count() != fields.len() {
        return Ok(false);
    }
    for (name, expected) in fields {
        if !equals(&object.get::<_, Value>(name.as_str())?, expected)? {
            return Ok(false);
        }
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn test(call: &str, value: impl Into<toml::Value>) -> Vec<CallTest> {
        vec![CallTest { call: call.into(), value: value.into() }]
    }

    #[test]
    fn values_are_compared_by_kind_and_content() {
        let table = || toml::Value::Table("a = 1\nb = [true, 'x']".parse().expect("is TOML"));
        let right: [(&str, toml::Value); 9] = [
            ("1 + 1", 2.into()),
            ("2.0", 2.into()),
            ("5 / 2", 2.5.into()),
            ("1 < 2", true.into()),
            ("'é' + '鲸'", "é鲸".into()),
            ("[1, [2]]", vec![toml::Value::from(1), vec![2].into()].into()),
            ("[]", Vec::<i64>::new().into()),
            ("({ b: [true, 'x'], a: 1 })", table()),
            ("f()", 7.into()),
        ];
        for (call, value) in right {
            assert_eq!(run("function f() { return 7; }", &test(call, value)), Ok(()), "{call}");
        }
        let wrong: [(&str, toml::Value); 10] = [
            ("'2'", 2.into()),
            ("1", true.into()),
            ("NaN", 2.into()),
            ("null", Vec::<i64>::new().into()),
            ("[1, 2]", vec![1].into()),
            ("[1]", vec![1, 2].into()),
            ("({ 0: 1, length: 1 })", vec![1].into()),
            ("({ a: 1, b: [true, 'x'], c: 0 })", table()),
            ("({ a: 1 })", table()),
            ("Promise.resolve(2)", 2.into()),
        ];
        for (call, value) in wrong {
            assert_eq!(run("", &test(call, value)), Err(Failure::WrongValue), "{call}");
        }
    }

    #[test]
    fn what_other_hosts_offer_has_no_effect_and_nothing_else_is_there() {
        let program = "console.log('a'); module.exports = f; const exports = 0; function f() { return 1; }";
        assert_eq!(run(program, &test("f()", 1)), Ok(()));
        for name in ["require", "process", "fetch", "print", "std", "os", "setTimeout", "Deno", "load"] {
            assert_eq!(run("", &test(&format!("typeof {name}"), "undefined")), Ok(()), "{name}");
        }
        let import = "import('fs').then(() => { globalThis.found = true; });";
        assert_ne!(run(import, &test("globalThis.found === true", true)), Ok(()));
    }

    #[test]
    fn a_program_cannot_grade_itself() {
        let program =
            "JSON.stringify = () => '1'; Array.prototype.every = () => true; Object.is = () => true;
            function f() { return { valueOf() { return 1; }, toString() { return '1'; } }; }";
        assert_eq!(run(program, &test("f()", 1)), Err(Failure::WrongValue));
        assert_eq!(run(program, &test("f()", "1")), Err(Failure::WrongValue));
    }

    #[test]
    fn hostile_programs_fail() {
        let programs = [
            "for (;;) {}",
            "while (true) { try { for (;;) {} } catch {} }",
            "function f() { return f() + 1; } f();",
            "function f() { try { f(); } finally { f(); } } f();",
            "const all = []; for (;;) all.push(new Array(1000).fill(1));",
            "let text = 'x'; for (;;) text += text;",
            "new ArrayBuffer(2 ** 31);",
            "'x'.repeat(2 ** 29);",
            "const all = []; for (;;) { try { all.push(new Uint8Array(1 << 20)); } catch {} }",
            "const keep = {}; for (let i = 0; ; i++) keep['key' + i] = { i, deep: [i] };",
            "/(a+)+$/.test('a'.repeat(40) + 'b');",
            "JSON.parse('['.repeat(1e6));",
            "eval('('.repeat(1e6));",
            "2n ** 10000000n;",
            "throw { get message() { throw 1; }, get stack() { for (;;) {} }, toString() { throw 2; } };",
            "Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);",
            "(async () => { for (;;) await 0; })();",
            "let a = (;",
            "\0",
        ];
        for program in programs {
            assert_ne!(run(program, &test("answer()", 1)), Ok(()), "{program}");
        }
        for bomb in ["'x'.repeat(2 ** 26);", "new ArrayBuffer(2 ** 26);"] {
            assert_eq!(run(bomb, &[]), Err(Failure::Script(ScriptFailure::Memory)), "{bomb}");
        }
        assert_eq!(run("", &test("1", 1)), Ok(()), "the next program is not affected");
    }

    #[test]
    fn a_program_that_stays_in_a_function_of_the_engine_is_left_behind() {
        // The loop of `indexOf` does not ask whether its time is over.
        let program = "Array.prototype.indexOf.call({ length: 2 ** 33 }, 1);";
        let short = Limits { left_behind: Duration::from_millis(100), ..Limits::default() };
        assert_eq!(run_within(short, program, &[]), Err(Failure::Script(ScriptFailure::LeftBehind)));
    }

    #[test]
    fn hostile_values_fail() {
        let values = [
            "({ get a() { throw 1; }, b: 0 })",
            "({ get a() { for (;;) {} }, b: 0 })",
            "new Proxy({}, { ownKeys() { throw 1; } })",
            "new Proxy({}, { ownKeys() { for (;;) {} } })",
            "new Proxy({ a: 1, b: 1 }, { get() { throw 1; } })",
        ];
        for value in values {
            let expected: toml::Table = "a = 1\nb = 1".parse().expect("is TOML");
            assert_ne!(run("", &test(value, expected)), Ok(()), "{value}");
        }
        let lists = [
            "new Proxy([], { get(_, name) { return name === 'length' ? 1e9 : 1; } })",
            "new Proxy([1], { get() { throw 1; } })",
            "(() => { const list = [1]; list[0] = list; return list; })()",
            "(() => { const { proxy, revoke } = Proxy.revocable([1], {}); revoke(); return proxy; })()",
        ];
        for list in lists {
            assert_ne!(run("", &test(list, vec![1])), Ok(()), "{list}");
        }
        assert_ne!(run("", &test("'\\ud800'", "x")), Ok(()), "half of a pair");
    }
}
