//! kill -9 at random moments: a chat with the real worker, a download, a migration, a backup, a restore, a
//! start with empty chats, saved settings. After each kill no stored or confirmed data is lost. A test run
//! has 40 kills; `WHALEDECK_KILLS=10000 cargo test -p cli --test kills -- --nocapture` runs more, and
//! `WHALEDECK_KILLS_SEED` sets other moments.
#![cfg(unix)]

mod chats;
mod files;
mod fixture;
#[path = "../hub/mod.rs"]
mod hub;

use std::os::unix::process::ExitStatusExt;
use std::process::Child;
use std::time::{Duration, Instant};

use fixture::Random;

/// A command that is killed, and the check of its data.
trait Target {
    fn name(&self) -> &'static str;
    /// Starts one run.
    fn start(&mut self) -> Child;
    /// Checks the data after a run that was killed or ended normally.
    fn check(&mut self, child: Child, killed: bool);
    /// Percentage of all kills.
    fn percent(&self) -> usize;
}

/// Number of killed runs and of runs that ended before the kill.
struct KillCount {
    kills: usize,
    ended: usize,
    longest: Duration,
}

fn kill(target: &mut dyn Target, kills: usize, random: &mut Random) -> KillCount {
    let mut count = KillCount { kills: 0, ended: 0, longest: Duration::ZERO };
    // Duration of a run without a kill.
    let mut duration = {
        let (start, mut child) = (Instant::now(), target.start());
        child.wait().expect("it ends");
        target.check(child, false);
        start.elapsed()
    };
    while count.kills < kills {
        let after = duration.mul_f64(random.unit());
        let (start, mut child) = (Instant::now(), target.start());
        std::thread::sleep(after);
        child.kill().expect("SIGKILL arrives");
        let status = child.wait().expect("it ended");
        let killed = status.signal() == Some(9);
        if killed {
            (count.kills, count.longest) = (count.kills + 1, count.longest.max(after));
        } else {
            count.ended += 1;
            duration = duration.mul_f64(0.8) + start.elapsed().min(duration).mul_f64(0.2);
        }
        target.check(child, killed);
    }
    count
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_whenever_a_process_is_killed() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let kills = number("WHALEDECK_KILLS").unwrap_or(40) as usize;
    let seed = number("WHALEDECK_KILLS_SEED").unwrap_or(20_261_128);
    let mut random = Random::new(seed);
    let mut targets: Vec<Box<dyn Target + Send>> = vec![
        Box::new(chats::Chat::new()),
        Box::new(files::Pull::new().await),
        Box::new(chats::Migration::new()),
        Box::new(chats::Backup::new()),
        Box::new(chats::Restore::new()),
        Box::new(chats::Empty::new()),
        Box::new(files::Settings::new()),
    ];
    assert_eq!(targets.iter().map(|target| target.percent()).sum::<usize>(), 100);
    let run = tokio::task::spawn_blocking(move || {
        println!("seed {seed}");
        let mut all = 0;
        for target in &mut targets {
            let (start, kills_of_target) = (Instant::now(), (kills * target.percent()).div_ceil(100));
            let KillCount { kills, ended, longest } = kill(target.as_mut(), kills_of_target, &mut random);
            let (name, seconds, longest) = (target.name(), start.elapsed().as_secs(), longest.as_millis());
            println!(
                "{name:10} {kills:6} killed, {ended:5} ended before, up to {longest} ms, in {seconds} s"
            );
            all += kills;
        }
        println!("{all} kills, nothing lost");
    });
    run.await.expect("nothing is lost");
}
