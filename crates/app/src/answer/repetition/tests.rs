//! What repeats itself and what only looks like it. The texts are written as models write them, a few letters
//! at a time.
use super::*;

/// The letter at which a repetition was detected.
fn noticed(text: &str) -> Option<usize> {
    let mut repetition = Repetition::default();
    let letters: Vec<char> = text.chars().collect();
    for (at, piece) in letters.chunks(5).enumerate() {
        repetition.push(&piece.iter().collect::<String>());
        if repetition.detect() {
            return Some(at * 5);
        }
    }
    None
}

#[test]
fn loops_of_words_lines_and_paragraphs_are_noticed() {
    let intro = "Sure, here is what I know about whales. They are large and live in the sea.\n\n";
    let paragraph = "The whale is a mammal that lives in the sea, and it breathes air at the surface. It feeds on krill, and \
                     it migrates over long distances between cold and warm waters every year of its life.\n\n";
    for loops in [
        "whale ".repeat(100),
        "I am sorry. ".repeat(60),
        "鲸鱼生活在海里。".repeat(60),
        "and the sea and the sky and the land and ".repeat(30),
        paragraph.repeat(8),
        "- a whale\n- a ship\n".repeat(60),
        (1..200).map(|n| format!("{n}. The whale swims in the sea.\n")).collect(),
        "哈".repeat(900),
        "=".repeat(900),
        "Wait, let me check again.\nSo the answer is 4.\n".repeat(40),
    ] {
        let text = format!("{intro}{loops}");
        let at = noticed(&text)
            .unwrap_or_else(|| panic!("not noticed: {}", &loops.chars().take(40).collect::<String>()));
        assert!(at < 5000, "too late: {at}");
    }
}

#[test]
fn it_is_said_once() {
    let mut repetition = Repetition::default();
    let mut times = 0;
    for _ in 0..400 {
        repetition.push("again and again ");
        times += usize::from(repetition.detect());
    }
    assert_eq!(times, 1);
}

#[test]
fn tables_code_lists_and_verse_are_no_loops() {
    let table: String = ["| Model | Size | Verdict |\n|---|---|---|\n".to_owned()]
        .into_iter()
        .chain((1..80).map(|n| format!("| Distill-Qwen-{n}B | {} GB | Runs well |\n", n * 2)))
        .collect();
    let aligned = format!("| {} |\n|{}|\n", "Name".to_owned() + &" ".repeat(160), "-".repeat(200));
    let code: String =
        (0..80).map(|n| format!("    if value == {n} {{\n        return names[{n}];\n    }}\n")).collect();
    let json: String = (0..60)
        .map(|n| {
            format!(
                "    {{\n      \"id\": {n},\n      \"name\": \"item {n}\",\n      \"ok\": true\n    }},\n"
            )
        })
        .collect();
    let matrix: String = (0..16)
        .map(|row| (0..16).map(|column| if row == column { "1 " } else { "0 " }).collect::<String>() + "\n")
        .collect();
    let braces = "        }\n    }\n}\n".repeat(3);
    let list: String = (1..120).map(|n| format!("- Step {n}: check part {n} of the plan\n")).collect();
    let rule = format!("Title\n{}\nText\n{}\n", "=".repeat(80), "-".repeat(120));
    let tree: String = (0..40).map(|n| format!("│   ├── file_{n}.rs\n")).collect();
    let song = "Row, row, row your boat,\nGently down the stream.\nMerrily, merrily, merrily, merrily,\nLife is but a dream.\n\n";
    let refrain: String = (1..10).rev().map(|n| format!("{n} green bottles hanging on the wall,\n{n} green bottles hanging on the wall,\nAnd if one green bottle should accidentally fall,\nThere'll be {} green bottles hanging on the wall.\n\n", n - 1)).collect();
    let digits =
        "3.14159265358979323846264338327950288419716939937510582097494459230781640628620899".to_owned();
    let dna = "ATGCGTACGTTAGCCTAGGCTAACGGATTCAGCTTACGATCGGATATCGCGTTACGAAATTTGCGC".to_owned();
    let laugh = format!("{} that was funny.", "ha".repeat(30));
    let poem_zh = "床前明月光，疑是地上霜。举头望明月，低头思故乡。".repeat(2);
    let csv: String = (0..90).map(|n| format!("2026-11-{:02},{n},0,0,0,0\n", n % 28 + 1)).collect();
    let zeros = format!("let table = [{}];", "0, ".repeat(120));
    let css: String =
        (0..30).map(|n| format!(".box-{n} {{\n  margin: 0;\n  padding: 0;\n  border: 0;\n}}\n")).collect();
    let tests: String = (0..40).map(|n| format!("assert_eq!(add({n}, {n}), {});\n", 2 * n)).collect();
    for text in [
        table,
        aligned,
        code,
        json,
        matrix,
        braces,
        list,
        rule,
        tree,
        song.repeat(2),
        refrain,
        digits,
        dna,
        laugh,
        poem_zh,
        csv,
        zeros,
        css,
        tests,
    ] {
        assert_eq!(noticed(&text), None, "{}", text.chars().take(60).collect::<String>());
    }
}
