//! Panics of the `tokenizers` crate become errors here; the panic hook stays as it is.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Runs `work` and gives its panic as an error. What it borrows must stay usable after a panic: the library's
/// tokenizers do, whose caches hold whole entries or none.
pub(super) fn contained<T>(work: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|cause| Err(format!("it panicked: {}", message(&*cause))))
}

fn message(cause: &(dyn Any + Send)) -> String {
    let text = cause.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| cause.downcast_ref::<&str>().copied()).unwrap_or("no reason given").chars().take(300).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn panics_are_errors() {
        assert_eq!(contained(|| Ok(1)), Ok(1));
        assert_eq!(contained::<()>(|| Err("no".into())), Err("no".into()));
        assert_eq!(contained::<()>(|| panic!("at {}", 3)), Err("it panicked: at 3".into()));
        assert_eq!(contained::<()>(|| panic!("plain")), Err("it panicked: plain".into()));
    }
}
