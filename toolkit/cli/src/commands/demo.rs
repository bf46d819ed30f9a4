//! `glossa demo`: tells a newcomer, stage by stage, what the pipeline does.

use glossa_base::{Outcome, Progress};
use glossa_pipeline::demo::{self, Audience, DemoOutcome, DemoSetting, Stage};

use crate::arguments::DemoArguments;
use crate::console::{Console, print};
use crate::context::Context;

/// Widest line of explanation, in characters.
const WIDTH: usize = 92;

pub(super) fn run(arguments: &DemoArguments, context: &Context) -> Outcome<()> {
    let language = demo::language(&arguments.language)?;
    demo::check(&arguments.out)?;
    let config = serde_json::json!({"language": arguments.language, "preset": demo::PRESET});
    if context.plan("demo", &arguments.out, &[], config)? {
        return Ok(());
    }
    let calm = Calm { console: &context.console };
    let setting =
        DemoSetting { language, device: context.device, seed: context.seed, out: &arguments.out, progress: &calm };
    let mut narrator = Narrator { json: context.json, console: &context.console };
    narrator.say(
        "glossa turns a language's raw text into a text classifier. This is every step of it, on a small sample.\n",
    );
    let outcome = demo::run(setting, &mut narrator)?;
    context.emit(&outcome, &ending(&outcome))
}

/// Bars as always, but no closing line of each task: the narrator says what came of it.
struct Calm<'a> {
    console: &'a Console,
}

impl Progress for Calm<'_> {
    fn start(&self, task: &str, total: Option<u64>, unit: &str) {
        self.console.start(task, total, unit);
    }

    fn advance(&self, units: u64) {
        self.console.advance(units);
    }

    fn state(&self, text: &str) {
        self.console.state(text);
    }

    fn finish(&self, _summary: &str) {
        self.console.clear();
    }

    fn line(&self, text: &str) {
        self.console.line(text);
    }
}

/// Tells of the stages on stdout; with `--json` only their names, on stderr.
struct Narrator<'a> {
    json: bool,
    console: &'a Console,
}

impl Narrator<'_> {
    fn say(&self, text: &str) {
        if !self.json {
            self.console.clear();
            print(text);
        }
    }
}

impl Audience for Narrator<'_> {
    fn begin(&mut self, stage: &Stage) {
        if self.json {
            return self.console.line(&format!("{}. {}", stage.number, stage.title));
        }
        let heading = format!("{}. {}", stage.number, stage.title);
        let commands: String = stage.command_lines().iter().map(|line| format!("   $ {line}\n")).collect();
        self.say(&format!("{heading}\n{}{commands}", wrapped(&stage.why, "   ")));
    }

    fn end(&mut self, stage: &Stage) {
        let results: String = stage.results.iter().map(|line| wrapped(line, "   > ")).collect();
        self.say(&format!("{results}   ({:.1} s)\n\n", stage.seconds));
    }
}

/// Breaks a text between words; every line begins with `lead`. Spaces within a line stay as they are.
fn wrapped(text: &str, lead: &str) -> String {
    let (mut lines, mut line, mut length) = (String::new(), String::new(), 0);
    for word in text.split(' ') {
        let size = word.chars().count();
        if length > 0 && length + 1 + size > WIDTH {
            lines.push_str(&format!("{lead}{}\n", line.trim_end()));
            (line, length) = (String::new(), 0);
        }
        if length > 0 || !line.is_empty() {
            line.push(' ');
            length += 1;
        }
        line.push_str(word);
        length += size;
    }
    lines + &format!("{lead}{line}\n")
}

fn ending(outcome: &DemoOutcome) -> String {
    format!(
        "Done in {:.0} seconds.\n   model folder  {}\n   predictions   {}\n   report        {} (open it in a browser)\n\n\
         Next: try the classifier on a sentence of yours with glossa classify predict, or start over with\n\
         your own text: glossa corpus build --help\n",
        outcome.seconds,
        outcome.model.display(),
        outcome.predictions.display(),
        outcome.report.display()
    )
}
