//! How long X wants to be left alone, by what its answers say. The limits themselves are X's and change:
//! none stands here.

use std::time::{Duration, SystemTime};

use glossa_base::download::Answer;

/// Nobody waits longer at a screen: X's windows have fifteen minutes.
pub(super) const LONGEST: Duration = Duration::from_secs(16 * 60);
/// So often in a row X may refuse a page for its rate.
pub(super) const REFUSALS: u32 = 5;
/// Where requests are left in the window, another limit, of a second or of all clients, was met.
const SHORT: Duration = Duration::from_secs(10);
/// Where nothing is said: this long, then twice as long each time.
const UNSAID: Duration = Duration::from_secs(60);

/// The time until a window ends, and a second for clocks that differ; `None` where it is not named, or past.
fn until_reset(answer: &Answer, now: SystemTime) -> Option<Duration> {
    let reset = answer.number("x-rate-limit-reset")?;
    let left = reset.checked_sub(now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs())?;
    // A number beyond all times is a very long wait, and no overflow.
    Some(Duration::from_secs(left.min(u64::from(u32::MAX)) + 1)).filter(|_| left > 0)
}

/// How long to wait after a 429, the `refused`th in a row from 1.
pub(super) fn after_refusal(answer: &Answer, now: SystemTime, refused: u32) -> Duration {
    let asked = answer.number("retry-after").map(Duration::from_secs);
    match answer.number("x-rate-limit-remaining") {
        Some(1..) => asked.unwrap_or(SHORT),
        _ => until_reset(answer, now)
            .or(asked)
            .unwrap_or_else(|| (UNSAID * 2_u32.saturating_pow(refused.saturating_sub(1).min(8))).min(LONGEST)),
    }
}

/// How long to wait before the next page, after one that came.
pub(super) fn after_page(answer: &Answer, now: SystemTime) -> Duration {
    match answer.number("x-rate-limit-remaining") {
        Some(0) => until_reset(answer, now).unwrap_or_default(),
        _ => Duration::ZERO,
    }
}
