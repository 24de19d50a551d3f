//! The container: chunks of a form, gzip'ed or not, and inflating with a bound.

use std::io::Read;
use std::ops::Range;
use std::borrow::Cow;

use crate::error::{Fault, LoadError};
use crate::reader::Reader;

/// A gzip'ed file may not unpack to more than this.
const LARGEST_FILE: u64 = 256 << 20;

/// A chunk's name and where its contents lie in the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chunk {
    pub id: [u8; 4],
    pub range: Range<usize>,
}

fn file_error(offset: usize, what: &str) -> LoadError {
    LoadError { chunk: None, offset, function: None, what: what.to_string() }
}

/// The file's bytes, unpacked if they were gzip'ed.
pub(crate) fn unpack(bytes: &[u8]) -> Result<Cow<'_, [u8]>, LoadError> {
    if !bytes.starts_with(&[0x1F, 0x8B]) {
        return Ok(bytes.into());
    }
    let mut out = Vec::new();
    let read = flate2::read::GzDecoder::new(bytes).take(LARGEST_FILE + 1).read_to_end(&mut out);
    if read.is_err() {
        return Err(file_error(0, "the file looks gzip'ed but does not unpack"));
    }
    if out.len() as u64 > LARGEST_FILE {
        return Err(file_error(0, "the gzip'ed file is too large when unpacked"));
    }
    Ok(out.into())
}

/// Finds the chunks of a form.
pub(crate) fn chunks(bytes: &[u8]) -> Result<Vec<Chunk>, LoadError> {
    let mut r = Reader::new(bytes);
    let header = (|| Ok::<_, Fault>((r.bytes(4)?, r.u32()?, r.bytes(4)?)))();
    let Ok((form, size, kind)) = header else {
        return Err(file_error(bytes.len(), "the file is too short for a BEAM file"));
    };
    if form != b"FOR1" || kind != b"BEAM" {
        return Err(file_error(0, "the file does not start like a BEAM file (FOR1 .. BEAM)"));
    }
    // What lies behind the form is none of it; a form that claims more than the file has is cut short.
    let end = 8 + size as usize;
    if end > bytes.len() {
        return Err(file_error(bytes.len(), &format!("the file should have {end} bytes (it is cut short?)")));
    }
    let mut found = Vec::with_capacity(16);
    let mut r = Reader { data: &bytes[..end.max(12)], pos: 12 };
    while r.left() > 0 {
        let start = r.pos;
        let head = (|| Ok::<_, Fault>((r.bytes(4)?, r.u32()?)))();
        let Ok((id, size)) = head else {
            return Err(file_error(start, "the file ends inside a chunk's header"));
        };
        let id = [id[0], id[1], id[2], id[3]];
        let size = size as usize;
        if size > r.left() {
            return Err(LoadError {
                chunk: Some(id),
                offset: start,
                function: None,
                what: format!("should have {size} bytes but the file has {} (it is cut short?)", r.left()),
            });
        }
        found.push(Chunk { id, range: r.pos..r.pos + size });
        // The last chunk's padding may be missing.
        r.pos = (r.pos + size.next_multiple_of(4)).min(r.data.len());
    }
    Ok(found)
}

/// Inflates a zlib stream that should give `size` bytes.
pub(crate) fn inflate(packed: &[u8], size: usize) -> Result<Vec<u8>, Fault> {
    // Deflate cannot pack better than about 1032 to 1, so a larger claim is a lie, and costs nothing.
    if size / 1040 > packed.len() {
        return Err(Fault::Count(size as u64));
    }
    let mut out = Vec::with_capacity(size);
    let mut zlib = flate2::Decompress::new(true);
    match zlib.decompress_vec(packed, &mut out, flate2::FlushDecompress::Finish) {
        Ok(flate2::Status::StreamEnd) if out.len() == size => Ok(out),
        Ok(_) => Err(Fault::Text("does not unpack to the size that it announces")),
        Err(_) => Err(Fault::Text("does not unpack (zlib)")),
    }
}
