//! Data written more than a second before a SIGKILL are durable.
//! The writer is this test program itself, started once more as a child process.
mod common;

use std::time::{Duration, Instant};

use common::{FILE, begin_answer, settings, start_writer};
use history::{History, State};

#[test]
fn a_killed_writer_loses_at_most_the_last_second() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("history.db");
    let (mut writer, lines) = start_writer(&path);
    let started = Instant::now();
    let mut written = Vec::new();
    for line in lines {
        let line = line.expect("it speaks");
        // The test harness prints its output first.
        if let Some(number) = line.rsplit("wrote ").next().and_then(|word| word.parse::<usize>().ok()) {
            written.push((started.elapsed(), number));
        }
        if started.elapsed() > Duration::from_secs(2) {
            break;
        }
    }
    writer.kill().expect("SIGKILL arrives");
    writer.wait().expect("it ended");
    let killed = started.elapsed();
    let second = Duration::from_secs(1);
    let due = written.iter().filter(|(at, _)| *at + second <= killed).map(|(_, number)| *number).max();
    let due = due.expect("it wrote for more than a second");

    let history = History::open(&path).expect("opens after the kill");
    let chats = history.chats().expect("lists");
    let answer = history.chat(&chats[0].id).expect("reads").path.pop().expect("an answer");
    assert_eq!(answer.state, State::Interrupted);
    let expected: String = (0..=due).map(|number| format!("{number} ")).collect();
    assert!(answer.text.starts_with(&expected), "due: {expected}\nthere: {}", answer.text);
}

/// The child process of the test above; alone it does nothing.
#[test]
#[ignore = "started by the test above in a process of its own"]
fn writer() {
    let Some(path) = std::env::var_os(FILE) else { return };
    let history = History::open(path.as_ref()).expect("opens");
    let chat = history.chat_create(&settings()).expect("creates").id;
    let id = begin_answer(&history, &chat, None);
    for number in 0..600 {
        history.append_partial(&id, &format!("{number} "), "").expect("grows");
        println!("wrote {number}");
        std::thread::sleep(Duration::from_millis(50));
    }
}
