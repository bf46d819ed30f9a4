//! Models by their ids: wherever a command takes a model's folder, it takes an id, which is found in the cache or
//! fetched before the command begins.

use std::path::{Path, PathBuf};

use glossa_base::download::{Settings, Token, Watch};
use glossa_base::{Failure, Interrupt, Outcome};
use glossa_zoo::environment::{Places, VARIABLES};
use glossa_zoo::pull::Options;
use glossa_zoo::{Index, ModelId, Zoo};

use crate::arguments::{BootstrapCommand, ClassifyCommand, Command, LmCommand, TeacherCommand, ZooCommand};
use crate::context::Context;
use crate::network;

/// The zoo as the environment names it, with an index of the user's own over the built-in one.
pub(crate) fn zoo(own_index: Option<&Path>, context: &Context) -> Outcome<Zoo> {
    let values: Vec<(&str, String)> =
        VARIABLES.into_iter().filter_map(|name| Some((name, std::env::var(name).ok()?))).collect();
    let mut places = Places::resolve(values.iter().map(|(name, value)| (*name, value.as_str())))?;
    places.offline |= context.offline;
    if places.token.is_none()
        && let Some(text) = places.token_file.as_deref().and_then(|path| std::fs::read_to_string(path).ok())
    {
        places.token = Some(Token::new(&text)?);
    }
    let mut options = Options::new(places)?;
    options.download = Settings { proxies: network::environment_proxies(), ..options.download };
    if let Some(path) = own_index {
        options.index = options.index.under(Index::read(path)?);
    }
    Ok(Zoo::new(options)?)
}

/// Puts a local folder in the place of each id among a command's models.
pub(crate) fn resolve(command: &mut Command, context: &Context) -> Outcome<()> {
    let mut zoo_of_all = None;
    for model in models(command) {
        let Some(id) = remote(model)? else { continue };
        let zoo = match &mut zoo_of_all {
            Some(zoo) => zoo,
            none => none.insert(zoo(None, context)?),
        };
        let interrupt = Interrupt::default();
        let pulled = zoo.pull(&id, Watch { progress: &context.console, interrupt: &interrupt })?;
        for note in &pulled.notes {
            glossa_base::Progress::line(&context.console, note);
        }
        *model = pulled.folder;
    }
    Ok(())
}

/// The id that a model's argument is, unless it is a path.
fn remote(model: &Path) -> Outcome<Option<ModelId>> {
    let Some(text) = model.to_str() else { return Ok(None) };
    if model.exists() || !(text.contains('/') || text.contains(':')) {
        return Ok(None);
    }
    match ModelId::parse_beside_files(text) {
        Ok(ModelId::Path(_)) => Ok(None),
        Ok(id) => Ok(Some(id)),
        // A path such as a/b/c that is not there: whoever opens it says so.
        Err(_) if !text.contains(':') => Ok(None),
        Err(error) => Err(Failure::from(error)),
    }
}

/// The arguments of a command that are models.
fn models(command: &mut Command) -> Vec<&mut PathBuf> {
    match command {
        Command::Lm(command) => match command {
            LmCommand::Pretrain(arguments) => arguments.from.iter_mut().collect(),
            LmCommand::Finetune(arguments) => vec![&mut arguments.model],
            LmCommand::Perplexity(arguments) => vec![&mut arguments.model],
            LmCommand::Generate(arguments) => vec![&mut arguments.model],
        },
        Command::Classify(command) => match command {
            ClassifyCommand::Train(arguments) => arguments.model.iter_mut().collect(),
            ClassifyCommand::Predict(arguments) => arguments.model.iter_mut().collect(),
            ClassifyCommand::Explain(arguments) => vec![&mut arguments.model],
        },
        Command::Bootstrap(arguments) => match &mut arguments.command {
            Some(BootstrapCommand::Noise(arguments)) => vec![&mut arguments.model],
            Some(BootstrapCommand::Report(_)) => Vec::new(),
            None => {
                let run = &mut arguments.run;
                run.student.iter_mut().chain(run.own.encoder.iter_mut()).collect()
            }
        },
        Command::Teacher(command) => match command {
            TeacherCommand::Train(arguments) => arguments.own.encoder.iter_mut().collect(),
            TeacherCommand::Adapt(arguments) => vec![&mut arguments.encoder],
        },
        Command::Embed(arguments) => vec![&mut arguments.model],
        Command::Eval(crate::arguments::EvalCommand::Run(arguments)) => arguments.model.iter_mut().collect(),
        Command::Zoo(command) => match command {
            ZooCommand::Import(arguments) => vec![&mut arguments.from],
            ZooCommand::Export(arguments) => vec![&mut arguments.model],
            ZooCommand::Convert(arguments) => vec![&mut arguments.model],
            _ => Vec::new(),
        },
        _ => Vec::new(),
    }
}
