//! What a language has to say: as it is when it works alone, with its code before each line where several
//! work at once, and without bars then.

use glossa_base::Progress;

pub(super) struct Voice<'a> {
    pub(super) progress: &'a dyn Progress,
    pub(super) alone: bool,
    pub(super) language: &'a str,
}

impl Progress for Voice<'_> {
    fn start(&self, task: &str, total: Option<u64>, unit: &str) {
        if self.alone {
            self.progress.start(task, total, unit);
        }
    }

    fn advance(&self, units: u64) {
        if self.alone {
            self.progress.advance(units);
        }
    }

    fn state(&self, text: &str) {
        if self.alone {
            self.progress.state(text);
        }
    }

    fn finish(&self, summary: &str) {
        if self.alone {
            self.progress.finish(summary);
        } else {
            self.line(&format!("  {summary}"));
        }
    }

    fn line(&self, text: &str) {
        if self.alone || text.starts_with(self.language) {
            self.progress.line(text);
        } else {
            self.progress.line(&format!("{}: {}", self.language, text.trim_start()));
        }
    }
}
