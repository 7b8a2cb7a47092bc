//! Running engines that are installed on machines: started from a plan, watched, started again and stopped, here or over the
//! person's own ssh. What runs outlives this program and is found again by its record. Knows no screen.
mod cause;
mod deployment;
mod host;
mod launch;
mod log;
mod metrics;
mod probe;
mod record;
mod shared;
mod ssh;
mod state;
mod stream;
mod supervisor;
mod watch;

pub use deployment::Deployment;
pub use host::Machine;
pub use log::{LogLine, lines_of};
pub use metrics::{Point, Sample, parse};
pub use probe::{Gpu, Installed, Looked, look, read_log};
pub use record::{Node, Place, Process, Reach, Record};
pub use shared::{Change, OnNews, Pace};
pub use ssh::Reaching;
pub use state::{Phase, State};
