//! kill -9 at random moments: a chat with the real worker, a download, a migration, a backup, a restore, a start with empty chats,
//! settings that are saved. After each nothing that was there or was confirmed is lost. Some tens with every test run;
//! `WHALEDECK_KILLS=10000 cargo test -p cli --test kills -- --nocapture` for as many as that, and `WHALEDECK_KILLS_SEED` for
//! moments other than the last ones.
#![cfg(unix)]

mod chats;
mod files;
#[path = "../hub/mod.rs"]
mod hub;
mod scene;

use std::os::unix::process::ExitStatusExt;
use std::process::Child;
use std::time::{Duration, Instant};

use scene::Random;

/// A program that is killed, and what must hold afterwards.
trait Target {
    fn name(&self) -> &'static str;
    /// The work of one run, started.
    fn start(&mut self) -> Child;
    /// After a run that was killed, or ended by itself.
    fn check(&mut self, child: Child, killed: bool);
    /// Of a hundred kills.
    fn share(&self) -> usize;
}

/// How often it was killed, and how many runs ended before.
struct Tally {
    kills: usize,
    ended: usize,
    longest: Duration,
}

fn kill(target: &mut dyn Target, kills: usize, random: &mut Random) -> Tally {
    let mut tally = Tally { kills: 0, ended: 0, longest: Duration::ZERO };
    // How long a run takes that nobody ends.
    let mut whole = {
        let (began, mut child) = (Instant::now(), target.start());
        child.wait().expect("it ends");
        target.check(child, false);
        began.elapsed()
    };
    while tally.kills < kills {
        let after = whole.mul_f64(random.share());
        let (began, mut child) = (Instant::now(), target.start());
        std::thread::sleep(after);
        child.kill().expect("SIGKILL arrives");
        let status = child.wait().expect("it ended");
        let killed = status.signal() == Some(9);
        if killed {
            (tally.kills, tally.longest) = (tally.kills + 1, tally.longest.max(after));
        } else {
            tally.ended += 1;
            whole = whole.mul_f64(0.8) + began.elapsed().min(whole).mul_f64(0.2);
        }
        target.check(child, killed);
    }
    tally
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_whenever_a_process_is_killed() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let kills = number("WHALEDECK_KILLS").unwrap_or(40) as usize;
    let seed = number("WHALEDECK_KILLS_SEED").unwrap_or(20_261_128);
    let mut random = Random::of(seed);
    let mut targets: Vec<Box<dyn Target + Send>> = vec![
        Box::new(chats::Chat::new()),
        Box::new(files::Pull::new().await),
        Box::new(chats::Migration::new()),
        Box::new(chats::Backup::new()),
        Box::new(chats::Restore::new()),
        Box::new(chats::Empty::new()),
        Box::new(files::Settings::new()),
    ];
    assert_eq!(targets.iter().map(|target| target.share()).sum::<usize>(), 100);
    let run = tokio::task::spawn_blocking(move || {
        println!("seed {seed}");
        let mut all = 0;
        for target in &mut targets {
            let (began, wanted) = (Instant::now(), (kills * target.share()).div_ceil(100));
            let Tally { kills, ended, longest } = kill(target.as_mut(), wanted, &mut random);
            let (name, seconds, longest) = (target.name(), began.elapsed().as_secs(), longest.as_millis());
            println!(
                "{name:10} {kills:6} killed, {ended:5} ended before, up to {longest} ms, in {seconds} s"
            );
            all += kills;
        }
        println!("{all} kills, nothing lost");
    });
    run.await.expect("nothing is lost");
}
