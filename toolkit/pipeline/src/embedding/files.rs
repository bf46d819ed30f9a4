//! Vectors, and the files that hold them: NumPy's .npy, JSON lines, Parquet.

use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use glossa_base::atomic::WholeFile;
use glossa_base::{Failure, Kind, Outcome};
use glossa_nn::kernels::Pooling;
use parquet::basic::Compression;
use parquet::column::writer::ColumnWriter;
use parquet::data_type::ByteArray;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;

/// One vector a text.
#[derive(Debug, Clone, PartialEq)]
pub struct Vectors {
    width: usize,
    values: Vec<f32>,
}

impl Vectors {
    pub(super) fn zeros(count: usize, width: usize) -> Self {
        Vectors { width, values: vec![0.0; count * width] }
    }

    /// Numbers of a vector.
    pub fn width(&self) -> usize {
        self.width
    }

    /// The vectors, row after row.
    pub fn values(&self) -> &[f32] {
        &self.values
    }

    /// The vectors in the order of the texts.
    pub fn rows(&self) -> impl Iterator<Item = &[f32]> {
        self.values.chunks(self.width.max(1))
    }

    /// Adds a window's vector to a text's, of which windows of `before` tokens are in already.
    pub(super) fn take_in(&mut self, text: usize, row: &[f32], pooling: Pooling, before: f32, count: f32) {
        let own = self.values.get_mut(text * self.width..(text + 1) * self.width).into_iter().flatten();
        let share = count / (before + count);
        for (own, new) in own.zip(row) {
            *own = match pooling {
                _ if before == 0.0 => *new,
                Pooling::Maximum => own.max(*new),
                Pooling::First | Pooling::Mean => *own * (1.0 - share) + new * share,
            };
        }
    }

    /// Makes each vector one unit long; a zero vector stays.
    pub(super) fn normalise(&mut self) {
        for row in self.values.chunks_mut(self.width.max(1)) {
            let length = row.iter().map(|value| f64::from(*value).powi(2)).sum::<f64>().sqrt();
            if length > 0.0 {
                row.iter_mut().for_each(|value| *value = (f64::from(*value) / length) as f32);
            }
        }
    }

    /// Writes the vectors by the file's ending: `.npy` (vectors alone, `float32`), `.jsonl` or `.parquet`
    /// (columns `text` and `embedding`).
    ///
    /// # Errors
    /// Another ending, or a file that cannot be written.
    pub fn write(&self, path: &Path, texts: &[String]) -> Outcome<()> {
        let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
        let bytes = match ending {
            "npy" => self.npy(),
            "jsonl" => self.json_lines(texts)?,
            "parquet" => self
                .parquet(texts)
                .map_err(|cause| Failure::data(format!("cannot write {}", path.display())).because(cause))?,
            _ => {
                return Err(Failure::new(Kind::Usage, format!("{} ends in no known format", path.display()))
                    .hint("end it in .npy, .jsonl or .parquet"));
            }
        };
        let mut file = WholeFile::create(path)?;
        file.write_all(&bytes).map_err(|cause| Failure::io("write", path, cause))?;
        file.commit()
    }

    /// NumPy's format 1.0: a header padded to 64 bytes, then the numbers.
    fn npy(&self) -> Vec<u8> {
        let count = self.values.len() / self.width.max(1);
        let mut header = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({count}, {}), }}", self.width);
        let padded = (10 + header.len() + 1).next_multiple_of(64) - 11;
        header = format!("{header:<padded$}\n");
        let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
        bytes.extend((header.len() as u16).to_le_bytes());
        bytes.extend(header.as_bytes());
        bytes.extend(self.values.iter().flat_map(|value| value.to_le_bytes()));
        bytes
    }

    /// One object a text.
    fn json_lines(&self, texts: &[String]) -> Outcome<Vec<u8>> {
        let mut bytes = Vec::new();
        for (text, row) in texts.iter().zip(self.rows()) {
            serde_json::to_writer(&mut bytes, &serde_json::json!({"text": text, "embedding": row}))
                .map_err(|cause| Failure::data("cannot write vectors").because(cause))?;
            bytes.push(b'\n');
        }
        Ok(bytes)
    }

    fn parquet(&self, texts: &[String]) -> Result<Vec<u8>, parquet::errors::ParquetError> {
        let schema = "message vectors { required binary text (UTF8); required group embedding (LIST) { repeated group list { required float element; } } }";
        let properties = WriterProperties::builder().set_compression(Compression::SNAPPY).build();
        let mut bytes = Vec::new();
        let mut file =
            SerializedFileWriter::new(&mut bytes, Arc::new(parse_message_type(schema)?), Arc::new(properties))?;
        let mut group = file.next_row_group()?;
        while let Some(mut column) = group.next_column()? {
            match column.untyped() {
                ColumnWriter::ByteArrayColumnWriter(column) => {
                    let texts: Vec<ByteArray> = texts.iter().map(|text| ByteArray::from(text.as_str())).collect();
                    column.write_batch(&texts, None, None)?;
                }
                ColumnWriter::FloatColumnWriter(column) => {
                    let repeated: Vec<i16> = (0..self.values.len()).map(|at| i16::from(at % self.width != 0)).collect();
                    column.write_batch(&self.values, Some(&vec![1; self.values.len()]), Some(&repeated))?;
                }
                _ => {}
            }
            column.close()?;
        }
        group.close()?;
        file.close()?;
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vectors() -> Vectors {
        let mut vectors = Vectors::zeros(2, 3);
        vectors.take_in(0, &[1.0, 2.0, 2.0], Pooling::Mean, 0.0, 4.0);
        vectors.take_in(1, &[3.0, 0.0, 4.0], Pooling::Mean, 0.0, 1.0);
        vectors
    }

    #[test]
    fn windows_are_averaged_by_their_tokens_or_their_maximum_is_taken() {
        let mut mean = vectors();
        mean.take_in(0, &[5.0, 2.0, 2.0], Pooling::Mean, 4.0, 12.0);
        assert_eq!(mean.values()[..3], [4.0, 2.0, 2.0]);
        let mut largest = vectors();
        largest.take_in(0, &[5.0, 0.0, 2.0], Pooling::Maximum, 4.0, 12.0);
        assert_eq!(largest.values()[..3], [5.0, 2.0, 2.0]);
    }

    #[test]
    fn unit_vectors_have_length_one() {
        let mut vectors = vectors();
        vectors.normalise();
        assert_eq!(vectors.values(), [1.0 / 3.0, 2.0 / 3.0, 2.0 / 3.0, 0.6, 0.0, 0.8]);
    }

    #[test]
    fn headers_of_npy_are_aligned() {
        let bytes = vectors().npy();
        assert_eq!(&bytes[..8], b"\x93NUMPY\x01\x00");
        let header = usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
        assert_eq!((10 + header) % 64, 0);
        assert_eq!(bytes.len(), 10 + header + 6 * 4);
        assert!(String::from_utf8_lossy(&bytes[10..10 + header]).ends_with("}\n") || bytes[9 + header] == b'\n');
    }

    #[test]
    fn parquet_is_read_back() {
        use parquet::file::reader::{FileReader, SerializedFileReader};
        use parquet::record::RowAccessor;
        let texts = ["eins".to_owned(), "zwei".to_owned()];
        let bytes = vectors().parquet(&texts).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("v.parquet");
        std::fs::write(&path, bytes).unwrap();
        let reader = SerializedFileReader::new(std::fs::File::open(&path).unwrap()).unwrap();
        let rows: Vec<_> = reader.get_row_iter(None).unwrap().map(Result::unwrap).collect();
        assert_eq!(rows[1].get_string(0).unwrap(), "zwei");
        let list = rows[1].get_list(1).unwrap();
        assert_eq!(format!("{list:?}").matches("Float").count(), 3, "{list:?}");
    }

    #[test]
    fn other_endings_are_refused() {
        assert!(vectors().write(Path::new("v.txt"), &[]).is_err());
    }
}
