//! What happens to an engine, as a pure machine: what it does about it. Knows no process, no machine and no clock.
use std::time::Duration;

use crate::Failure;
use protocol::ErrorCode;

/// Starts in a row that did not come to a steady service, before it is given up.
pub(crate) const MOST_TRIES: u32 = 5;
const FIRST_WAIT: Duration = Duration::from_secs(2);
const LONGEST_WAIT: Duration = Duration::from_secs(60);

#[derive(Debug, Clone, PartialEq)]
pub enum Phase {
    Stopped,
    /// It was started before this program was, and is being looked for.
    Finding,
    Starting,
    /// Its processes run; it does not serve yet.
    Loading,
    Ready,
    /// It ended unasked, and is started again after a while.
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
    /// Starts in a row that did not come to a steady service.
    pub tries: u32,
    /// Why a machine cannot be seen just now. What runs there goes on.
    pub lost: Option<Failure>,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Input {
    StartAsked,
    Launched,
    NotLaunched(Failure),
    /// The processes of every machine were seen.
    Runs,
    Healthy,
    /// It has served for a while: the next crash is a first one again.
    Steady,
    /// A process ended unasked, or gave no sign of life for too long.
    Died(Failure),
    /// Somebody else asked it to end.
    StoppedElsewhere,
    WaitOver,
    StopAsked,
    Swept(Result<(), Failure>),
    Lost(Failure),
    Found,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Effect {
    /// On every machine, after ending what is left there.
    Launch,
    /// Looks at every machine from now on.
    Watch,
    /// Ends what was started on every machine.
    Sweep,
    Wait(Duration),
    /// Nothing is looked at any more.
    Rest,
}

impl State {
    pub(crate) fn new(phase: Phase) -> Self {
        Self { phase, tries: 0, lost: None }
    }

    /// The state after `input`, and what has to be done. What comes too late changes nothing.
    pub(crate) fn step(mut self, input: Input) -> (Self, Vec<Effect>) {
        let effects = match (&self.phase, input) {
            (_, Input::Lost(why)) => {
                self.lost = Some(why);
                Vec::new()
            }
            (_, Input::Found) => {
                self.lost = None;
                Vec::new()
            }
            (Phase::Stopped | Phase::Failed(_), Input::StartAsked) => {
                self = Self::new(Phase::Starting);
                vec![Effect::Launch]
            }
            (Phase::Starting, Input::Launched) => self.to(Phase::Loading, vec![Effect::Watch]),
            (Phase::Starting, Input::NotLaunched(why)) if self.tries == 0 => {
                self.to(Phase::Failed(why), vec![Effect::Rest])
            }
            (Phase::Starting, Input::NotLaunched(why)) => self.again(why),
            (Phase::Finding, Input::Runs) => self.to(Phase::Loading, Vec::new()),
            (Phase::Finding | Phase::Loading, Input::Healthy) => self.to(Phase::Ready, Vec::new()),
            (Phase::Ready, Input::Steady) => {
                self.tries = 0;
                Vec::new()
            }
            // What ended while nobody looked is not started again unasked.
            (Phase::Finding, Input::Died(why)) => self.to(Phase::Failed(why), vec![Effect::Rest]),
            // The same command meets the same end, at once or after it has read the weights once more.
            (Phase::Loading, Input::Died(why)) if is_final(&why) => self.failed(why),
            (Phase::Loading | Phase::Ready, Input::Died(why)) => self.again(why),
            (Phase::Waiting { .. }, Input::WaitOver) => self.to(Phase::Starting, vec![Effect::Launch]),
            (
                Phase::Finding | Phase::Loading | Phase::Ready | Phase::Waiting { .. },
                Input::StoppedElsewhere,
            ) => self.to(Phase::Stopped, vec![Effect::Rest]),
            (Phase::Stopped | Phase::Draining, Input::StopAsked) => Vec::new(),
            (_, Input::StopAsked) => self.to(Phase::Draining, vec![Effect::Sweep]),
            (Phase::Draining, Input::Swept(Ok(()))) => {
                self.lost = None;
                self.to(Phase::Stopped, vec![Effect::Rest])
            }
            (Phase::Draining, Input::Swept(Err(why))) => self.to(Phase::Failed(why), vec![Effect::Rest]),
            _ => Vec::new(),
        };
        (self, effects)
    }

    fn to(&mut self, phase: Phase, effects: Vec<Effect>) -> Vec<Effect> {
        self.phase = phase;
        effects
    }

    fn failed(&mut self, why: Failure) -> Vec<Effect> {
        self.tries += 1;
        let why = why.with("tries", self.tries.to_string());
        // Of several machines, some may still run.
        self.to(Phase::Failed(why), vec![Effect::Sweep, Effect::Rest])
    }

    /// Once more after a while that doubles each time, unless there is no sense in it.
    fn again(&mut self, why: Failure) -> Vec<Effect> {
        if self.tries + 1 >= MOST_TRIES || why.code == ErrorCode::EngineMissing {
            return self.failed(why);
        }
        self.tries += 1;
        let wait = FIRST_WAIT.saturating_mul(1 << (self.tries - 1)).min(LONGEST_WAIT);
        self.to(Phase::Waiting { wait, why }, vec![Effect::Sweep, Effect::Wait(wait)])
    }
}

/// What no second start of the same command changes, where the first did not come to serve.
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
        vec![Input::StartAsked, Input::Launched, Input::Runs, Input::Healthy]
    }

    #[test]
    fn a_start_goes_forward_and_a_stop_sweeps() {
        assert_eq!(after(vec![Input::StartAsked]).1, [Effect::Launch]);
        assert_eq!(after(ready()[..2].to_vec()).1, [Effect::Watch]);
        assert_eq!(after(ready()).0.phase, Phase::Ready);
        let (state, effects) = after([ready(), vec![Input::StopAsked]].concat());
        assert_eq!((&state.phase, &effects[..]), (&Phase::Draining, &[Effect::Sweep][..]));
        let (state, effects) = state.step(Input::Swept(Ok(())));
        assert_eq!((state.phase, &effects[..]), (Phase::Stopped, &[Effect::Rest][..]));
        // A machine that cannot be reached to stop it is said, not hidden.
        let gone = Failure::new(ErrorCode::MachineUnreachable, "it");
        let (state, _) = after([ready(), vec![Input::StopAsked, Input::Swept(Err(gone.clone()))]].concat());
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
                [Effect::Sweep, Effect::Wait(wait)] => waits.push(wait.as_secs()),
                _ => break,
            }
            for input in [Input::WaitOver, Input::Launched] {
                (state, _) = state.step(input);
            }
        }
        assert_eq!(waits, [2, 4, 8, 16]);
        let Phase::Failed(why) = state.phase else { panic!("{state:?}") };
        assert_eq!((why.code.as_str(), why.detail["tries"].as_str()), ("engine_died", "5"));
        // A steady service forgives.
        let calm =
            [ready(), vec![died(), Input::WaitOver, Input::Launched, Input::Healthy, Input::Steady, died()]]
                .concat();
        assert_eq!(after(calm).0.tries, 1);
        // Memory that runs out and a flag that is refused end it while it loads; what served before is tried again.
        for code in [ErrorCode::EngineOutOfMemory, ErrorCode::EngineFlagRefused, ErrorCode::EngineMissing] {
            let why = || Input::Died(Failure::new(code, "it"));
            let (state, effects) = after(vec![Input::StartAsked, Input::Launched, why()]);
            assert!(matches!(&state.phase, Phase::Failed(failed) if failed.detail["tries"] == "1"), "{code}");
            assert_eq!(effects, [Effect::Sweep, Effect::Rest]);
            let (state, _) = after([ready(), vec![why()]].concat());
            assert_eq!(
                matches!(state.phase, Phase::Waiting { .. }),
                code != ErrorCode::EngineMissing,
                "{code}"
            );
        }
        // No program, no second try.
        let (state, _) =
            after([ready(), vec![Input::Died(Failure::new(ErrorCode::EngineMissing, "it"))]].concat());
        assert!(matches!(state.phase, Phase::Failed(_)));
    }

    #[test]
    fn what_was_found_goes_on_and_what_ended_meanwhile_is_said() {
        let (state, _) = State::new(Phase::Finding).step(Input::Runs);
        assert_eq!(state.phase, Phase::Loading);
        let (state, effects) = State::new(Phase::Finding).step(died());
        assert!(matches!(state.phase, Phase::Failed(_)) && effects == [Effect::Rest]);
        let (state, _) = State::new(Phase::Finding).step(Input::StoppedElsewhere);
        assert_eq!(state.phase, Phase::Stopped);
    }

    #[test]
    fn a_lost_line_changes_nothing_but_itself_and_late_news_nothing() {
        let lost = Failure::new(ErrorCode::MachineUnreachable, "it");
        let (state, effects) = after([ready(), vec![Input::Lost(lost.clone())]].concat());
        assert_eq!((&state.phase, &state.lost, effects), (&Phase::Ready, &Some(lost), Vec::new()));
        assert_eq!(state.step(Input::Found).0.lost, None);
        let (state, effects) =
            after([ready(), vec![Input::StopAsked, died(), Input::Healthy, Input::WaitOver]].concat());
        assert_eq!((state.phase, effects), (Phase::Draining, Vec::new()));
        let late = after(vec![Input::StartAsked, Input::StopAsked, Input::Launched]);
        assert_eq!(late.0.phase, Phase::Draining);
        let wrong =
            after(vec![Input::StartAsked, Input::NotLaunched(Failure::new(ErrorCode::MachineRefused, "it"))]);
        assert!(matches!(wrong.0.phase, Phase::Failed(_)));
    }
}
