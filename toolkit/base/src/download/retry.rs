//! When to try again: how long to wait before which attempt, by what clock. It decides nothing about
//! what is worth a second attempt.

use std::time::{Duration, SystemTime};

use super::Error;
use crate::Interrupt;
use crate::hash::fingerprint;

/// No wait is longer, whatever a server asks for.
pub const LONGEST_WAIT: Duration = Duration::from_secs(300);
/// Between two looks at the interrupt.
const SLICE: Duration = Duration::from_millis(100);

/// The time of day and the passing of time; tests bring their own and do not wait.
pub trait Clock: Send + Sync {
    /// Now.
    fn now(&self) -> SystemTime;
    /// Lets that much time pass.
    fn sleep(&self, duration: Duration);
}

/// The clock of the machine.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> SystemTime {
        SystemTime::now()
    }

    fn sleep(&self, duration: Duration) {
        std::thread::sleep(duration);
    }
}

/// Lets time pass, unless a signal asks to stop.
pub(super) fn wait(clock: &dyn Clock, interrupt: &Interrupt, url: &str, duration: Duration) -> Result<(), Error> {
    let mut left = duration;
    while !left.is_zero() {
        if interrupt.requested() {
            return Err(Error::Stopped { url: url.to_owned() });
        }
        let slice = left.min(SLICE);
        clock.sleep(slice);
        left -= slice;
    }
    Ok(())
}

/// One second before the second attempt, then twice as long each time, less up to half of it: processes
/// that failed together do not come back together.
pub(super) fn backoff(url: &str, failed: u32) -> Duration {
    let whole = Duration::from_secs(1 << failed.saturating_sub(1).min(6));
    let draw = fingerprint(format!("{} {failed} {url}", std::process::id()).as_bytes());
    let share = (draw >> 40) as f64 / (1_u64 << 24) as f64;
    whole.mul_f64(1.0 - share / 2.0)
}

/// How long a `Retry-After` header asks to wait: seconds, or a date. At most [`LONGEST_WAIT`].
pub(super) fn retry_after(value: &str, now: SystemTime) -> Option<Duration> {
    let value = value.trim();
    let wait = if value.bytes().all(|byte| byte.is_ascii_digit()) && !value.is_empty() {
        value.parse().map_or(LONGEST_WAIT, Duration::from_secs)
    } else {
        httpdate::parse_http_date(value).ok()?.duration_since(now).unwrap_or_default()
    };
    Some(wait.min(LONGEST_WAIT))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_seconds_or_a_date_and_has_a_cap() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777);
        let cases = [
            ("7", Some(7)),
            ("0", Some(0)),
            (" 12 ", Some(12)),
            ("301", Some(300)),
            ("99999999999999999999999999", Some(300)),
            ("Sun, 06 Nov 1994 08:50:07 GMT", Some(30)),
            ("Sunday, 06-Nov-94 08:50:07 GMT", Some(30)),
            ("Sun Nov  6 08:50:07 1994", Some(30)),
            ("Sun, 06 Nov 1994 08:00:00 GMT", Some(0)),
            ("Mon, 07 Nov 1994 08:49:37 GMT", Some(300)),
            ("soon", None),
            ("-5", None),
            ("", None),
        ];
        for (value, seconds) in cases {
            assert_eq!(retry_after(value, now), seconds.map(Duration::from_secs), "{value}");
        }
    }

    #[test]
    fn waits_grow_and_differ() {
        for failed in 1..=4 {
            let wait = backoff("u", failed).as_secs_f64();
            let whole = f64::from(1 << (failed - 1));
            assert!(wait > whole / 2.0 - 1e-9 && wait <= whole, "{failed}: {wait}");
        }
        assert_ne!(backoff("u", 1), backoff("v", 1));
        assert!(backoff("u", u32::MAX) <= Duration::from_secs(64));
    }
}
