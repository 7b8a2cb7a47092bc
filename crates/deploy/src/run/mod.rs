//! Running engines that are installed on machines: started from a plan, watched, started again and stopped, here or over the
//! person's own ssh. What runs outlives this program and is found again by its record. Knows no screen.
mod cause;
mod deployment;
mod launch;
mod log;
mod look;
mod machine;
mod metrics;
mod node;
mod record;
mod state;
mod supervisor;
mod watch;

pub use deployment::{Change, Deployment, OnNews, Pace};
pub use log::{LogLine, lines_of};
pub use look::{Gpu, Installed, Looked, look, read_log};
pub use machine::{Machine, Reaching};
pub use metrics::{Point, Sample, parse};
pub use record::{Node, Place, Process, Reach, Record};
pub use state::{Phase, State};
