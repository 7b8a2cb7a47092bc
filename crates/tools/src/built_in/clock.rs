//! The clock: a model does not know the day, and guesses it from its training.
//! Time zones are those of the IANA database.
use jiff::Zoned;
use jiff::tz::TimeZone;

use crate::ToolResult;

/// The time in a zone of the IANA database, or in the user's own.
pub fn now(time_zone: Option<&str>) -> ToolResult {
    let now = Zoned::now();
    let now = match time_zone.map(str::trim).filter(|name| !name.is_empty()) {
        None => now,
        Some(name) => match TimeZone::get(name) {
            Ok(zone) => now.with_time_zone(zone),
            Err(_) => return ToolResult::error(format!("There is no time zone {name}.")),
        },
    };
    ToolResult::text(now.strftime("%A, %Y-%m-%d %H:%M:%S %:z (%Q)").to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_zone_changes_the_hour_and_an_unknown_one_is_said() {
        let there = now(Some("Asia/Shanghai"));
        assert!(there.text.contains("+08:00 (Asia/Shanghai)"), "{}", there.text);
        assert!(!now(None).is_error && !now(Some(" ")).is_error);
        assert!(now(Some("Nowhere/At_all")).is_error);
    }
}
