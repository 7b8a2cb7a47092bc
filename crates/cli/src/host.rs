//! What the app sees of a terminal: commands print what they asked for, so pushed events are not shown.
use contract::AppEvent;

pub struct Terminal;

impl app::Host for Terminal {
    fn emit(&self, _event: AppEvent) {}
}
