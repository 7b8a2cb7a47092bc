//! docs/guides in English and Chinese, and both READMEs: their commands run or are accepted, their links and
//! pictures exist, every label in bold is one of the app in that language, and both languages have the same
//! pages and commands.
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::host::{ONE_WORKER, open, root};
use crate::labels;
use crate::programs::{LANGS, cli, run};

/// Folder of a language under docs/guides, its value of `LANG`, and its README.
const LANGUAGES: [(&str, &str, &str); 2] =
    [("en", LANGS[0], "README.md"), ("zh", LANGS[1], "README.zh-CN.md")];

const PAGES: [&str; 12] = [
    "api-server.md",
    "documents.md",
    "downloads.md",
    "first-run.md",
    "images.md",
    "inside.md",
    "other-machines.md",
    "presets.md",
    "prices.md",
    "tools.md",
    "troubleshooting.md",
    "which-model.md",
];

/// Commands that need no network, no other machine and no downloaded model. All others are only parsed.
const LOCAL: [&str; 16] = [
    "ask",
    "backups",
    "cards",
    "connections",
    "deployments list",
    "endpoints list",
    "endpoints providers",
    "hardware",
    "models",
    "plan",
    "prompts",
    "recommend",
    "serve keys",
    "serve requests",
    "sizing",
    "tools list",
];

/// All pictures of the guides together.
const PICTURE_BYTES: u64 = 1_500_000;

fn text(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn names(folder: &str) -> Vec<String> {
    let entries = std::fs::read_dir(root().join(folder)).unwrap_or_else(|error| panic!("{folder}: {error}"));
    let mut names: Vec<_> =
        entries.map(|entry| entry.expect("an entry").file_name().into_string().expect("UTF-8")).collect();
    names.sort();
    names
}

fn pages(language: &str) -> BTreeMap<String, String> {
    let folder = format!("docs/guides/{language}");
    names(&folder).into_iter().map(|name| (name.clone(), text(&format!("{folder}/{name}")))).collect()
}

/// The lines of a page inside (`Some` with the word after the fence) and outside of fenced blocks.
fn lines(page: &str) -> impl Iterator<Item = (Option<&str>, &str)> {
    let mut fence = None;
    page.lines().filter_map(move |line| match (line.strip_prefix("```"), fence) {
        (Some(kind), None) => {
            fence = Some(kind);
            None
        }
        (Some(_), Some(_)) => {
            fence = None;
            None
        }
        (None, _) => Some((fence, line)),
    })
}

fn shell(page: &str) -> impl Iterator<Item = &str> {
    lines(page).filter(|(fence, _)| *fence == Some("sh")).map(|(_, line)| line)
}

/// The arguments of each `whaledeck-cli` line; text between double quotes is one argument.
fn commands(page: &str) -> Vec<Vec<String>> {
    let arguments = |line: &str| {
        let parts = line.split('"').enumerate();
        parts
            .flat_map(|(at, part)| match at % 2 {
                0 => part.split_whitespace().map(str::to_owned).collect::<Vec<_>>(),
                _ => vec![part.to_owned()],
            })
            .collect()
    };
    shell(page).filter_map(|line| line.strip_prefix("whaledeck-cli ")).map(arguments).collect()
}

/// The targets of the links and pictures of a page.
fn targets(page: &str) -> Vec<String> {
    let prose: Vec<_> = lines(page).filter(|(fence, _)| fence.is_none()).map(|(_, line)| line).collect();
    let prose = prose.join("\n");
    let parts = prose.split("](").skip(1);
    parts.map(|part| part.split_once(')').expect("a link is closed").0.to_owned()).collect()
}

/// The anchor that a heading gets on a page: lower case, spaces as hyphens.
fn anchors(page: &str) -> BTreeSet<String> {
    let headings = lines(page).filter(|(fence, line)| fence.is_none() && line.starts_with('#'));
    headings.map(|(_, line)| line.trim_start_matches(['#', ' ']).to_lowercase().replace(' ', "-")).collect()
}

fn check_targets(path: &Path) {
    let page = std::fs::read_to_string(path).expect("a page");
    for target in targets(&page).iter().filter(|target| !target.contains("://")) {
        let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
        let file = path.parent().expect("a folder").join(file);
        assert!(file.is_file(), "{}: {target} does not exist", path.display());
        if !anchor.is_empty() {
            let there = std::fs::read_to_string(&file).expect("a page");
            assert!(anchors(&there).contains(anchor), "{}: {target} has no such heading", path.display());
        }
    }
}

#[test]
fn both_languages_have_the_same_guides_commands_and_pictures() {
    let [english, chinese] = LANGUAGES.map(|(language, _, _)| pages(language));
    assert!(english.keys().eq(PAGES) && chinese.keys().eq(PAGES), "{english:?} {chinese:?}");
    for (name, page) in &english {
        let twin = &chinese[name];
        for (language, page) in [("en", page), ("zh", twin)] {
            let count = page.lines().count();
            assert!((30..=70).contains(&count), "{language}/{name} has {count} lines");
        }
        // The questions of `ask` are in the language of the page.
        let plain = |page: &str| {
            let worded = |argument: &String| argument.contains([' ', '？', '。', '?']);
            let mut commands = commands(page);
            commands.iter_mut().flatten().filter(|it| worded(it)).for_each(|it| *it = "…".into());
            commands
        };
        assert_eq!(plain(page), plain(twin), "{name}");
        let pictures = |page: &str, language: &str| {
            let own = format!("guides/{language}/");
            let all = targets(page).into_iter().filter(|target| target.ends_with(".png"));
            all.map(|target| target.replace(&own, "guides/")).collect::<Vec<_>>()
        };
        assert_eq!(pictures(page, "en"), pictures(twin, "zh"), "{name}");
        assert!(!pictures(page, "en").is_empty(), "{name} has no picture");
        assert_eq!(anchors(page).len(), anchors(twin).len(), "headings of {name}");
    }
}

#[test]
fn every_link_and_picture_of_the_guides_and_readmes_exists() {
    for (language, _, readme) in LANGUAGES {
        check_targets(&root().join(readme));
        let index = text(readme);
        let other = LANGUAGES.map(|(_, _, name)| name).into_iter().find(|name| *name != readme);
        assert!(index.contains(&format!("({})", other.expect("there are two"))), "{readme} links its twin");
        for name in PAGES {
            let path = format!("docs/guides/{language}/{name}");
            check_targets(&root().join(&path));
            assert!(targets(&index).contains(&path), "{readme} does not link {path}");
        }
        for command in ["make run", "make test"] {
            assert!(index.lines().any(|line| line.starts_with(command)), "{readme} lacks {command}");
        }
    }
}

#[test]
fn the_pictures_of_the_guides_are_used_and_small() {
    let mut bytes = 0;
    for (language, _, _) in LANGUAGES {
        let all = pages(language).into_values().collect::<String>();
        for name in names(&format!("docs/pictures/guides/{language}")) {
            let path = format!("docs/pictures/guides/{language}/{name}");
            assert!(all.contains(&format!("pictures/guides/{language}/{name})")), "{path} is not used");
            bytes += root().join(&path).metadata().expect("is there").len();
        }
    }
    assert!(bytes <= PICTURE_BYTES, "the pictures have {bytes} bytes; run `npm run guide-pictures` in ui/");
}

#[tokio::test]
async fn every_label_in_bold_is_one_of_the_app() {
    let data = tempfile::tempdir().expect("a folder");
    let (app, _host) = open(data.path()).await;
    let presets = app.presets().await.expect("presets");
    for (language, _, _) in LANGUAGES {
        let mut known = labels::of_interface(language);
        known.extend(labels::of_errors(language));
        let name =
            |it: &contract::PresetView| if language == "zh" { &it.name.zh } else { &it.name.en }.clone();
        known.extend(presets.iter().map(name));
        for (page, text) in pages(language) {
            for (_, line) in lines(&text).filter(|(fence, _)| fence.is_none()) {
                let bold = line.split("**").skip(1).step_by(2);
                assert_eq!(line.matches("**").count() % 2, 0, "{language}/{page}: {line}");
                for label in bold {
                    assert!(known.contains(label), "{language}/{page}: the app has no label `{label}`");
                }
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_commands_of_the_guides_run_or_are_accepted() {
    let _alone = ONE_WORKER.lock().await;
    let makefile = text("Makefile");
    for (language, lang, _) in LANGUAGES {
        for (page, text) in pages(language) {
            // Fresh for each page, so that no page needs what another one made.
            let place = tempfile::tempdir().expect("a folder");
            let picture = root().join("ui/src/lib/components/pictures/samples/shapes.png");
            std::fs::copy(picture, place.path().join("picture.png")).expect("is copied");
            std::fs::write(place.path().join("report.md"), "Ellen Voss opened the harbour.")
                .expect("is written");
            let data = place.path().join("data");
            for arguments in commands(&text) {
                let line = arguments.join(" ");
                let mut command = cli(&data, lang);
                command.current_dir(place.path()).args(&arguments);
                let local = LOCAL.iter().any(|name| line == *name || line.starts_with(&format!("{name} ")));
                if !local {
                    command.arg("--help");
                }
                let said = run(&mut command);
                assert_eq!(said.code, Some(0), "{language}/{page}: {line}: {said:?}");
                if !local {
                    let first = &arguments[0];
                    assert!(said.out.contains(&format!("Usage: whaledeck-cli {first}")), "{line}: {said:?}");
                    for flag in arguments.iter().filter(|argument| argument.starts_with("--")) {
                        assert!(said.out.contains(&format!("{flag} ")), "{line}: no {flag} in {said:?}");
                    }
                }
            }
            for target in shell(&text).filter_map(|line| line.strip_prefix("make ")) {
                assert!(makefile.contains(target), "{language}/{page}: make {target}");
            }
        }
    }
}
