//! Compressed streams with the whole of zlib's interface, and its two checksums.
//! Compressing is zlib's own C, because what is packed must be what ERTS packs, byte for byte (`.beam` files, tars, terms);
//! unpacking, which meets bytes from anyone, is the Rust one. Window bits choose the wrapping as in zlib: 8..15 zlib, negative raw, +16 gzip, +32 (inflating) either.
//! Not here: queues of input and pieces of output, which the module `zlib` keeps.

use std::{
    ffi::{c_int, c_uint, c_void},
    mem::MaybeUninit,
};

use libz_rs_sys as z;
use libz_sys as c;

/// When a step must give out what it has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Flush {
    #[default]
    None,
    Partial,
    Sync,
    Full,
    Finish,
    Block,
}

impl Flush {
    fn number(self) -> c_int {
        match self {
            Flush::None => z::Z_NO_FLUSH,
            Flush::Partial => z::Z_PARTIAL_FLUSH,
            Flush::Sync => z::Z_SYNC_FLUSH,
            Flush::Full => z::Z_FULL_FLUSH,
            Flush::Finish => z::Z_FINISH,
            Flush::Block => z::Z_BLOCK,
        }
    }

    /// As Erlang's module numbers them.
    pub fn from_number(n: i64) -> Option<Flush> {
        [Flush::None, Flush::Partial, Flush::Sync, Flush::Full, Flush::Finish, Flush::Block]
            .get(usize::try_from(n).ok()?)
            .copied()
    }
}

/// How a step ended well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Go on.
    Ok,
    /// The stream is over.
    StreamEnd,
    /// Inflating needs the dictionary with this checksum.
    NeedDictionary(u32),
    /// Nothing could be done: no input, or no room for output. Not an error.
    BufError,
}

/// What zlib says is wrong; the names are its own, in Erlang's spelling.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ZError {
    StreamError,
    DataError,
    MemError,
    BufError,
    VersionError,
    NeedDictionary,
}

impl ZError {
    /// The atom's name.
    pub fn name(self) -> &'static str {
        match self {
            ZError::StreamError => "stream_error",
            ZError::DataError => "data_error",
            ZError::MemError => "mem_error",
            ZError::BufError => "buf_error",
            ZError::VersionError => "version_error",
            ZError::NeedDictionary => "need_dictionary",
        }
    }
}

/// A step: how it ended, how much it took, how much it gave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    pub status: Status,
    pub consumed: usize,
    pub produced: usize,
}

fn check(code: c_int) -> Result<(), ZError> {
    match code {
        z::Z_OK | z::Z_STREAM_END => Ok(()),
        z::Z_NEED_DICT => Err(ZError::NeedDictionary),
        z::Z_DATA_ERROR => Err(ZError::DataError),
        z::Z_MEM_ERROR => Err(ZError::MemError),
        z::Z_BUF_ERROR => Err(ZError::BufError),
        z::Z_VERSION_ERROR => Err(ZError::VersionError),
        _ => Err(ZError::StreamError),
    }
}

type Stream = Box<z::z_stream>;

fn new_stream() -> Stream {
    // SAFETY: rule 4: null pointers and zero counts are how zlib wants a stream before its initialisation.
    Box::new(unsafe { MaybeUninit::zeroed().assume_init() })
}

const STREAM_SIZE: c_int = size_of::<z::z_stream>() as c_int;

unsafe extern "C" fn allocate(_: *mut c_void, items: c_uint, size: c_uint) -> *mut c_void {
    // SAFETY: rule 1: any sizes will do, and null is an answer that zlib expects.
    unsafe { libc::calloc(items as usize, size as usize) }
}

unsafe extern "C" fn release(_: *mut c_void, block: *mut c_void) {
    // SAFETY: rule 1: zlib gives back only what `allocate` gave it.
    unsafe { libc::free(block) }
}

fn new_packing_stream() -> Box<c::z_stream> {
    Box::new(c::z_stream {
        next_in: std::ptr::null_mut(),
        avail_in: 0,
        total_in: 0,
        next_out: std::ptr::null_mut(),
        avail_out: 0,
        total_out: 0,
        msg: std::ptr::null_mut(),
        state: std::ptr::null_mut(),
        zalloc: allocate,
        zfree: release,
        opaque: std::ptr::null_mut(),
        data_type: 0,
        adler: 0,
        reserved: 0,
    })
}

/// One call of `deflate` or `inflate` on slices: both libraries' streams have the same fields.
macro_rules! step {
    ($stream:expr, $input:expr, $output:expr, $call:expr) => {{
        let (stream, input, output): (_, &[u8], &mut [u8]) = ($stream, $input, $output);
        let limit = |n: usize| n.min(u32::MAX as usize) as u32;
        stream.next_in = input.as_ptr().cast_mut();
        stream.avail_in = limit(input.len());
        stream.next_out = output.as_mut_ptr();
        stream.avail_out = limit(output.len());
        let code: c_int = $call(&mut *stream);
        let consumed = (limit(input.len()) - stream.avail_in) as usize;
        let produced = (limit(output.len()) - stream.avail_out) as usize;
        // The slices' time is over.
        (stream.next_in, stream.next_out) = (std::ptr::null_mut(), std::ptr::null_mut());
        (stream.avail_in, stream.avail_out) = (0, 0);
        let done = |status| Step { status, consumed, produced };
        match code {
            z::Z_OK => Ok(done(Status::Ok)),
            z::Z_STREAM_END => Ok(done(Status::StreamEnd)),
            z::Z_BUF_ERROR => Ok(done(Status::BufError)),
            z::Z_NEED_DICT => Ok(done(Status::NeedDictionary(stream.adler as u32))),
            other => Err((check(other).err().unwrap_or(ZError::StreamError), done(Status::Ok))),
        }
    }};
}

/// A stream that compresses.
pub struct Deflate {
    stream: Box<c::z_stream>,
}

// SAFETY: rule 4: the stream owns all that it points to between calls, and only `&mut self` reaches it.
unsafe impl Send for Deflate {}

/// How hard and by which means to compress.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeflateOptions {
    /// -1 (the default) or 0..9.
    pub level: i32,
    pub window_bits: i32,
    /// 1..9.
    pub mem_level: i32,
    /// 0 default, 1 filtered, 2 huffman only, 3 run lengths, 4 fixed.
    pub strategy: i32,
}

impl Default for DeflateOptions {
    fn default() -> DeflateOptions {
        DeflateOptions { level: -1, window_bits: 15, mem_level: 8, strategy: 0 }
    }
}

impl Deflate {
    /// `stream_error` for options that there are not.
    pub fn new(o: DeflateOptions) -> Result<Deflate, ZError> {
        let mut stream = new_packing_stream();
        // SAFETY: rule 4: a fresh boxed stream; the version's text and size are the library's own.
        check(unsafe {
            c::deflateInit2_(
                &mut *stream,
                o.level,
                z::Z_DEFLATED,
                o.window_bits,
                o.mem_level,
                o.strategy,
                c::zlibVersion(),
                size_of::<c::z_stream>() as c_int,
            )
        })?;
        Ok(Deflate { stream })
    }

    /// Compresses some of `input` into some of `output`.
    pub fn run(&mut self, input: &[u8], output: &mut [u8], flush: Flush) -> Result<Step, ZError> {
        // SAFETY: rules 1 and 4: an initialised stream that points into two live slices.
        step!(&mut *self.stream, input, output, |s| unsafe { c::deflate(s, flush.number()) }).map_err(|(e, _)| e)
    }

    /// Compresses all of it; the convenience of tests and of small data.
    pub fn run_all(&mut self, mut input: &[u8], flush: Flush) -> Result<Vec<u8>, ZError> {
        let mut out = Vec::new();
        loop {
            let at = out.len();
            out.resize(at + input.len() / 2 + 256, 0);
            let step = self.run(input, &mut out[at..], flush)?;
            let full = at + step.produced == out.len();
            out.truncate(at + step.produced);
            input = &input[step.consumed..];
            if step.status == Status::StreamEnd || (!full && input.is_empty()) {
                return Ok(out);
            }
        }
    }

    /// Gives a dictionary before the first data; answers its checksum.
    pub fn set_dictionary(&mut self, dictionary: &[u8]) -> Result<u32, ZError> {
        // SAFETY: rules 1 and 4.
        check(unsafe { c::deflateSetDictionary(&mut *self.stream, dictionary.as_ptr(), dictionary.len() as u32) })?;
        Ok(self.stream.adler as u32)
    }

    /// Changes level and strategy under way. What is pending goes to `output` first; `BufError` if there is no room for it.
    pub fn params(&mut self, level: i32, strategy: i32, output: &mut [u8]) -> Result<Step, ZError> {
        // SAFETY: rules 1 and 4.
        step!(&mut *self.stream, &[], output, |s| unsafe { c::deflateParams(s, level, strategy) }).map_err(|(e, _)| e)
    }

    /// Begins a new stream with the same options.
    pub fn reset(&mut self) -> Result<(), ZError> {
        // SAFETY: rule 4.
        check(unsafe { c::deflateReset(&mut *self.stream) })
    }

    /// Ends it; `data_error` if there was output that nobody took.
    pub fn end(mut self) -> Result<(), ZError> {
        // SAFETY: rule 4: ended here, and the drop below sees a stream without state, which zlib refuses to end again.
        check(unsafe { c::deflateEnd(&mut *self.stream) })
    }
}

impl Drop for Deflate {
    fn drop(&mut self) {
        if !self.stream.state.is_null() {
            // SAFETY: rule 4.
            unsafe { c::deflateEnd(&mut *self.stream) };
        }
    }
}

/// A stream that decompresses.
pub struct Inflate {
    stream: Stream,
}

// SAFETY: rule 4: as for `Deflate`.
unsafe impl Send for Inflate {}

impl Inflate {
    /// `stream_error` for window bits that there are not.
    pub fn new(window_bits: i32) -> Result<Inflate, ZError> {
        let mut stream = new_stream();
        // SAFETY: rule 4: a fresh boxed stream.
        check(unsafe { z::inflateInit2_(&mut *stream, window_bits, z::zlibVersion(), STREAM_SIZE) })?;
        Ok(Inflate { stream })
    }

    /// Decompresses some of `input` into some of `output`. With an error comes what was done before it.
    pub fn run(&mut self, input: &[u8], output: &mut [u8], flush: Flush) -> Result<Step, (ZError, Step)> {
        // SAFETY: rules 1 and 4: an initialised stream that points into two live slices.
        step!(&mut *self.stream, input, output, |s| unsafe { z::inflate(s, flush.number()) })
    }

    /// Decompresses one whole stream: the data and how much of `input` it was; never more than `limit` bytes.
    pub fn run_all(&mut self, input: &[u8], limit: usize) -> Result<(Vec<u8>, usize), ZError> {
        let (mut out, mut at) = (Vec::new(), 0);
        loop {
            let have = out.len();
            out.resize((have + input.len() * 2 + 256).min(limit), 0);
            let step = self.run(&input[at..], &mut out[have..], Flush::None).map_err(|(e, _)| e)?;
            out.truncate(have + step.produced);
            at += step.consumed;
            match step.status {
                Status::StreamEnd => return Ok((out, at)),
                Status::NeedDictionary(_) => return Err(ZError::NeedDictionary),
                Status::BufError => return Err(ZError::BufError),
                Status::Ok => {}
            }
        }
    }

    /// Gives the dictionary that was asked for (or, to a raw stream, any).
    pub fn set_dictionary(&mut self, dictionary: &[u8]) -> Result<(), ZError> {
        // SAFETY: rules 1 and 4.
        check(unsafe { z::inflateSetDictionary(&mut *self.stream, dictionary.as_ptr(), dictionary.len() as u32) })
    }

    /// The last 32 KiB of output, which the next may refer to.
    pub fn dictionary(&mut self) -> Result<Vec<u8>, ZError> {
        let (mut bytes, mut len) = (vec![0; 32768], 0);
        // SAFETY: rules 1 and 4: the buffer has the size of the largest window.
        check(unsafe { z::inflateGetDictionary(&*self.stream, bytes.as_mut_ptr(), &mut len) })?;
        bytes.truncate(len as usize);
        Ok(bytes)
    }

    /// Begins a new stream, with the same window bits.
    pub fn reset(&mut self) -> Result<(), ZError> {
        // SAFETY: rule 4.
        check(unsafe { z::inflateReset(&mut *self.stream) })
    }

    /// Begins a new stream with other window bits.
    pub fn reset_to(&mut self, window_bits: i32) -> Result<(), ZError> {
        // SAFETY: rule 4.
        check(unsafe { z::inflateReset2(&mut *self.stream, window_bits) })
    }

    /// Goes to the next full flush point after broken data.
    pub fn sync(&mut self, input: &[u8]) -> Result<Step, ZError> {
        // SAFETY: rules 1 and 4.
        step!(&mut *self.stream, input, &mut [], |s| unsafe { z::inflateSync(s) }).map_err(|(e, _)| e)
    }

    /// The checksum of what came out so far (Adler-32, or CRC-32 in a gzip stream).
    pub fn checksum(&self) -> u32 {
        self.stream.adler as u32
    }
}

impl Drop for Inflate {
    fn drop(&mut self) {
        // SAFETY: rule 4.
        unsafe { z::inflateEnd(&mut *self.stream) };
    }
}

/// Continues a CRC-32; begin with 0.
pub fn crc32(start: u32, data: &[u8]) -> u32 {
    // SAFETY: rule 1.
    unsafe { z::crc32_z(start.into(), data.as_ptr(), data.len()) as u32 }
}

/// Continues an Adler-32; begin with 1.
pub fn adler32(start: u32, data: &[u8]) -> u32 {
    // SAFETY: rule 1.
    unsafe { z::adler32_z(start.into(), data.as_ptr(), data.len()) as u32 }
}

/// The CRC-32 of two pieces, from theirs and the second's length.
pub fn crc32_combine(first: u32, second: u32, second_len: u64) -> u32 {
    z::crc32_combine64(first.into(), second.into(), second_len as i64) as u32
}

/// The Adler-32 of two pieces, from theirs and the second's length.
pub fn adler32_combine(first: u32, second: u32, second_len: u64) -> u32 {
    z::adler32_combine64(first.into(), second.into(), second_len as i64) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text() -> Vec<u8> {
        (0..20_000u32).flat_map(|i| format!("line {} of {}\n", i, i % 7).into_bytes()).collect()
    }

    #[test]
    fn there_and_back_in_every_wrapping() {
        for (bits, back) in [(15, 15), (-15, -15), (31, 31), (31, 47), (15, 47), (9, 15)] {
            for (level, strategy) in [(-1, 0), (0, 0), (9, 1), (1, 2), (6, 3), (6, 4)] {
                let o = DeflateOptions { level, window_bits: bits, mem_level: 8, strategy };
                let packed = Deflate::new(o).unwrap().run_all(&text(), Flush::Finish).unwrap();
                let (data, used) = Inflate::new(back).unwrap().run_all(&packed, usize::MAX).unwrap();
                assert_eq!((data.len(), used), (text().len(), packed.len()), "{bits} {level} {strategy}");
                assert!(data == text());
            }
        }
    }

    #[test]
    fn what_erts_packed() {
        // zlib:compress(<<"hello">>) and zlib:gunzip's opposite, from the real erl.
        let packed = [120, 156, 203, 72, 205, 201, 201, 7, 0, 6, 44, 2, 21];
        assert_eq!(Inflate::new(15).unwrap().run_all(&packed, 100).unwrap().0, b"hello");
        assert_eq!(Deflate::new(DeflateOptions::default()).unwrap().run_all(b"hello", Flush::Finish).unwrap(), packed);
    }

    #[test]
    fn dictionary() {
        let mut d = Deflate::new(DeflateOptions::default()).unwrap();
        let id = d.set_dictionary(b"hello world").unwrap();
        let packed = d.run_all(b"hello hello", Flush::Finish).unwrap();
        let mut i = Inflate::new(15).unwrap();
        let mut out = [0; 64];
        let first = i.run(&packed, &mut out, Flush::None).unwrap();
        assert_eq!(first.status, Status::NeedDictionary(id));
        assert_eq!(i.set_dictionary(b"wrong"), Err(ZError::DataError));
        i.set_dictionary(b"hello world").unwrap();
        let second = i.run(&packed[first.consumed..], &mut out, Flush::None).unwrap();
        assert_eq!((second.status, &out[..second.produced]), (Status::StreamEnd, &b"hello hello"[..]));
        assert_eq!(
            String::from_utf8(i.dictionary().unwrap()).unwrap(),
            "hello world",
            "the window keeps to the flushed part, as in the real one"
        );
        i.reset_to(-15).unwrap();
    }

    #[test]
    fn flushes_and_params() {
        let mut d = Deflate::new(DeflateOptions::default()).unwrap();
        let mut packed = d.run_all(b"abc", Flush::Sync).unwrap();
        assert!(packed.ends_with(&[0, 0, 255, 255]));
        let mut out = [0; 64];
        let step = d.params(0, 0, &mut out).unwrap();
        packed.extend_from_slice(&out[..step.produced]);
        packed.extend(d.run_all(b"def", Flush::Finish).unwrap());
        assert_eq!(Inflate::new(15).unwrap().run_all(&packed, 100).unwrap().0, b"abcdef");
        d.reset().unwrap();
        d.end().unwrap();
        let mut unfinished = Deflate::new(DeflateOptions::default()).unwrap();
        unfinished.run(b"abc", &mut out, Flush::None).unwrap();
        assert_eq!(unfinished.end(), Err(ZError::DataError));
    }

    #[test]
    fn broken_data() {
        let mut i = Inflate::new(15).unwrap();
        assert_eq!(i.run_all(b"garbage", 100).unwrap_err(), ZError::DataError);
        assert_eq!(Inflate::new(15).unwrap().run_all(&[120, 156, 203], 100).unwrap_err(), ZError::BufError);
        assert_eq!(Inflate::new(77).err(), Some(ZError::StreamError));
        assert_eq!(Deflate::new(DeflateOptions { level: 10, ..DeflateOptions::default() }).err(), Some(ZError::StreamError));
    }

    #[test]
    fn checksums() {
        assert_eq!((crc32(0, b"hello"), adler32(1, b"hello")), (907060870, 103547413));
        assert_eq!(crc32_combine(crc32(0, b"he"), crc32(0, b"llo"), 3), 907060870);
        assert_eq!(adler32_combine(adler32(1, b"he"), adler32(1, b"llo"), 3), 103547413);
    }
}
