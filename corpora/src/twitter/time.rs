//! Times as X writes them, and when a tweet was written, by its id.

use std::time::{Duration, SystemTime};

/// Milliseconds from 1970 to the first of the ids that hold a time.
const FIRST: u64 = 1_288_834_974_657;
const DAY: u64 = 86_400;

/// `YYYY-MM-DDTHH:MM:SSZ`.
pub(super) fn shown(time: SystemTime) -> String {
    let seconds = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
    // Until the year 9999; what lies beyond is no time that anybody means.
    let seconds = seconds.min(253_402_300_799);
    let (days, second) = (seconds / DAY, seconds % DAY);
    let (year, month, day) = date(days);
    format!("{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}Z", second / 3600, second / 60 % 60, second % 60)
}

/// Year, month and day of a day since 1970, counted in eras of 400 years that begin in March.
fn date(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let march = (5 * day + 2) / 153;
    let month = if march < 10 { march + 3 } else { march - 9 };
    (400 * era + year + u64::from(month <= 2), month, day - (153 * march + 2) / 5 + 1)
}

/// A time in X's own form, of a date or a time in that form.
pub(super) fn read(text: &str) -> Option<String> {
    const FORM: &[u8] = b"dddd-dd-ddTdd:dd:ddZ";
    let whole = if text.len() == 10 { format!("{text}T00:00:00Z") } else { text.to_owned() };
    let fits = |(byte, form): (u8, &u8)| if *form == b'd' { byte.is_ascii_digit() } else { byte == *form };
    let formed = whole.len() == FORM.len() && whole.bytes().zip(FORM).all(fits);
    let number = |from: usize| whole.get(from..from + 2)?.parse::<u32>().ok();
    let within = |from: usize, least: u32, most: u32| number(from).is_some_and(|it| (least..=most).contains(&it));
    let right = formed && within(5, 1, 12) && within(8, 1, 31) && within(11, 0, 23) && within(14, 0, 59);
    (right && within(17, 0, 59)).then_some(whole)
}

/// When a tweet was written; ids before November 2010 hold no time and count as older than all others.
pub(super) fn of_tweet(id: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_millis((id >> 22).saturating_add(FIRST))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_and_read() {
        let rows = [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_399, "2000-02-28T23:59:59Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_709_208_000, "2024-02-29T12:00:00Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
            (u64::MAX >> 2, "9999-12-31T23:59:59Z"),
        ];
        for (seconds, text) in rows {
            assert_eq!(shown(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)), text);
            assert_eq!(read(text).as_deref(), Some(text));
        }
        assert_eq!(read("2024-02-29").as_deref(), Some("2024-02-29T00:00:00Z"));
        for bad in ["", "2024", "2024-13-01", "2024-01-00", "2024-01-01 00:00:00", "2024-01-01T24:00:00Z", "2024-é1-01"]
        {
            assert_eq!(read(bad), None, "{bad}");
        }
    }

    #[test]
    fn ids_hold_the_time() {
        // X's own error message names this id for this minute.
        assert_eq!(shown(of_tweet(2_069_097_036_665_323_520)), "2026-06-22T16:35:50Z");
        assert_eq!(shown(of_tweet(20)), "2010-11-04T01:42:54Z");
    }
}
