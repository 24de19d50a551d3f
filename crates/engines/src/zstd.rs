//! Zstandard: the library's safe interface, and what a frame's header says.

pub use zstd_safe::{CCtx, CParameter, DCtx, DParameter, InBuffer, OutBuffer, ResetDirective, Strategy, get_error_name, max_c_level, min_c_level};
pub use zstd_safe::zstd_sys::ZSTD_EndDirective as EndDirective;

/// What the library reports: a negative size.
pub type Code = zstd_safe::ErrorCode;

const MAGIC: u32 = 0xFD2F_B528;
const SKIPPABLE: u32 = 0x184D_2A50;
const DICTIONARY: u32 = 0xEC30_A437;
const BLOCK_MAX: u64 = 128 * 1024;

/// A frame's header.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct FrameHeader {
    /// `None`: it does not say.
    pub content_size: Option<u64>,
    pub window_size: u64,
    pub block_size_max: u64,
    pub skippable: bool,
    pub size: usize,
    pub dictionary: u32,
    pub checksum: bool,
}

/// Why there is none.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NoHeader {
    Unknown,
    Short,
}

impl NoHeader {
    /// In the library's words.
    pub fn text(self) -> &'static str {
        match self {
            NoHeader::Unknown => "Unknown frame descriptor",
            NoHeader::Short => "Src size is incorrect",
        }
    }
}

fn number(bytes: &[u8], at: usize, size: usize) -> Result<u64, NoHeader> {
    let part = bytes.get(at..at + size).ok_or(NoHeader::Short)?;
    Ok(part.iter().rev().fold(0, |n, &b| n << 8 | u64::from(b)))
}

impl FrameHeader {
    pub fn read(frame: &[u8]) -> Result<FrameHeader, NoHeader> {
        let magic = number(frame, 0, 4).map_err(|_| NoHeader::Unknown)? as u32;
        if magic & !15 == SKIPPABLE {
            let content_size = Some(number(frame, 4, 4)?);
            return Ok(FrameHeader { content_size, skippable: true, size: 8, ..FrameHeader::default() });
        }
        if magic != MAGIC {
            return Err(NoHeader::Unknown);
        }
        let descriptor = number(frame, 4, 1)?;
        let single = descriptor & 0x20 != 0;
        let mut at = 5;
        let mut window_size = 0;
        if !single {
            let window = number(frame, at, 1)?;
            at += 1;
            let base = 1u64 << (10 + (window >> 3));
            window_size = base + base / 8 * (window & 7);
        }
        let id_size = [0, 1, 2, 4][(descriptor & 3) as usize];
        let dictionary = number(frame, at, id_size)? as u32;
        at += id_size;
        let content_bytes = match descriptor >> 6 {
            0 if single => 1,
            0 => 0,
            1 => 2,
            2 => 4,
            _ => 8,
        };
        let content = number(frame, at, content_bytes)? + if content_bytes == 2 { 256 } else { 0 };
        at += content_bytes;
        if single {
            window_size = content;
        }
        Ok(FrameHeader {
            content_size: (content_bytes > 0).then_some(content),
            window_size,
            block_size_max: window_size.min(BLOCK_MAX),
            skippable: false,
            size: at,
            dictionary,
            checksum: descriptor & 4 != 0,
        })
    }
}

/// The number that a dictionary carries; 0 for plain content.
pub fn dictionary_id(dictionary: &[u8]) -> u32 {
    match (number(dictionary, 0, 4), number(dictionary, 4, 4)) {
        (Ok(magic), Ok(id)) if magic as u32 == DICTIONARY => id as u32,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_say_what_the_library_wrote() {
        let data = vec![7u8; 300];
        let mut out = vec![0; 400];
        let mut c = CCtx::create();
        let n = c.compress2(&mut out[..], &data).expect("room");
        let h = FrameHeader::read(&out[..n]).expect("a frame");
        assert_eq!((h.content_size, h.window_size, h.block_size_max, h.size, h.checksum), (Some(300), 300, 300, 7, false));
        assert_eq!(FrameHeader::read(b"ab"), Err(NoHeader::Unknown));
        assert_eq!(FrameHeader::read(&out[..5]), Err(NoHeader::Short));
        assert_eq!(dictionary_id(b"plain content"), 0);
    }
}
