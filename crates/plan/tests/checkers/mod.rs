//! The files of plans in the checkers of the programs that read them: shellcheck, sh, docker-compose,
//! systemd-analyze.
mod program;

use std::process::Command;

use plan::render::{Format, render};

use program::checker;

use super::{examples, opened};

/// Runs a checker over each file of a format; it must succeed without output.
fn check(name: &str, before: &[&str], after: &[&str], format: Format) {
    let Some(program) = checker(name) else { return };
    let folder = tempfile::tempdir().expect("a folder");
    for (name, plan) in examples().into_iter().chain(opened()) {
        for file in render(&plan, format).into_iter().flatten() {
            let path = folder.path().join(file.name);
            std::fs::write(&path, &file.text).expect("is written");
            let mut command = Command::new(&program);
            let output = command
                .envs([("LEADER", "10.0.0.1"), ("API_KEY", "k")])
                .args(before)
                .arg(&path)
                .args(after)
                .output();
            let output = output.expect("it starts");
            let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
            assert!(output.status.success() && text.is_empty(), "{name}: {text}\n{}", file.text);
        }
    }
}

#[test]
fn rendered_scripts_pass_shellcheck() {
    check("shellcheck", &[], &[], Format::Shell);
    check("sh", &["-n"], &[], Format::Shell);
}

#[test]
fn a_script_hands_its_words_to_the_engine_unchanged() {
    let (_, plan) = examples().into_iter().find(|(name, _)| *name == "vllm-two-machines").unwrap();
    let folder = tempfile::tempdir().expect("a folder");
    let engine = folder.path().join("vllm");
    std::fs::write(&engine, "#!/bin/sh\nprintf '%s\\n' \"$@\"\n").expect("is written");
    let script = folder.path().join("machine.sh");
    std::fs::write(&script, &render(&plan, Format::Shell).unwrap()[1].text).expect("is written");
    let run = |leader: Option<&str>| {
        let mut command = Command::new("sh");
        let path = format!("{}:{}", folder.path().display(), std::env::var("PATH").unwrap());
        command.arg(&script).env("PATH", path).env_remove("LEADER");
        command.envs(leader.map(|address| ("LEADER", address)));
        command.output().expect("sh starts")
    };
    assert!(Command::new("chmod").arg("+x").arg(&engine).status().unwrap().success());
    let output = String::from_utf8(run(Some("10.0.0.1")).stdout).unwrap();
    let args: Vec<&str> = output.lines().collect();
    let after = |name: &str| args[args.iter().position(|word| *word == name).unwrap() + 1];
    assert_eq!(
        (args[0], args[1], after("--master-addr"), after("--node-rank")),
        ("serve", "deepseek-ai/DeepSeek-R1", "10.0.0.1", "1")
    );
    assert!(args.contains(&"--headless"));
    assert!(!run(None).status.success());
}

#[test]
fn compose_files_please_compose() {
    check("docker-compose", &["-f"], &["config", "-q"], Format::Compose);
}

#[test]
fn units_please_systemd() {
    check("systemd-analyze", &["verify"], &[], Format::Systemd);
}
