//! Token files: written, read back, damaged.
#![expect(clippy::unwrap_used, reason = "a helper that fails fails its test")]

use std::path::Path;

use glossa_text::{Error, TokenFile, TokenWriter};

const DIGEST: &str = "000102030405060708090a0b0c0d0e0ff0f1f2f3f4f5f6f7f8f9fafbfcfdfeff";

fn write(path: &Path, vocabulary_size: usize, documents: &[Vec<u32>]) {
    let mut writer = TokenWriter::create(path, vocabulary_size, DIGEST).unwrap();
    for (index, document) in documents.iter().enumerate() {
        writer.push(document, index as u64).unwrap();
    }
    assert!(!path.exists(), "nothing is visible before the end");
    writer.finish().unwrap();
}

fn documents(vocabulary_size: u32) -> Vec<Vec<u32>> {
    (0..50u32)
        .map(|row| (0..row * 7 % 31).map(|place| (row * 7919 + place * 104_729) % vocabulary_size).collect())
        .collect()
}

#[test]
fn what_was_written_is_read() {
    let folder = tempfile::tempdir().unwrap();
    for vocabulary_size in [1000, 65_536, 65_537, 250_000] {
        let path = folder.path().join(format!("{vocabulary_size}/a.tokens"));
        let documents = documents(vocabulary_size as u32);
        write(&path, vocabulary_size, &documents);
        let file = TokenFile::open(&path).unwrap();
        assert_eq!(file.document_count(), 50);
        assert_eq!(file.token_count(), documents.iter().map(Vec::len).sum::<usize>() as u64);
        assert_eq!((file.word_count(), file.vocabulary_size(), file.digest()), (1225, vocabulary_size, DIGEST));
        let mut copy = vec![9];
        for (index, document) in documents.iter().enumerate() {
            assert_eq!(&file.document(index).unwrap().iter().collect::<Vec<_>>(), document);
            assert!(file.copy_document(index, &mut copy));
            assert_eq!(&copy, document);
        }
        assert_eq!(file.tokens().iter().collect::<Vec<_>>(), documents.concat());
        assert_eq!(file.tokens().get(3), Some(documents.concat()[3]));
        assert_eq!(file.tokens().part(2..5).unwrap().iter().collect::<Vec<_>>(), documents.concat()[2..5]);
        assert!(file.document(50).is_none() && file.tokens().get(usize::MAX).is_none());
        assert!(!file.copy_document(usize::MAX, &mut copy));
        assert_eq!(std::fs::read_dir(path.parent().unwrap()).unwrap().count(), 1, "no temporary stays");
    }
}

#[test]
fn the_same_documents_give_the_same_bytes_at_the_documented_places() {
    let folder = tempfile::tempdir().unwrap();
    let (one, two) = (folder.path().join("one"), folder.path().join("two"));
    write(&one, 300, &[vec![1, 2, 299], vec![], vec![7]]);
    write(&two, 300, &[vec![1, 2, 299], vec![], vec![7]]);
    let bytes = std::fs::read(&one).unwrap();
    assert_eq!(bytes, std::fs::read(&two).unwrap());
    assert_eq!(bytes.len(), 64 + 8 + 4 * 8 + 48);
    assert_eq!(&bytes[..16], b"glossa-tokens\0\0\0");
    assert_eq!(bytes[16..32], [1, 0, 0, 0, 2, 0, 0, 0, 44, 1, 0, 0, 0, 0, 0, 0]);
    assert_eq!(bytes[64..72], [1, 0, 2, 0, 43, 1, 7, 0]);
    let offsets: Vec<u8> = bytes[72..104].iter().step_by(8).copied().collect();
    assert_eq!(offsets, [0, 3, 3, 4]);
    assert_eq!(bytes[104..112], 4u64.to_le_bytes());
    assert_eq!(&bytes[bytes.len() - 16..], b"glossa-tokensend");
}

#[test]
fn an_empty_file_of_tokens() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("deep/er/a.tokens");
    write(&path, 10, &[]);
    let file = TokenFile::open(&path).unwrap();
    assert_eq!((file.token_count(), file.document_count(), file.tokens().is_empty()), (0, 0, true));
    assert!(file.document(0).is_none());
}

#[test]
fn a_dropped_writer_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = TokenWriter::create(&folder.path().join("a"), 10, DIGEST).unwrap();
    writer.push(&[1, 2], 1).unwrap();
    drop(writer);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn wrong_calls_are_errors() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a");
    assert!(TokenWriter::create(&path, 10, "beef").is_err());
    assert!(TokenWriter::create(&path, 10, &"g".repeat(64)).is_err());
    let mut writer = TokenWriter::create(&path, 10, DIGEST).unwrap();
    let error = writer.push(&[9, 10], 1).unwrap_err();
    assert!(matches!(error, Error::TokenOutOfRange { token: 10, vocabulary_size: 10 }));
    writer.push(&[9], 1).unwrap();
    writer.finish().unwrap();
    assert_eq!(TokenFile::open(&path).unwrap().token_count(), 1);
    assert!(matches!(TokenFile::open(&folder.path().join("none")), Err(Error::Read { .. })));
    assert!(TokenFile::open(folder.path()).is_err());
}

#[test]
fn cut_off_and_damaged_files_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a");
    write(&path, 300, &[vec![1, 2, 299], vec![5; 40], vec![7]]);
    let bytes = std::fs::read(&path).unwrap();
    let opens = |content: &[u8]| {
        let damaged = folder.path().join("damaged");
        std::fs::write(&damaged, content).unwrap();
        TokenFile::open(&damaged).map(|file| file.tokens().iter().collect::<Vec<_>>())
    };
    for length in 0..bytes.len() {
        assert!(matches!(opens(&bytes[..length]), Err(Error::TokenFile { .. } | Error::Read { .. })), "{length}");
    }
    let longer = [&bytes[..], &[0]].concat();
    assert!(opens(&longer).is_err());
    let mut newer = bytes.clone();
    newer[16] = 2;
    assert!(matches!(opens(&newer), Err(Error::NewerFormat { found: 2, known: 1, .. })));
    // Any byte may be changed: it is an error or other tokens of the vocabulary, never a panic.
    for place in 0..bytes.len() {
        let mut damaged = bytes.clone();
        damaged[place] ^= 0x81;
        let in_tokens = (64..64 + 88).contains(&place);
        match opens(&damaged) {
            Ok(tokens) => assert!(in_tokens && tokens.iter().all(|token| *token < 300), "{place}"),
            Err(error) => assert!(matches!(error, Error::TokenFile { .. } | Error::NewerFormat { .. }), "{error:?}"),
        }
    }
}
