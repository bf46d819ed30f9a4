//! `glossa embed`.

use std::path::Path;

use glossa_base::{Failure, Kind, Outcome};
use glossa_nn::kernels::Pooling;
use glossa_pipeline::embedding::{EmbedOptions, TextEncoder};
use glossa_text::labelled::read_texts;
use serde_json::json;

use crate::arguments::{Embed, PoolingName};
use crate::commands::texts_or_stdin;
use crate::context::Context;

pub(super) fn pooling(name: PoolingName) -> Pooling {
    match name {
        PoolingName::Mean => Pooling::Mean,
        PoolingName::Cls => Pooling::First,
        PoolingName::Max => Pooling::Maximum,
    }
}

pub(super) fn run(arguments: &Embed, context: &Context) -> Outcome<()> {
    if let Some(out) = &arguments.out {
        let inputs: Vec<&Path> = std::iter::once(arguments.model.as_path()).chain(arguments.input.as_deref()).collect();
        if context.plan("embed", out, &inputs, serde_json::Value::Null)? {
            return Ok(());
        }
    }
    if arguments.window == Some(0) {
        return Err(Failure::new(Kind::Usage, "--window 0 holds no token").hint("give the most tokens of a window"));
    }
    let texts = match &arguments.input {
        Some(file) => read_texts(file, arguments.text_column.as_deref())?,
        None => texts_or_stdin(&arguments.texts)?,
    };
    let options = EmbedOptions {
        pooling: arguments.pooling.map(pooling),
        prefix: arguments.prefix.clone(),
        window: arguments.window,
        normalise: arguments.normalise,
    };
    let encoder = TextEncoder::read(&arguments.model, context.device)?;
    let vectors = encoder.embed(&texts, &options, &context.console)?;
    match &arguments.out {
        Some(out) => {
            vectors.write(out, &texts)?;
            context.emit(
                &json!({"file": out, "count": texts.len(), "width": vectors.width()}),
                &format!("{} vectors of {} numbers in {}", texts.len(), vectors.width(), out.display()),
            )
        }
        None => {
            let rows: Vec<&[f32]> = vectors.rows().collect();
            let lines: Vec<String> = rows.iter().map(|row| serde_json::to_string(row).unwrap_or_default()).collect();
            context.emit(&json!({"embeddings": rows}), &lines.join("\n"))
        }
    }
}
