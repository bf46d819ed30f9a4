//! Faults on purpose: tests make a step of saving fail, or kill the process at it, and look at what is
//! left. Without a plan a point costs one atomic load.

use std::io;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

/// Every point, in the order in which saving a folder passes them.
pub const POINTS: [&str; 11] = [
    "folder.create",
    "file.create",
    "file.write",
    "file.sync",
    "file.rename",
    "folder.rename",
    "folder.replace",
    "folder.former",
    "folder.sync",
    "remove.rename",
    "remove.delete",
];

/// What happens at a point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The disk is full.
    Error,
    /// The process dies as by `kill -9`.
    Kill,
}

#[derive(Debug)]
struct Plan {
    point: String,
    /// Passes before it happens.
    left: u64,
    fault: Fault,
}

static ARMED: AtomicBool = AtomicBool::new(false);
static PLAN: Mutex<Option<Plan>> = Mutex::new(None);

/// Plans a fault as `POINT:COUNT:error` or `POINT:COUNT:kill`: the COUNTth pass, from 1, of that point.
/// Says whether the text is such a plan.
pub fn plan(text: &str) -> bool {
    let mut parts = text.split(':');
    let (Some(point), Some(count), Some(fault), None) = (parts.next(), parts.next(), parts.next(), parts.next()) else {
        return false;
    };
    let fault = match fault {
        "error" => Fault::Error,
        "kill" => Fault::Kill,
        _ => return false,
    };
    let (true, Ok(count @ 1..)) = (POINTS.contains(&point), count.parse::<u64>()) else { return false };
    if let Ok(mut plan) = PLAN.lock() {
        *plan = Some(Plan { point: point.to_owned(), left: count - 1, fault });
    }
    ARMED.store(true, Ordering::Release);
    true
}

/// Passes a point.
///
/// # Errors
/// One is planned here; it happens once.
pub fn point(name: &str) -> io::Result<()> {
    if !ARMED.load(Ordering::Acquire) {
        return Ok(());
    }
    let Ok(mut plan) = PLAN.lock() else { return Ok(()) };
    let Some(planned) = plan.as_mut().filter(|planned| planned.point == name) else { return Ok(()) };
    if planned.left > 0 {
        planned.left -= 1;
        return Ok(());
    }
    let fault = planned.fault;
    *plan = None;
    ARMED.store(false, Ordering::Release);
    match fault {
        Fault::Error => Err(io::Error::new(io::ErrorKind::StorageFull, format!("planned fault at {name}"))),
        Fault::Kill => std::process::abort(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plans_are_read() {
        assert!(
            ["", "file.sync", "file.sync:1", "file.sync:0:kill", "file.snc:1:kill", "file.sync:1:kill:x"]
                .iter()
                .all(|text| !plan(text))
        );
    }
}
