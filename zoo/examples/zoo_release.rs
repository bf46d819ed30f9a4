//! Packs the models of a pipeline's run as releases, and compares them with the index. `make zoo` calls it.
//!
//!     cargo run --release -p glossa-zoo --example zoo_release -- RUN DATA DESCRIPTION OUT [--write INDEX]
//!
//! RUN is the folder of `glossa pipeline run`, DATA the folder of the texts, DESCRIPTION such as `scripts/zoo.toml`.
//! Into OUT come `archives/`, `index.toml` (an index of these releases alone) and `report.tsv`: a line for each
//! model with `same`, `new` or `differs`, its name, file, bytes and sha256. With `--write`, INDEX gets the entries,
//! and must be signed again. The exit status is 1 where a release is not that of the index.
#![expect(clippy::print_stdout, reason = "an example tells what it did")]

use std::error::Error;
use std::path::Path;
use std::process::ExitCode;

use glossa_base::atomic::write_file;
use glossa_base::download::Watch;
use glossa_base::{Interrupt, Silent};
use glossa_zoo::Index;
use glossa_zoo::index::Origin;
use glossa_zoo::release::{Agreement, Built, Description, find, index_of, updated};

const INDEX: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/index.toml");

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (run, data, description, out, write) = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [run, data, description, out] => (run, data, description, out, None),
        [run, data, description, out, "--write", index] => (run, data, description, out, Some(index)),
        _ => return Err("give RUN, DATA, DESCRIPTION and OUT, and --write INDEX to change the index".into()),
    };
    let built = pack(Path::new(run), Path::new(data), Path::new(description), Path::new(out))?;
    write_file(&Path::new(out).join("index.toml"), index_of(&built).as_bytes())?;
    let path = write.unwrap_or(INDEX);
    let text = std::fs::read_to_string(path)?;
    let index = Index::parse(&text, path, Origin::Own)?;
    let differ = report(&built, &index, Path::new(out))?;
    if let Some(path) = write {
        let text = updated(&text, &built)?;
        Index::parse(&text, path, Origin::Own)?;
        write_file(Path::new(path), text.as_bytes())?;
        println!("{} entries are in {path} now: sign it again (zoo/examples/sign_index.rs)", built.len());
        return Ok(ExitCode::SUCCESS);
    }
    Ok(if differ == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn pack(run: &Path, data: &Path, description: &Path, out: &Path) -> Result<Vec<Built>, Box<dyn Error>> {
    let releases = find(run, data, &Description::read(description)?)?;
    let archives = out.join("archives");
    std::fs::create_dir_all(&archives)?;
    let watch = Watch { progress: &Silent, interrupt: &Interrupt::default() };
    Ok(releases.into_iter().map(|release| release.pack(&archives, watch)).collect::<Result<_, _>>()?)
}

/// Tells of each release whether it is that of the index; gives how many are not.
fn report(built: &[Built], index: &Index, out: &Path) -> Result<usize, Box<dyn Error>> {
    let (mut lines, mut differ) = (String::new(), 0);
    for one in built {
        let (state, more) = match one.compared(index) {
            Agreement::Same => ("same", String::new()),
            Agreement::New => ("new", String::new()),
            Agreement::Differs { files } if files.is_empty() => ("differs", "packed otherwise".to_owned()),
            Agreement::Differs { files } => ("differs", files.join(", ")),
        };
        differ += usize::from(state != "same");
        println!("{state:<8}{:<20}{}  {more}", one.release.name, one.sha256);
        lines
            .push_str(&format!("{state}\t{}\t{}\t{}\t{}\n", one.release.name, one.release.file, one.bytes, one.sha256));
    }
    println!("{} of {} models are those of the index, to the last bit", built.len() - differ, built.len());
    write_file(&out.join("report.tsv"), lines.as_bytes())?;
    Ok(differ)
}
