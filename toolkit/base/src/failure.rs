//! One shape for every failure that reaches the user: what kind (it decides the exit code), what
//! happened and where, what caused it, and what to do about it.
//!
//! Libraries keep their own typed error enums and convert them into a [`Failure`] with a hint.

use std::error::Error;
use std::fmt;

/// What kind of failure it is; the command turns it into an exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Anything without a better name: exit 1.
    Failed,
    /// A device has too little memory: exit 1.
    Memory,
    /// The command line is wrong: exit 2.
    Usage,
    /// A configuration or data file is missing or wrong: exit 3.
    Data,
    /// The network failed or a checksum did not match: exit 4.
    Network,
    /// Stopped by a signal with a checkpoint; run again to resume: exit 75.
    Stopped,
}

impl Kind {
    /// The process exit code of `design.md`.
    pub fn exit_code(self) -> u8 {
        match self {
            Kind::Failed | Kind::Memory => 1,
            Kind::Usage => 2,
            Kind::Data => 3,
            Kind::Network => 4,
            Kind::Stopped => 75,
        }
    }
}

/// A failure on its way to the user.
#[derive(Debug)]
pub struct Failure {
    /// Decides the exit code.
    pub kind: Kind,
    /// What happened and where, without a full stop.
    pub message: String,
    /// What the user can do about it.
    pub hint: Option<String>,
    /// What caused it.
    pub source: Option<Box<dyn Error + Send + Sync>>,
}

impl Failure {
    /// A failure of the given kind.
    pub fn new(kind: Kind, message: impl Into<String>) -> Self {
        Failure { kind, message: message.into(), hint: None, source: None }
    }

    /// A missing or wrong file, row, value or setting.
    pub fn data(message: impl Into<String>) -> Self {
        Self::new(Kind::Data, message)
    }

    /// A file that could not be read or written.
    pub fn io(action: &str, path: &std::path::Path, cause: std::io::Error) -> Self {
        let kind = match cause.kind() {
            std::io::ErrorKind::StorageFull => Kind::Failed,
            _ => Kind::Data,
        };
        let failure = Self::new(kind, format!("cannot {action} {}", path.display()));
        let failure = match cause.kind() {
            std::io::ErrorKind::NotFound => failure.hint("check the path; nothing was written"),
            std::io::ErrorKind::PermissionDenied => failure.hint("check the permissions of the file and its folder"),
            _ => failure,
        };
        failure.because(cause)
    }

    /// Adds what to do about it.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Adds the cause.
    pub fn because(mut self, cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.source = Some(cause.into());
        self
    }

    /// The message and its causes on one line, `a: b: c`.
    pub fn chain(&self) -> String {
        let mut line = self.message.clone();
        let mut cause = self.source();
        while let Some(error) = cause {
            line.push_str(": ");
            line.push_str(&error.to_string().replace('\n', " "));
            cause = error.source();
        }
        line
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)
    }
}

impl Error for Failure {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_ref().map(|cause| &**cause as &(dyn Error + 'static))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chain_is_one_line() {
        let cause = std::io::Error::other("first\nsecond");
        let failure = Failure::data("cannot read a.txt").because(cause).hint("look");
        assert_eq!(failure.chain(), "cannot read a.txt: first second");
        assert_eq!(failure.kind.exit_code(), 3);
    }
}
