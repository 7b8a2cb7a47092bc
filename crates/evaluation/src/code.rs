//! A programming task: the program in an answer, and the calls whose values show that it works.
//! How the program is run is in `program`.
use serde::Deserialize;

use crate::program::{self, CallTest};

#[derive(Debug, Deserialize)]
pub struct Task {
    pub(crate) text: String,
    pub(crate) tests: Vec<CallTest>,
}

impl Task {
    pub(crate) fn passes(&self, answer: &str) -> bool {
        program::run(&program(answer), &self.tests).is_ok()
    }
}

/// The first fenced block, or the whole answer. A block that was cut off goes to the end of the answer.
fn program(answer: &str) -> String {
    let mut lines = answer.lines().skip_while(|line| !is_fence(line)).peekable();
    let block: Vec<&str> = match lines.next() {
        Some(_) => lines.take_while(|line| !is_fence(line)).collect(),
        None => answer.lines().collect(),
    };
    block.into_iter().map(without_export).collect::<Vec<_>>().join("\n")
}

fn is_fence(line: &str) -> bool {
    line.trim_start().starts_with("```")
}

/// The program is no module, so an export has no meaning in it.
fn without_export(line: &str) -> &str {
    ["export default ", "export "].iter().find_map(|word| line.strip_prefix(word)).unwrap_or(line)
}

#[cfg(test)]
mod tests {
    use crate::{Set, TestSet};

    use super::*;

    #[test]
    fn the_program_is_the_first_block_or_the_whole_answer() {
        assert_eq!(
            program("Here:\n```js\nlet a = 1;\nlet b;\n```\nUse:\n```js\na\n```"),
            "let a = 1;\nlet b;"
        );
        assert_eq!(program("```\nlet a = 1;"), "let a = 1;");
        assert_eq!(program("let a = 1;\n"), "let a = 1;");
        assert_eq!(program("```js\nexport default function f() {}\n```"), "function f() {}");
        assert_eq!(program("- step\n  ```js\n  f();\n  ```"), "  f();");
    }

    /// A program of ours for each task, so that a task that nobody can pass is found.
    const SOLUTIONS: &[&str] = &[
        "const clamp = (n, low, high) => Math.min(high, Math.max(low, n));",
        "function reverse(text) { return [...text].reverse().join(''); }",
        "function sum(list) { return list.reduce((a, b) => a + b, 0); }",
        "function isPalindrome(t) { t = t.toLowerCase().replace(/[^a-z0-9]/g, ''); return t === [...t].reverse().join(''); }",
        "function factorial(n) { return n < 2 ? 1 : n * factorial(n - 1); }",
        "function fibonacci(n) { let [a, b] = [0, 1]; while (n-- > 0) [a, b] = [b, a + b]; return a; }",
        "function unique(list) { return [...new Set(list)]; }",
        "function countWords(t) { const m = t.match(/\\S+/g); return m ? m.length : 0; }",
        "function gcd(a, b) { return b === 0 ? a : gcd(b, a % b); }",
        "function isPrime(n) { if (n < 2) return false; for (let i = 2; i * i <= n; i++) if (n % i === 0) return false; return true; }",
        "function flatten(list) { return list.flat(Infinity); }",
        "function chunk(l, n) { const o = []; for (let i = 0; i < l.length; i += n) o.push(l.slice(i, i + n)); return o; }",
        "function capitalize(t) { return t.replace(/\\b[a-z]/g, (c) => c.toUpperCase()); }",
        "function countLetters(t) { const o = {}; for (const c of t) o[c] = (o[c] || 0) + 1; return o; }",
        "function range(a, b) { const o = []; for (let i = a; i < b; i++) o.push(i); return o; }",
        "function toRoman(n) { const v = [1000,900,500,400,100,90,50,40,10,9,5,4,1], r = ['M','CM','D','CD','C','XC','L','XL','X','IX','V','IV','I']; let o = ''; v.forEach((x, i) => { while (n >= x) { o += r[i]; n -= x; } }); return o; }",
        "function isBalanced(t) { const s = [], m = { ')': '(', ']': '[', '}': '{' }; for (const c of t) { if ('([{'.includes(c)) s.push(c); else if (m[c] && s.pop() !== m[c]) return false; } return s.length === 0; }",
        "function toBinary(n) { return n.toString(2); }",
        "function groupByLength(l) { const o = {}; for (const w of l) (o[w.length] ??= []).push(w); return o; }",
        "function median(l) { l = [...l].sort((a, b) => a - b); const m = l.length >> 1; return l.length % 2 ? l[m] : (l[m - 1] + l[m]) / 2; }",
    ];

    #[test]
    fn each_task_can_be_passed_and_failed() {
        let TestSet::Code { tasks, .. } = TestSet::of(Set::Code) else { panic!("the set is there") };
        assert_eq!(tasks.len(), SOLUTIONS.len());
        for (at, task) in tasks.iter().enumerate() {
            assert_eq!(program::run(SOLUTIONS[at], &task.tests), Ok(()), "{}", task.text);
            // The program of the next task has another name, and one that always answers the same is wrong.
            assert!(!task.passes(SOLUTIONS[(at + 1) % SOLUTIONS.len()]), "{}", task.text);
            let name = task.tests[0].call.split('(').next().expect("a call");
            for value in ["undefined", "0", "''", "[]", "true", "false", "1", "arguments[0]"] {
                let constant = format!("function {name}() {{ return {value}; }}");
                assert!(!task.passes(&constant), "{} with {value}", task.text);
            }
        }
    }
}
