//! Parquet: columns of text, as data sets are published. The crate `parquet` decodes pages; this reads three
//! columns side by side, a row at a time, and keeps hostile files from taking memory or panicking.
#![deny(clippy::indexing_slicing)]

use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use glossa_base::nearest::nearest;
use glossa_base::unpack;
use parquet::column::reader::{ColumnReader, ColumnReaderImpl};
use parquet::data_type::DataType;
use parquet::errors::{ParquetError, Result as ParquetResult};
use parquet::file::reader::{ChunkReader, FileReader, Length, SerializedFileReader};
use parquet::schema::types::{ColumnDescriptor, SchemaDescriptor};

use super::input::Place;
use super::{Entry, LIMIT, line_id};
use crate::{Document, Error};

/// The largest page, packed or unpacked. Writers aim at 1 MiB; some go up to 100 MB.
const LONGEST_PAGE: u64 = 128 << 20;

/// A text may stand in a dictionary and be named a million times: so many bytes may come of each that is read,
/// once there are [`HARMLESS`].
const RATIO: u64 = 200;
const HARMLESS: u64 = 64 << 20;

/// The documents of a Parquet file.
pub(crate) struct Reader {
    rows: Rows,
    place: Place,
    /// Bytes read of the file, and bytes of text that came of them.
    read: Arc<AtomicU64>,
    given: u64,
    done: bool,
}

impl Reader {
    pub(crate) fn new(path: &Path, text_column: &str, bytes: &Arc<AtomicU64>) -> Result<Self, Error> {
        let place = Place::file(path);
        let file = File::open(path).map_err(|cause| Error::Read { path: path.to_path_buf(), cause })?;
        let chunks = Chunks { file, bytes: Arc::clone(bytes), read: Arc::default() };
        let read = Arc::clone(&chunks.read);
        let file = contained(|| SerializedFileReader::new(chunks).map_err(|cause| explain(&place, &cause)), &place)?;
        let schema = file.metadata().file_metadata().schema_descr();
        let columns = Columns::find(schema, text_column, &place)?;
        let rows = Rows { file, columns, group: 0, open: None, row: 0 };
        Ok(Reader { rows, place, read, given: 0, done: false })
    }

    fn read(&mut self) -> Result<Option<Document>, Error> {
        let (rows, place) = (&mut self.rows, &self.place);
        let Some(document) = contained(|| rows.read(place), place)? else { return Ok(None) };
        self.given += document.text.len() as u64;
        if self.given > HARMLESS && self.given / RATIO > self.read.load(Ordering::Relaxed) {
            return Err(unpack::Error::Bomb { place: place.to_string(), ratio: RATIO }.into());
        }
        Ok(Some(document))
    }
}

/// Calls the library. It indexes what it decodes, so that some hostile files make it panic: that is an error of
/// the file, and it is not asked again, so nothing half done is seen.
fn contained<T>(call: impl FnOnce() -> Result<T, Error>, place: &Place) -> Result<T, Error> {
    catch_unwind(AssertUnwindSafe(call)).unwrap_or_else(|_| Err(malformed(place, "damaged".to_owned())))
}

fn explain(place: &Place, cause: &ParquetError) -> Error {
    malformed(place, format!("not readable as Parquet: {cause}").replace('\n', " "))
}

fn malformed(place: &Place, reason: String) -> Error {
    Error::Malformed { place: place.to_string(), reason }
}

/// Which columns are read.
struct Columns {
    text: usize,
    id: Option<usize>,
    title: Option<usize>,
}

impl Columns {
    fn find(schema: &SchemaDescriptor, text_column: &str, place: &Place) -> Result<Self, Error> {
        let names: Vec<String> = schema.columns().iter().map(|column| column.path().string()).collect();
        let find = |name: &str| names.iter().position(|column| column == name);
        let Some(text) = find(text_column) else {
            return Err(Error::NoColumn {
                place: place.to_string(),
                column: text_column.to_owned(),
                found: names.iter().map(|column| format!("`{column}`")).collect::<Vec<_>>().join(", "),
                nearest: nearest(text_column, names.iter().map(String::as_str)).map(str::to_owned),
            });
        };
        let (id, title) = (find("id"), find("title"));
        for index in [Some(text), id, title].into_iter().flatten() {
            if let Some(column) = schema.columns().get(index).filter(|column| !is_scalar(column)) {
                return Err(malformed(place, format!("column `{}` holds lists", column.path().string())));
            }
        }
        Ok(Columns { text, id, title })
    }
}

fn is_scalar(column: &ColumnDescriptor) -> bool {
    column.max_rep_level() == 0 && column.max_def_level() <= 1
}

/// The rows of a file, group by group.
struct Rows {
    file: SerializedFileReader<Chunks>,
    columns: Columns,
    /// The group that comes next.
    group: usize,
    open: Option<Group>,
    /// Rows read.
    row: u64,
}

/// The columns of a group of rows, as far as they are read.
struct Group {
    text: ColumnReader,
    id: Option<ColumnReader>,
    title: Option<ColumnReader>,
    left: u64,
}

impl Rows {
    /// The next document; `None` at the end.
    fn read(&mut self, place: &Place) -> Result<Option<Document>, Error> {
        loop {
            match &mut self.open {
                Some(group) if group.left > 0 => {
                    self.row += 1;
                    return group.read(self.row, place).map(Some);
                }
                _ if self.group >= self.file.num_row_groups() => return Ok(None),
                _ => self.open = Some(self.next_group().map_err(|cause| explain(place, &cause))?),
            }
        }
    }

    fn next_group(&mut self) -> ParquetResult<Group> {
        let group = self.file.get_row_group(self.group)?;
        self.group += 1;
        let column = |index: Option<usize>| index.map(|index| group.get_column_reader(index)).transpose();
        let left = u64::try_from(group.metadata().num_rows())?;
        Ok(Group {
            text: group.get_column_reader(self.columns.text)?,
            id: column(self.columns.id)?,
            title: column(self.columns.title)?,
            left,
        })
    }
}

impl Group {
    fn read(&mut self, row: u64, place: &Place) -> Result<Document, Error> {
        self.left -= 1;
        let at = || format!("{place}: row {row}");
        let of = |reader: Option<&mut ColumnReader>| {
            reader.map_or(Ok(None), |reader| value(reader, &at)).map(|value| value.filter(|value| !value.is_empty()))
        };
        Ok(Document {
            id: of(self.id.as_mut())?.unwrap_or_else(|| line_id(place, row)),
            title: of(self.title.as_mut())?,
            text: of(Some(&mut self.text))?.unwrap_or_default(),
        })
    }
}

/// The next value of a column, as text.
fn value(reader: &mut ColumnReader, at: &dyn Fn() -> String) -> Result<Option<String>, Error> {
    match reader {
        ColumnReader::ByteArrayColumnReader(reader) => match taken(reader, at)? {
            Some(bytes) if bytes.len() > LIMIT => Err(Error::TooLong { place: at(), megabytes: LIMIT >> 20 }),
            Some(bytes) => {
                let text = std::str::from_utf8(bytes.data()).map_err(|_| Error::InvalidUtf8 { place: at() })?;
                Ok(Some(text.to_owned()))
            }
            None => Ok(None),
        },
        ColumnReader::Int32ColumnReader(reader) => Ok(taken(reader, at)?.map(|number| number.to_string())),
        ColumnReader::Int64ColumnReader(reader) => Ok(taken(reader, at)?.map(|number| number.to_string())),
        _ => Err(Error::Malformed { place: at(), reason: "neither text nor whole numbers".to_owned() }),
    }
}

/// The next value, `None` for null.
fn taken<T: DataType>(reader: &mut ColumnReaderImpl<T>, at: &dyn Fn() -> String) -> Result<Option<T::T>, Error> {
    let damaged = |reason: String| Error::Malformed { place: at(), reason };
    let (mut levels, mut values) = (Vec::new(), Vec::new());
    let read = reader.read_records(1, Some(&mut levels), None, &mut values);
    let (records, _, _) =
        read.map_err(|cause| damaged(format!("not readable as Parquet: {cause}").replace('\n', " ")))?;
    if records != 1 {
        return Err(damaged("a column has fewer rows than its group".to_owned()));
    }
    Ok(values.pop())
}

/// The file as the library reads it: counted, and only pages of a sane size.
struct Chunks {
    file: File,
    /// Counts for the progress of all files.
    bytes: Arc<AtomicU64>,
    /// Counts for this file.
    read: Arc<AtomicU64>,
}

impl Length for Chunks {
    fn len(&self) -> u64 {
        self.file.len()
    }
}

impl ChunkReader for Chunks {
    type T = BufReader<File>;

    /// A reader of a page's header, which is looked at first: the library reserves what the header states.
    fn get_read(&self, start: u64) -> ParquetResult<Self::T> {
        let mut file = self.file.try_clone()?;
        file.seek(SeekFrom::Start(start))?;
        let mut header = Vec::new();
        (&mut file).take(LONGEST_SIZES).read_to_end(&mut header)?;
        // The last bytes are no page: they say where the file's own description begins.
        if start.saturating_add(8) < self.len() {
            check_page(&header)?;
        }
        file.seek(SeekFrom::Start(start))?;
        Ok(BufReader::new(file))
    }

    fn get_bytes(&self, start: u64, length: usize) -> ParquetResult<Bytes> {
        if length as u64 > LONGEST_PAGE {
            return Err(ParquetError::General(format!("a part of {length} bytes")));
        }
        self.bytes.fetch_add(length as u64, Ordering::Relaxed);
        self.read.fetch_add(length as u64, Ordering::Relaxed);
        self.file.get_bytes(start, length)
    }
}

/// Bytes in which the sizes of a page stand.
const LONGEST_SIZES: u64 = 18;

/// Refuses a page with more bytes than [`LONGEST_PAGE`]. Its header begins with three whole numbers of the
/// compact form of Thrift: its kind, and its sizes unpacked and packed.
fn check_page(header: &[u8]) -> ParquetResult<()> {
    let mut rest = header.iter();
    for part in ["kind", "unpacked size", "packed size"] {
        // A field of type i32 whose number is the last one's and one.
        let number = if rest.next() == Some(&0x15) { varint(&mut rest) } else { None };
        match number {
            // The sign is the lowest bit.
            Some(number) if number % 2 == 0 && number / 2 <= LONGEST_PAGE => {}
            _ => return Err(ParquetError::General(format!("a page without a sane {part}"))),
        }
    }
    Ok(())
}

fn varint<'a>(bytes: &mut impl Iterator<Item = &'a u8>) -> Option<u64> {
    let mut number = 0;
    for shift in [0, 7, 14, 21, 28] {
        let byte = *bytes.next()?;
        number |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Some(number);
        }
    }
    None
}

impl Iterator for Reader {
    type Item = Result<Entry, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.done {
            return None;
        }
        let entry = self.read().transpose();
        self.done = !matches!(entry, Some(Ok(_)));
        entry.map(|document| document.map(Entry::Document))
    }
}
