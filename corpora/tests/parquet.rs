//! Parquet files: what was written comes back, and what is damaged is an error, never a panic that gets out.
#![cfg(feature = "parquet")]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

#[path = "../../toolkit/base/tests/support/mutate.rs"]
mod mutate;

use std::path::Path;
use std::sync::Arc;

use glossa_base::Failure;
use glossa_corpora::{Document, Error, Options, Source, SourceKind, source};
use parquet::basic::{Compression, ZstdLevel};
use parquet::data_type::{ByteArray, ByteArrayType, DoubleType, Int64Type};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::parser::parse_message_type;

const SCHEMA: &str = "message rows { required int64 id; optional binary title (UTF8); optional binary text (UTF8); optional double score; }";

/// Rows of text in groups; each third has no title and each seventh no text.
fn rows(count: usize) -> Vec<Document> {
    let text = |row| if row % 7 == 0 { String::new() } else { format!("text of row {row}, ä") };
    let title = |row| (row % 3 != 0).then(|| format!("title {row}"));
    (0..count).map(|row| Document { id: (1000 + row).to_string(), title: title(row), text: text(row) }).collect()
}

/// Writes an optional column of text.
fn column(group: &mut SerializedRowGroupWriter<'_, impl std::io::Write + Send>, values: &[Option<&str>]) {
    let levels: Vec<i16> = values.iter().map(|value| i16::from(value.is_some())).collect();
    let values: Vec<ByteArray> = values.iter().flatten().map(|text| ByteArray::from(*text)).collect();
    let mut writer = group.next_column().unwrap().unwrap();
    writer.typed::<ByteArrayType>().write_batch(&values, Some(&levels), None).unwrap();
    writer.close().unwrap();
}

fn file(rows: &[Document], group: usize, compression: Compression) -> Vec<u8> {
    let schema = Arc::new(parse_message_type(SCHEMA).unwrap());
    let properties = WriterProperties::builder().set_compression(compression).set_data_page_row_count_limit(50);
    let mut writer = SerializedFileWriter::new(Vec::new(), schema, Arc::new(properties.build())).unwrap();
    for rows in rows.chunks(group) {
        let mut group = writer.next_row_group().unwrap();
        let ids: Vec<i64> = rows.iter().map(|row| row.id.parse().unwrap()).collect();
        let mut column_of_ids = group.next_column().unwrap().unwrap();
        column_of_ids.typed::<Int64Type>().write_batch(&ids, None, None).unwrap();
        column_of_ids.close().unwrap();
        column(&mut group, &rows.iter().map(|row| row.title.as_deref()).collect::<Vec<_>>());
        column(
            &mut group,
            &rows.iter().map(|row| Some(&*row.text).filter(|text| !text.is_empty())).collect::<Vec<_>>(),
        );
        let mut scores = group.next_column().unwrap().unwrap();
        scores.typed::<DoubleType>().write_batch(&[], Some(&vec![0; rows.len()]), None).unwrap();
        scores.close().unwrap();
        group.close().unwrap();
    }
    writer.into_inner().unwrap()
}

fn read_path(path: &Path, options: &Options) -> Result<Vec<Document>, Error> {
    source::documents(&[Source::new(path)], options)?.collect()
}

fn read_with(name: &str, bytes: &[u8], options: &Options) -> Result<Vec<Document>, Error> {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join(name), bytes).unwrap();
    read_path(&folder.path().join(name), options)
}

fn read(name: &str, bytes: &[u8]) -> Result<Vec<Document>, Error> {
    read_with(name, bytes, &Options::default())
}

#[test]
fn what_was_written_comes_back() {
    let rows = rows(1234);
    let codecs = [
        Compression::UNCOMPRESSED,
        Compression::SNAPPY,
        Compression::ZSTD(ZstdLevel::default()),
        Compression::GZIP(Default::default()),
        Compression::LZ4_RAW,
    ];
    for codec in codecs {
        for group in [1, 100, 5000] {
            assert!(read("x.parquet", &file(&rows, group, codec)).unwrap() == rows, "{codec:?}, groups of {group}");
        }
    }
    assert!(read("x.parquet", &file(&[], 1, Compression::SNAPPY)).unwrap().is_empty());
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a.parquet"), file(&rows, 100, Compression::SNAPPY)).unwrap();
    std::fs::write(folder.path().join("b.txt"), "last").unwrap();
    assert_eq!(read_path(folder.path(), &Options::default()).unwrap().len(), 1235);
    assert_eq!(SourceKind::of(Path::new("X.PARQUET")), Some(SourceKind::Parquet));
}

#[test]
fn columns_are_chosen_by_name() {
    let bytes = file(&rows(5), 5, Compression::SNAPPY);
    let of =
        |field: &str| read_with("x.parquet", &bytes, &Options { text_field: field.to_owned(), ..Options::default() });
    assert_eq!(of("title").unwrap()[1].text, "title 1");
    assert_eq!(of("id").unwrap()[1].text, "1001");
    let missing = of("txt").unwrap_err();
    let expected = "x.parquet: no column `txt`, the columns are `id`, `title`, `text`, `score`";
    assert!(missing.to_string().ends_with(expected), "{missing}");
    assert!(Failure::from(missing).hint.unwrap().contains("`text`"));
    assert!(of("score").unwrap_err().to_string().ends_with("row 1: neither text nor whole numbers"));
}

#[test]
fn where_it_cannot_be_read_is_said() {
    let bytes = file(&rows(5), 5, Compression::SNAPPY);
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut packed, &bytes).unwrap();
    let refused = read("x.parquet.gz", &packed.finish().unwrap()).unwrap_err();
    assert!(refused.to_string().contains("it must be a file of its own"), "{refused}");
    for bytes in [b"".as_slice(), b"PAR1", b"PAR1\xff\xff\xff\xffPAR1", &[b'a'; 1000]] {
        assert!(read("x.parquet", bytes).unwrap_err().to_string().contains("x.parquet: not readable as Parquet"));
    }
}

#[test]
fn lists_are_no_texts() {
    let schema =
        "message rows { optional group text (LIST) { repeated group list { optional binary element (UTF8); } } }";
    let schema = Arc::new(parse_message_type(schema).unwrap());
    let writer = SerializedFileWriter::new(Vec::new(), schema, Arc::default()).unwrap();
    let options = Options { text_field: "text.list.element".to_owned(), ..Options::default() };
    let refused = read_with("x.parquet", &writer.into_inner().unwrap(), &options).unwrap_err();
    assert!(refused.to_string().contains("column `text.list.element` holds lists"), "{refused}");
}

/// A text that stands once and is named a million times.
#[test]
fn a_bomb_is_refused() {
    let rows = vec![Document { id: "1".to_owned(), title: None, text: "spam ".repeat(20_000) }; 4000];
    let bytes = file(&rows, 4000, Compression::ZSTD(ZstdLevel::default()));
    assert!(bytes.len() < 1 << 20);
    let refused = read("x.parquet", &bytes).unwrap_err().to_string();
    assert!(refused.contains("x.parquet: unpacks to more than 200 times"), "{refused}");
}

/// A page that states 2 GiB is refused before they are reserved.
#[test]
fn a_page_of_gigabytes_is_refused() {
    let bytes = file(&rows(50), 50, Compression::ZSTD(ZstdLevel::default()));
    // The header of the first page, behind the file's mark: its kind, then its size unpacked.
    assert_eq!((bytes[4], bytes[6]), (0x15, 0x15));
    let size = bytes[7..].iter().position(|byte| *byte < 0x80).unwrap() + 1;
    for huge in [&[0xfe, 0xff, 0xff, 0xff, 0x0f][..], &[0xff, 0xff, 0xff, 0xff, 0x0f], &[0x82, 0x80, 0x80, 0x80, 0x01]]
    {
        let mut changed = bytes.clone();
        changed.splice(7..7 + size, huge.iter().copied());
        let refused = read("x.parquet", &changed).unwrap_err().to_string();
        assert!(refused.contains("row 1: not readable as Parquet") && refused.contains("unpacked size"), "{refused}");
    }
}

/// Panics of the library are told apart from its errors only by what the test prints.
#[test]
fn damage_is_an_error() {
    let rows = rows(500);
    for codec in [Compression::UNCOMPRESSED, Compression::SNAPPY, Compression::ZSTD(ZstdLevel::default())] {
        let whole = file(&rows, 200, codec);
        let (mut refused, mut read_all) = (0, 0);
        for step in 0..200 {
            let point = step * whole.len() / 200;
            let error = read("x.parquet", &whole[..point]).unwrap_err().to_string();
            assert!(error.contains("x.parquet: "), "{error}");
            let mut damaged = whole.clone();
            damaged[point] ^= 1 << (step % 8);
            match read("x.parquet", &damaged) {
                Err(error) => {
                    assert!(error.to_string().contains("x.parquet"), "{error}");
                    refused += 1;
                }
                // Pages have no checksum here: text may change, but no more than there is.
                Ok(found) => {
                    assert!(found.len() <= rows.len());
                    read_all += 1;
                }
            }
        }
        assert!(refused + read_all == 200 && refused > 20, "{codec:?}: {refused} refused");
    }
}

/// Files changed anywhere: no panic gets out, and nothing is reserved that is not there.
#[test]
fn any_file_gives_documents_or_an_error() {
    let codecs = [Compression::UNCOMPRESSED, Compression::SNAPPY, Compression::ZSTD(ZstdLevel::default())];
    let seeds = codecs.map(|codec| file(&rows(60), 25, codec));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.parquet");
    let cases = mutate::mutated(&seeds, |_, bytes| {
        std::fs::write(&path, bytes).unwrap();
        if let Err(error) = read_path(&path, &Options::default()) {
            assert!(error.to_string().contains("x.parquet"), "{error}");
        }
    });
    assert!(cases > 500, "{cases} cases");
}
