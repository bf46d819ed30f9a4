//! A model folder as an archive: names sorted, times and owners zero, so that the same model gives the same bytes.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;

use flate2::{Compression, GzBuilder};
use glossa_base::atomic::WholeFile;
use glossa_base::download::Watch;
use glossa_base::manifest::FileRecord;
use glossa_base::unpack::{Packing, without_packing};
use glossa_base::{Failure, hash};

use super::prepare::Prepared;
use super::{Details, Error, Published};

/// What zstd calls its best level that is still fast.
const ZSTD_LEVEL: i32 = 9;

pub(super) fn write(
    folder: &Path,
    target: &Path,
    details: &Details,
    watch: Watch<'_>,
) -> Result<(Published, Vec<FileRecord>), Error> {
    let name = target.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
    let packing = packing(&name).ok_or_else(|| Error::Target { target: name.clone() })?;
    let prepared = Prepared::new(folder, details)?;
    let failed = |cause| Error::Write(Failure::io("write", target, cause));
    let mut file = WholeFile::create(target).map_err(Error::Write)?;
    match packing {
        None => pack(&prepared, &mut file, watch).map_err(failed)?,
        Some(Packing::Gzip) => {
            // No name and no time in its head; the system is always the same one.
            let mut encoder = GzBuilder::new().operating_system(255).write(&mut file, Compression::default());
            pack(&prepared, &mut encoder, watch).and_then(|()| encoder.finish().map(drop)).map_err(failed)?;
        }
        Some(_) => {
            let mut encoder = zstd::stream::write::Encoder::new(&mut file, ZSTD_LEVEL).map_err(failed)?;
            pack(&prepared, &mut encoder, watch).and_then(|()| encoder.finish().map(drop)).map_err(failed)?;
        }
    }
    file.commit().map_err(Error::Write)?;
    let sha256 = Some(hash::sha256_file(target).map_err(Error::Write)?);
    let published = Published { sha256, ..prepared.published(target.display().to_string()) };
    Ok((published, prepared.files().to_vec()))
}

/// The packing that a name asks for, of those that are written.
fn packing(name: &str) -> Option<Option<Packing>> {
    match Packing::of_name(name) {
        Some(packing @ (Packing::Gzip | Packing::Zstd)) if without_packing(name).ends_with(".tar") => {
            Some(Some(packing))
        }
        None if name.ends_with(".tgz") => Some(Some(Packing::Gzip)),
        None if name.ends_with(".tzst") => Some(Some(Packing::Zstd)),
        None if name.ends_with(".tar") => Some(None),
        _ => None,
    }
}

fn pack(prepared: &Prepared, output: &mut impl Write, watch: Watch<'_>) -> io::Result<()> {
    let total = prepared.files().iter().map(|file| file.bytes).sum();
    watch.progress.start("packing", Some(total), "bytes");
    let mut builder = tar::Builder::new(output);
    for file in prepared.files() {
        if watch.interrupt.requested() {
            return Err(io::Error::other("stopped by a signal"));
        }
        let mut header = tar::Header::new_ustar();
        header.set_size(file.bytes);
        header.set_mode(0o644);
        header.set_mtime(0);
        header.set_entry_type(tar::EntryType::Regular);
        match prepared.made(&file.path) {
            Some(bytes) => builder.append_data(&mut header, &file.path, bytes)?,
            None => {
                // No more than was checked, if somebody writes to it meanwhile.
                let input = File::open(prepared.path(&file.path))?.take(file.bytes);
                builder.append_data(&mut header, &file.path, input)?;
            }
        }
        watch.progress.advance(file.bytes);
    }
    builder.into_inner()?.flush()
}
