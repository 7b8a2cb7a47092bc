//! Lists and tables in both languages, as snapshots.
//! Verdicts depend on the computer and are left out; names and sizes of the catalogue are compared.
use crate::program::{LANGS, Program};

/// One snapshot per table and language, from a new data folder.
fn snapshot(name: &str, args: &[&str]) {
    let program = Program::new();
    for lang in LANGS {
        let args = [args, &["--lang", lang]].concat();
        insta::assert_snapshot!(format!("table_{name}_{lang}"), program.stdout(&args));
    }
}

#[test]
fn empty_lists_say_so() {
    for (name, args) in [
        ("chats_empty", ["chats", "list"]),
        ("backups_empty", ["backups", "list"]),
        ("deployments_empty", ["deployments", "list"]),
        ("endpoints_empty", ["endpoints", "list"]),
        ("requests_empty", ["serve", "requests"]),
    ] {
        snapshot(name, &args);
    }
    snapshot("keys_empty", &["serve", "keys", "list"]);
}

#[test]
fn cloud_services_and_connections_are_listed() {
    snapshot("providers", &["endpoints", "providers"]);
    snapshot("connections", &["connections"]);
    for lang in LANGS {
        let program = Program::new();
        let run = |args: &[&str]| program.stdout(&[args, &["--lang", lang]].concat());
        let add = ["endpoints", "add", "deepseek", "--model", "deepseek-chat", "--lang", lang];
        let text = program.stdout_with(&add, "sk-of-a-test")
            + &run(&["endpoints", "list"])
            + &run(&["endpoints", "remove", "deepseek"])
            + &run(&["connections", "proxy", "direct"])
            + &run(&["connections", "proxy", "socks5h://127.0.0.1:1"]);
        insta::assert_snapshot!(format!("table_cloud_{lang}"), text);
    }
}

#[test]
fn keys_of_other_programs_are_listed() {
    for lang in LANGS {
        let program = Program::new();
        let run = |args: &[&str]| program.stdout(&[args, &["--lang", lang]].concat());
        run(&["serve", "keys", "add", "laptop"]);
        let text = run(&["serve", "keys", "list"]) + &run(&["serve", "keys", "remove", "laptop"]);
        insta::assert_snapshot!(format!("table_keys_{lang}"), text);
    }
}

#[test]
fn plans_are_printed_as_words_and_as_each_kind_of_file() {
    snapshot("plan", &["plan", "--model", "deepseek-r1", "--gpus", "2x8xH100-80G"]);
    let small = ["plan", "--model", "deepseek-r1-distill-qwen-14b", "--gpus", "1xRTX-4090-24G"];
    for (engine, form) in [
        ("sglang", "shell"),
        ("sglang", "compose"),
        ("vllm", "k8s"),
        ("llama-server", "systemd"),
        ("ollama", "modelfile"),
    ] {
        let program = Program::new();
        let args = [&small[..], &["--precision", "Q4_K_M", "--engine", engine, "--render", form]].concat();
        let large =
            ["plan", "--model", "deepseek-r1", "--gpus", "8xH200", "--engine", engine, "--render", form];
        let text =
            if matches!(engine, "sglang" | "vllm") { program.stdout(&large) } else { program.stdout(&args) };
        insta::assert_snapshot!(format!("table_plan_{engine}_{form}"), text);
    }
}

#[test]
fn cards_are_a_table_for_a_spreadsheet() {
    let table = Program::new().stdout(&["cards", "--model", "deepseek-r1-distill-qwen-14b"]);
    insta::assert_snapshot!("table_cards", table);
}

#[test]
fn sizes_are_told_with_every_card_that_holds_them() {
    let program = Program::new();
    let args = ["sizing", "--model", "deepseek-r1", "--precision", "fp8", "--gpus", "8xH200", "--lang"];
    for lang in LANGS {
        let text = program.stdout(&[&args[..], &[lang]].concat());
        // The verdict for this computer is the third line, its arithmetic and notes are indented below.
        let (above, table) = text.split_once("\n\n").expect("a table of cards");
        let above = above.lines().enumerate().filter(|(_, line)| !line.starts_with("  "));
        let above = above.map(|(at, line)| match line.split_once(": ") {
            Some((label, _)) if at == 2 => format!("{label}: [verdict]\n"),
            _ => format!("{line}\n"),
        });
        insta::assert_snapshot!(
            format!("table_sizing_{lang}"),
            format!("{}\n{table}", above.collect::<String>())
        );
    }
}

#[test]
fn every_model_of_the_catalogue_is_listed() {
    let program = Program::new();
    for lang in LANGS {
        let text = program.stdout(&["models", "--lang", lang]);
        // `id: verdict`, below it `  name  files size`, below that a sentence: the name and the id are of
        // every computer.
        let names = text.lines().collect::<Vec<_>>();
        let rows = names.windows(2).filter_map(|pair| {
            let (id, _) = pair[0].split_once(": ").filter(|(id, _)| !id.contains(' '))?;
            let name = pair[1].strip_prefix("  ")?;
            Some(format!("{id}: [verdict]\n  {}\n", name.split("  ").next().unwrap_or_default()))
        });
        insta::assert_snapshot!(format!("table_models_{lang}"), rows.collect::<String>());
    }
}
