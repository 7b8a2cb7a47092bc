//! The state machine of a deployment: from a state and an input to the next state and its effects. Pure:
//! knows no process, no host and no clock.
use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};
use protocol::ErrorCode;

use crate::Failure;

/// Consecutive starts without stable service after which the deployment fails.
const MAX_TRIES: usize = 5;
/// Before each start but the first.
const BACKOFF: ExponentialBuilder =
    ExponentialBuilder::new().with_min_delay(Duration::from_secs(2)).with_max_times(MAX_TRIES - 1);

#[derive(Debug, Clone, PartialEq)]
pub enum Phase {
    Stopped,
    /// Started by an earlier run of this program; its processes are being checked.
    Reattaching,
    Starting,
    /// The processes run; the engine does not serve yet.
    Loading,
    Ready,
    /// The engine ended unexpectedly and is restarted after a backoff.
    Waiting {
        wait: Duration,
        why: Failure,
    },
    Draining,
    Failed(Failure),
}

#[derive(Debug, Clone, PartialEq)]
pub struct State {
    pub phase: Phase,
    /// Consecutive starts without stable service.
    pub tries: u32,
    /// Why a host cannot be reached now. The engine on it keeps running.
    pub connection_error: Option<Failure>,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Input {
    StartRequested,
    Launched,
    LaunchFailed(Failure),
    /// The processes run on every host.
    ProcessesRunning,
    Healthy,
    /// The engine has served for [`Timing::stable_after`](super::Timing): the count of failed starts is
    /// reset.
    Stable,
    /// A process ended unexpectedly, or had no activity for too long.
    Died(Failure),
    /// Another program stopped it.
    StoppedExternally,
    BackoffElapsed,
    StopRequested,
    CleanupDone(Result<(), Failure>),
    ConnectionLost(Failure),
    ConnectionRestored,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Effect {
    /// Start on every host, after killing leftover processes.
    Launch,
    /// Watch every host from now on.
    Watch,
    /// Stop the processes on every host.
    Cleanup,
    Backoff(Duration),
    /// Stop watching and polling.
    Idle,
}

impl State {
    pub(crate) fn new(phase: Phase) -> Self {
        Self { phase, tries: 0, connection_error: None }
    }

    /// The state after `input`, and the effects to run. Inputs that do not apply to the state change nothing.
    pub(crate) fn step(mut self, input: Input) -> (Self, Vec<Effect>) {
        let effects = match (&self.phase, input) {
            (_, Input::ConnectionLost(why)) => {
                self.connection_error = Some(why);
                Vec::new()
            }
            (_, Input::ConnectionRestored) => {
                self.connection_error = None;
                Vec::new()
            }
            (Phase::Stopped | Phase::Failed(_), Input::StartRequested) => {
                self = Self::new(Phase::Starting);
                vec![Effect::Launch]
            }
            (Phase::Starting, Input::Launched) => self.enter(Phase::Loading, vec![Effect::Watch]),
            (Phase::Starting, Input::LaunchFailed(why)) if self.tries == 0 => {
                self.enter(Phase::Failed(why), vec![Effect::Idle])
            }
            (Phase::Starting, Input::LaunchFailed(why)) => self.retry(why),
            (Phase::Reattaching, Input::ProcessesRunning) => self.enter(Phase::Loading, Vec::new()),
            (Phase::Reattaching | Phase::Loading, Input::Healthy) => self.enter(Phase::Ready, Vec::new()),
            (Phase::Ready, Input::Stable) => {
                self.tries = 0;
                Vec::new()
            }
            // An engine that ended while this program did not run is not restarted without a request.
            (Phase::Reattaching, Input::Died(why)) => self.enter(Phase::Failed(why), vec![Effect::Idle]),
            // The same command would fail again, possibly after loading all weights.
            (Phase::Loading, Input::Died(why)) if is_final(&why) => self.fail(why),
            (Phase::Loading | Phase::Ready, Input::Died(why)) => self.retry(why),
            (Phase::Waiting { .. }, Input::BackoffElapsed) => {
                self.enter(Phase::Starting, vec![Effect::Launch])
            }
            (
                Phase::Reattaching | Phase::Loading | Phase::Ready | Phase::Waiting { .. },
                Input::StoppedExternally,
            ) => self.enter(Phase::Stopped, vec![Effect::Idle]),
            (Phase::Stopped | Phase::Draining, Input::StopRequested) => Vec::new(),
            (_, Input::StopRequested) => self.enter(Phase::Draining, vec![Effect::Cleanup]),
            (Phase::Draining, Input::CleanupDone(Ok(()))) => {
                self.connection_error = None;
                self.enter(Phase::Stopped, vec![Effect::Idle])
            }
            (Phase::Draining, Input::CleanupDone(Err(why))) => {
                self.enter(Phase::Failed(why), vec![Effect::Idle])
            }
            _ => Vec::new(),
        };
        (self, effects)
    }

    fn enter(&mut self, phase: Phase, effects: Vec<Effect>) -> Vec<Effect> {
        self.phase = phase;
        effects
    }

    fn fail(&mut self, why: Failure) -> Vec<Effect> {
        self.tries += 1;
        let why = why.with("tries", self.tries.to_string());
        // The processes of other hosts may still run.
        self.enter(Phase::Failed(why), vec![Effect::Cleanup, Effect::Idle])
    }

    /// Restarts after a backoff that doubles each time, unless a restart cannot help.
    fn retry(&mut self, why: Failure) -> Vec<Effect> {
        let wait = BACKOFF.build().nth(self.tries as usize);
        let Some(wait) = wait.filter(|_| why.code != ErrorCode::EngineMissing) else {
            return self.fail(why);
        };
        self.tries += 1;
        self.enter(Phase::Waiting { wait, why }, vec![Effect::Cleanup, Effect::Backoff(wait)])
    }
}

/// Failures that a restart with the same command does not fix.
fn is_final(why: &Failure) -> bool {
    matches!(why.code, ErrorCode::EngineMissing | ErrorCode::EngineFlagRefused | ErrorCode::EngineOutOfMemory)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn died() -> Input {
        Input::Died(Failure::new(ErrorCode::EngineDied, "it"))
    }

    fn after(inputs: Vec<Input>) -> (State, Vec<Effect>) {
        let mut state = State::new(Phase::Stopped);
        let mut effects = Vec::new();
        for input in inputs {
            (state, effects) = state.step(input);
        }
        (state, effects)
    }

    fn ready() -> Vec<Input> {
        vec![Input::StartRequested, Input::Launched, Input::ProcessesRunning, Input::Healthy]
    }

    #[test]
    fn a_start_goes_forward_and_a_stop_sweeps() {
        assert_eq!(after(vec![Input::StartRequested]).1, [Effect::Launch]);
        assert_eq!(after(ready()[..2].to_vec()).1, [Effect::Watch]);
        assert_eq!(after(ready()).0.phase, Phase::Ready);
        let (state, effects) = after([ready(), vec![Input::StopRequested]].concat());
        assert_eq!((&state.phase, &effects[..]), (&Phase::Draining, &[Effect::Cleanup][..]));
        let (state, effects) = state.step(Input::CleanupDone(Ok(())));
        assert_eq!((state.phase, &effects[..]), (Phase::Stopped, &[Effect::Idle][..]));
        // A host that cannot be reached to stop its processes is an error.
        let gone = Failure::new(ErrorCode::MachineUnreachable, "it");
        let (state, _) =
            after([ready(), vec![Input::StopRequested, Input::CleanupDone(Err(gone.clone()))]].concat());
        assert_eq!(state.phase, Phase::Failed(gone));
    }

    #[test]
    fn crashes_wait_longer_each_time_and_end() {
        let mut state = after(ready()).0;
        let mut waits = Vec::new();
        loop {
            let (next, effects) = state.step(died());
            state = next;
            match effects[..] {
                [Effect::Cleanup, Effect::Backoff(wait)] => waits.push(wait.as_secs()),
                _ => break,
            }
            for input in [Input::BackoffElapsed, Input::Launched] {
                (state, _) = state.step(input);
            }
        }
        assert_eq!(waits, [2, 4, 8, 16]);
        let Phase::Failed(why) = state.phase else { panic!("{state:?}") };
        assert_eq!((why.code.as_str(), why.detail["tries"].as_str()), ("engine_died", "5"));
        // Stable service resets the count.
        let calm = [
            ready(),
            vec![died(), Input::BackoffElapsed, Input::Launched, Input::Healthy, Input::Stable, died()],
        ]
        .concat();
        assert_eq!(after(calm).0.tries, 1);
        // Out of memory and an invalid flag are final while loading; an engine that has served is restarted.
        for code in [ErrorCode::EngineOutOfMemory, ErrorCode::EngineFlagRefused, ErrorCode::EngineMissing] {
            let why = || Input::Died(Failure::new(code, "it"));
            let (state, effects) = after(vec![Input::StartRequested, Input::Launched, why()]);
            assert!(matches!(&state.phase, Phase::Failed(failed) if failed.detail["tries"] == "1"), "{code}");
            assert_eq!(effects, [Effect::Cleanup, Effect::Idle]);
            let (state, _) = after([ready(), vec![why()]].concat());
            assert_eq!(
                matches!(state.phase, Phase::Waiting { .. }),
                code != ErrorCode::EngineMissing,
                "{code}"
            );
        }
        // A missing program is not retried.
        let (state, _) =
            after([ready(), vec![Input::Died(Failure::new(ErrorCode::EngineMissing, "it"))]].concat());
        assert!(matches!(state.phase, Phase::Failed(_)));
    }

    #[test]
    fn what_was_found_goes_on_and_what_ended_meanwhile_is_said() {
        let (state, _) = State::new(Phase::Reattaching).step(Input::ProcessesRunning);
        assert_eq!(state.phase, Phase::Loading);
        let (state, effects) = State::new(Phase::Reattaching).step(died());
        assert!(matches!(state.phase, Phase::Failed(_)) && effects == [Effect::Idle]);
        let (state, _) = State::new(Phase::Reattaching).step(Input::StoppedExternally);
        assert_eq!(state.phase, Phase::Stopped);
    }

    #[test]
    fn a_lost_line_changes_nothing_but_itself_and_late_news_nothing() {
        let connection_error = Failure::new(ErrorCode::MachineUnreachable, "it");
        let (state, effects) =
            after([ready(), vec![Input::ConnectionLost(connection_error.clone())]].concat());
        assert_eq!(
            (&state.phase, &state.connection_error, effects),
            (&Phase::Ready, &Some(connection_error), Vec::new())
        );
        assert_eq!(state.step(Input::ConnectionRestored).0.connection_error, None);
        let (state, effects) = after(
            [ready(), vec![Input::StopRequested, died(), Input::Healthy, Input::BackoffElapsed]].concat(),
        );
        assert_eq!((state.phase, effects), (Phase::Draining, Vec::new()));
        let late = after(vec![Input::StartRequested, Input::StopRequested, Input::Launched]);
        assert_eq!(late.0.phase, Phase::Draining);
        let wrong = after(vec![
            Input::StartRequested,
            Input::LaunchFailed(Failure::new(ErrorCode::MachineRefused, "it")),
        ]);
        assert!(matches!(wrong.0.phase, Phase::Failed(_)));
    }
}
