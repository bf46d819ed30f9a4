//! TensorBoard's event files: records of length, checksum, bytes, checksum, where the bytes are a
//! protocol-buffer `Event` (tensorflow/core/util/event.proto). Only scalars.

use std::time::{SystemTime, UNIX_EPOCH};

/// TensorBoard reads files whose names begin so.
pub(super) const FILE_NAME: &str = "events.out.tfevents.glossa";

/// The first record, which names the version.
pub(super) fn heading() -> Vec<u8> {
    let mut event = Vec::new();
    time(&mut event);
    bytes(&mut event, 3, b"brain.Event:2");
    record(&event)
}

/// A record of values at a step.
pub(super) fn scalars<'a>(step: usize, values: impl IntoIterator<Item = (&'a str, f64)>) -> Vec<u8> {
    let mut summary = Vec::new();
    for (name, number) in values {
        let mut value = Vec::new();
        bytes(&mut value, 1, name.as_bytes());
        value.push(2 << 3 | 5);
        value.extend((number as f32).to_le_bytes());
        bytes(&mut summary, 1, &value);
    }
    let mut event = Vec::new();
    time(&mut event);
    event.push(2 << 3);
    variable(&mut event, step as u64);
    bytes(&mut event, 5, &summary);
    record(&event)
}

/// Field 1, a double.
fn time(event: &mut Vec<u8>) {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64());
    event.push(1 << 3 | 1);
    event.extend(now.to_le_bytes());
}

/// A field of bytes.
fn bytes(message: &mut Vec<u8>, field: u8, content: &[u8]) {
    message.push(field << 3 | 2);
    variable(message, content.len() as u64);
    message.extend(content);
}

/// A number in groups of seven bits.
fn variable(message: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        message.push(number as u8 | 0x80);
        number >>= 7;
    }
    message.push(number as u8);
}

fn record(event: &[u8]) -> Vec<u8> {
    let length = (event.len() as u64).to_le_bytes();
    let mut record = Vec::with_capacity(event.len() + 16);
    record.extend(length);
    record.extend(masked(&length).to_le_bytes());
    record.extend(event);
    record.extend(masked(event).to_le_bytes());
    record
}

/// The masked CRC-32C of TFRecord.
fn masked(bytes: &[u8]) -> u32 {
    crc32c(bytes).rotate_right(15).wrapping_add(0xa282_ead8)
}

/// CRC-32C (Castagnoli), bit by bit: records are short.
fn crc32c(bytes: &[u8]) -> u32 {
    let step = |crc: u32| if crc & 1 == 1 { crc >> 1 ^ 0x82f6_3b78 } else { crc >> 1 };
    !bytes.iter().fold(!0, |crc, &byte| (0..8).fold(crc ^ u32::from(byte), |crc, _| step(crc)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_are_castagnolis() {
        assert_eq!(crc32c(b"123456789"), 0xe306_9283);
        assert_eq!(crc32c(&[0; 32]), 0x8a91_36aa);
    }

    #[test]
    fn records_are_framed() {
        let record = scalars(300, [("loss", 0.5)]);
        let length = u64::from_le_bytes(record[..8].try_into().unwrap()) as usize;
        assert_eq!(record.len(), length + 16);
        assert!(record.windows(4).any(|window| window == b"loss"));
    }
}
