//! Runs engines that are installed on hosts: started from a plan, watched, restarted and stopped, on
//! localhost or over the user's own ssh. A deployment outlives this program, which reattaches to it by its
//! record. Knows no user interface.
mod cause;
mod deployment;
mod engine_failure;
mod health;
mod host;
mod launch;
mod log;
mod metrics;
mod observation;
mod probe;
mod record;
mod shared;
mod ssh;
mod state;
mod supervisor;
mod watch;

pub use deployment::Deployment;
pub use host::Host;
pub use log::LogLine;
pub use metrics::Point;
pub use probe::{Gpu, HostReport, InstalledEngine, probe, read_log};
pub use record::{Exposure, LaunchTarget, Node, Process, Record};
pub use shared::{DeploymentEvent, OnEvent, Timing};
pub use ssh::Transport;
pub use state::{Phase, State};
