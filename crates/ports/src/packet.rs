//! Cutting a stream of bytes into packets: what `erlang:decode_packet/3` and sockets with option `packet` share.
//! Pure but for `Parsed::term`. Not here: reading (the drivers), options of sockets.

use term::{Alloc, Term, am, atom};

/// The kinds of packets.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// Whatever has come.
    Raw,
    /// A length in so many bytes goes before: 1, 2 or 4.
    Length(u8),
    Asn1,
    SunRm,
    Cdr,
    Fcgi,
    Tpkt,
    Line,
    /// A request's or response's first line; its texts as binaries?
    Http { binary: bool },
    /// A header line.
    HttpHeader { binary: bool },
    SslTls,
}

impl Kind {
    /// As the socket driver's protocol numbers them.
    pub fn from_number(n: u32) -> Option<Kind> {
        Some(match n {
            0 => Kind::Raw,
            1 => Kind::Length(1),
            2 => Kind::Length(2),
            3 => Kind::Length(4),
            4 => Kind::Asn1,
            5 => Kind::SunRm,
            6 => Kind::Cdr,
            7 => Kind::Fcgi,
            8 => Kind::Line,
            9 => Kind::Tpkt,
            10 => Kind::Http { binary: false },
            11 => Kind::HttpHeader { binary: false },
            12 => Kind::SslTls,
            13 => Kind::Http { binary: true },
            14 => Kind::HttpHeader { binary: true },
            _ => return None,
        })
    }
    /// As `decode_packet/3` names them.
    pub fn from_term(t: Term) -> Option<Kind> {
        if let Some(n) = t.to::<u8>() {
            return match n {
                0 => Some(Kind::Raw),
                1 | 2 | 4 => Some(Kind::Length(n)),
                _ => None,
            };
        }
        Some(match term::atom::as_text(t)? {
            "raw" => Kind::Raw,
            "asn1" => Kind::Asn1,
            "sunrm" => Kind::SunRm,
            "cdr" => Kind::Cdr,
            "fcgi" => Kind::Fcgi,
            "tpkt" => Kind::Tpkt,
            "line" => Kind::Line,
            "http" => Kind::Http { binary: false },
            "http_bin" => Kind::Http { binary: true },
            "httph" => Kind::HttpHeader { binary: false },
            "httph_bin" => Kind::HttpHeader { binary: true },
            "ssl_tls" => Kind::SslTls,
            _ => return None,
        })
    }
}

#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The largest packet without its length bytes; 0: any.
    pub packet_size: usize,
    /// Longer lines are cut; 0: never.
    pub line_length: usize,
    pub line_delimiter: u8,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { packet_size: 0, line_length: 0, line_delimiter: b'\n' }
    }
}

/// The bytes cannot be the beginning of such a packet, or it would be too large.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Invalid;

fn big_endian(b: &[u8]) -> usize {
    b.iter().fold(0, |n, &x| n << 8 | usize::from(x))
}

/// How many bytes the packet at the beginning takes, its length bytes and padding included; `None` if that cannot be told yet.
pub fn length(kind: Kind, b: &[u8], limits: &Limits) -> Result<Option<usize>, Invalid> {
    // Bytes before what the limit is about, bytes that it is about.
    let (head, body) = match kind {
        Kind::Raw => return Ok((!b.is_empty()).then_some(b.len())),
        Kind::Length(n) => {
            let n = usize::from(n);
            let Some(head) = b.get(..n) else { return Ok(None) };
            (n, big_endian(head))
        }
        Kind::Asn1 => {
            let Some(&tag) = b.first() else { return Ok(None) };
            let mut at = 1;
            if tag & 0x1f == 0x1f {
                loop {
                    let Some(&t) = b.get(at) else { return Ok(None) };
                    at += 1;
                    if t & 0x80 == 0 {
                        break;
                    }
                }
            }
            let Some(&first) = b.get(at) else { return Ok(None) };
            at += 1;
            if first & 0x80 == 0 {
                (at, usize::from(first))
            } else {
                let n = usize::from(first & 0x7f);
                let Some(len) = b.get(at..at + n) else { return Ok(None) };
                if n > 4 {
                    return Err(Invalid);
                }
                (at + n, big_endian(len))
            }
        }
        Kind::SunRm => {
            let Some(head) = b.get(..4) else { return Ok(None) };
            (4, big_endian(head) & 0x7fff_ffff)
        }
        Kind::Cdr => {
            let Some(head) = b.get(..12) else { return Ok(None) };
            if &head[..4] != b"GIOP" {
                return Err(Invalid);
            }
            let mut len = [head[8], head[9], head[10], head[11]];
            if head[6] & 1 != 0 {
                len.reverse();
            }
            (12, big_endian(&len))
        }
        Kind::Fcgi => {
            let Some(head) = b.get(..8) else { return Ok(None) };
            if head[0] != 1 {
                return Err(Invalid);
            }
            (8, big_endian(&head[4..6]) + usize::from(head[6]))
        }
        Kind::Tpkt => {
            let Some(head) = b.get(..4) else { return Ok(None) };
            let total = big_endian(&head[2..4]);
            if head[0] != 3 || total < 4 {
                return Err(Invalid);
            }
            (4, total - 4)
        }
        Kind::SslTls => {
            let Some(head) = b.get(..5) else { return Ok(None) };
            if version_2_hello(head) {
                // What it counts begins with the third byte.
                (5, big_endian(&[head[0] & 0x7f, head[1]]).checked_sub(3).ok_or(Invalid)?)
            } else {
                (5, big_endian(&head[3..5]))
            }
        }
        Kind::Line => return line(b, limits),
        Kind::Http { .. } => return http_line(b, limits, false),
        Kind::HttpHeader { .. } => return http_line(b, limits, true),
    };
    if (limits.packet_size > 0 && body > limits.packet_size) || head + body > i32::MAX as usize {
        return Err(Invalid);
    }
    Ok(Some(head + body))
}

fn line(b: &[u8], limits: &Limits) -> Result<Option<usize>, Invalid> {
    let end = memchr::memchr(limits.line_delimiter, b).map(|i| i + 1);
    let cut = limits.line_length;
    let known = end.unwrap_or(b.len());
    if limits.packet_size > 0 && known > limits.packet_size {
        return Err(Invalid);
    }
    if cut > 0 && (known > cut || (end.is_none() && known >= cut)) {
        return Ok(Some(cut));
    }
    Ok(end)
}

/// A header goes on as long as the next line begins with a space or tab. Without a largest size the length of lines counts.
fn http_line(b: &[u8], limits: &Limits, header: bool) -> Result<Option<usize>, Invalid> {
    let most = if limits.packet_size > 0 { limits.packet_size } else { limits.line_length };
    if b == b"\n" || b == b"\r\n" {
        return Ok(Some(b.len()));
    }
    let mut from = 0;
    loop {
        let Some(i) = memchr::memchr(b'\n', &b[from..]) else {
            return if most > 0 && b.len() >= most { Err(Invalid) } else { Ok(None) };
        };
        let end = from + i + 1;
        if header && end > 2 && matches!(b.get(end), Some(b' ' | b'\t')) {
            from = end;
            continue;
        }
        if most > 0 && end > most {
            return Err(Invalid);
        }
        return Ok((!header || end < b.len()).then_some(end));
    }
}

fn version_2_hello(b: &[u8]) -> bool {
    b.len() >= 3 && b[0] & 0x80 != 0 && b[2] == 1
}

/// What of a whole packet is handed out: from, to.
pub fn body(kind: Kind, packet: &[u8]) -> (usize, usize) {
    match kind {
        Kind::Length(n) => (usize::from(n), packet.len()),
        Kind::Fcgi => (0, packet.len() - usize::from(packet[6]).min(packet.len() - 8)),
        _ => (0, packet.len()),
    }
}

// ---- HTTP and TLS

/// What a whole packet says, for the kinds that are more than bytes.
#[derive(Debug, PartialEq, Eq)]
pub enum Parsed<'a> {
    Request { method: &'a [u8], uri: Uri<'a>, version: (i32, i32) },
    Response { version: (i32, i32), status: u32, phrase: &'a [u8] },
    Header { name: &'a [u8], value: &'a [u8] },
    EndOfHeaders,
    HttpError(&'a [u8]),
    Tls { kind: u8, version: (u8, u8), data: Vec<u8> },
}

#[derive(Debug, PartialEq, Eq)]
pub enum Uri<'a> {
    Star,
    Path(&'a [u8]),
    Absolute { https: bool, host: &'a [u8], port: Option<u32>, path: &'a [u8] },
    Scheme(&'a [u8], &'a [u8]),
    Other(&'a [u8]),
}

/// Methods that are atoms.
const METHODS: &[&str] = &["OPTIONS", "GET", "HEAD", "POST", "PUT", "DELETE", "TRACE"];

/// Header names that are atoms, by their numbers from 1 on.
const HEADERS: &[&str] = &[
    "Cache-Control", "Connection", "Date", "Pragma", "Transfer-Encoding", "Upgrade", "Via", "Accept", "Accept-Charset",
    "Accept-Encoding", "Accept-Language", "Authorization", "From", "Host", "If-Modified-Since", "If-Match", "If-None-Match",
    "If-Range", "If-Unmodified-Since", "Max-Forwards", "Proxy-Authorization", "Range", "Referer", "User-Agent", "Age",
    "Location", "Proxy-Authenticate", "Public", "Retry-After", "Server", "Vary", "Warning", "Www-Authenticate", "Allow",
    "Content-Base", "Content-Encoding", "Content-Language", "Content-Length", "Content-Location", "Content-Md5",
    "Content-Range", "Content-Type", "Etag", "Expires", "Last-Modified", "Accept-Ranges", "Set-Cookie", "Set-Cookie2",
    "X-Forwarded-For", "Cookie", "Keep-Alive", "Proxy-Connection",
];

/// Longer header names are not written anew.
const NAME_MAX: usize = 50;

fn is_token(b: u8) -> bool {
    b.is_ascii_graphic() && !b"()<>@,;:\\\"/[]?={}".contains(&b)
}
fn is_space(b: &u8) -> bool {
    *b == b' ' || *b == b'\t'
}
fn skip_space(b: &[u8]) -> &[u8] {
    &b[b.iter().take_while(|b| is_space(b)).count()..]
}
fn without_line_end(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}
/// The number that the text begins with (of 32 bits: it wraps), and what follows.
fn number(b: &[u8]) -> Option<(u32, &[u8])> {
    let n = b.iter().take_while(|b| b.is_ascii_digit()).count();
    let value = b[..n].iter().fold(0u32, |v, d| v.wrapping_mul(10).wrapping_add(u32::from(d - b'0')));
    (n > 0).then(|| (value, &b[n..]))
}
/// `HTTP/x.y`, and what follows.
fn version(b: &[u8]) -> Option<((i32, i32), &[u8])> {
    let (major, b) = number(b.strip_prefix(b"HTTP/")?)?;
    let (minor, b) = number(b.strip_prefix(b".")?)?;
    Some(((major as i32, minor as i32), b))
}

/// Reads a whole packet; `None` for the kinds that are only bytes. `brackets`: a host may be an IPv6 address in brackets, as
/// in the releases since 26.
pub fn parse(kind: Kind, packet: &[u8], brackets: bool) -> Option<Parsed<'_>> {
    match kind {
        Kind::Http { .. } => {
            let line = without_line_end(packet);
            let parsed = response(line).or_else(|| request(line, brackets));
            Some(parsed.unwrap_or(Parsed::HttpError(packet)))
        }
        Kind::HttpHeader { .. } => Some(header(packet)),
        Kind::SslTls => Some(tls(packet)),
        _ => None,
    }
}
fn response(line: &[u8]) -> Option<Parsed<'_>> {
    let (version, rest) = version(line)?;
    if !rest.first().is_some_and(is_space) {
        return None;
    }
    let rest = skip_space(rest);
    let (status, rest) = number(rest).unwrap_or((0, rest));
    if rest.first().is_some_and(|b| !is_space(b)) {
        return None;
    }
    Some(Parsed::Response { version, status, phrase: skip_space(rest) })
}
fn request(line: &[u8], brackets: bool) -> Option<Parsed<'_>> {
    let n = line.iter().take_while(|&&b| is_token(b)).count();
    let (method, rest) = line.split_at(n);
    if n == 0 || !rest.first().is_some_and(is_space) {
        return None;
    }
    let rest = skip_space(rest);
    let n = rest.iter().take_while(|b| !is_space(b)).count();
    let (text, rest) = rest.split_at(n);
    if text.is_empty() {
        return None;
    }
    let rest = skip_space(rest);
    let version = if rest.is_empty() {
        (0, 9)
    } else {
        version(rest)?.0
    };
    Some(Parsed::Request { method, uri: uri(text, brackets), version })
}
fn uri(text: &[u8], brackets: bool) -> Uri<'_> {
    if text == b"*" {
        return Uri::Star;
    }
    if text[0] == b'/' || text.len() == 1 {
        return Uri::Path(text);
    }
    for (scheme, https) in [(&b"http://"[..], false), (b"https://", true)] {
        if text.len() >= scheme.len() && text[..scheme.len()].eq_ignore_ascii_case(scheme) {
            let rest = &text[scheme.len()..];
            let at = memchr::memchr(b'/', rest).unwrap_or(rest.len());
            let (place, path) = rest.split_at(at);
            let path = if path.is_empty() { b"/" } else { path };
            let address = if brackets && place.starts_with(b"[") { memchr::memchr(b']', place).unwrap_or(0) } else { 0 };
            let colon = memchr::memchr(b':', &place[address..]).map(|i| address + i);
            let (host, port) = place.split_at(colon.unwrap_or(place.len()));
            let port = port.get(1..).and_then(number).filter(|(_, after)| after.is_empty()).map(|(n, _)| n);
            return Uri::Absolute { https, host, port, path };
        }
    }
    match memchr::memchr(b':', text) {
        Some(i) => Uri::Scheme(&text[..i], &text[i + 1..]),
        None => Uri::Other(text),
    }
}
fn header(packet: &[u8]) -> Parsed<'_> {
    let line = without_line_end(packet);
    if line.is_empty() {
        return Parsed::EndOfHeaders;
    }
    let n = line.iter().take_while(|&&b| is_token(b)).count();
    if line.get(n) != Some(&b':') {
        return Parsed::HttpError(packet);
    }
    Parsed::Header { name: &line[..n], value: skip_space(&line[n + 1..]) }
}
/// A hello of version 2 comes out as the handshake message that it stands for.
fn tls(b: &[u8]) -> Parsed<'_> {
    if version_2_hello(b) {
        let data = &b[3..];
        let n = data.len();
        let mut out = vec![1, (n >> 16) as u8, (n >> 8) as u8, n as u8];
        out.extend_from_slice(data);
        let version = (b.get(3).copied().unwrap_or(0), b.get(4).copied().unwrap_or(0));
        return Parsed::Tls { kind: 22, version, data: out };
    }
    Parsed::Tls { kind: b[0], version: (b[1], b[2]), data: b[5..].to_vec() }
}

/// A header's name as it is usually written: capitals at the beginning and after hyphens.
fn usual(name: &[u8]) -> Vec<u8> {
    let mut first = true;
    let mut out = name.to_vec();
    if name.len() <= NAME_MAX {
        for b in &mut out {
            *b = if first { b.to_ascii_uppercase() } else { b.to_ascii_lowercase() };
            // A hyphen that begins a part ends it, too.
            first = !first && *b == b'-';
        }
    }
    out
}

impl Parsed<'_> {
    /// The term that stands for it; texts as binaries or lists.
    pub fn term(&self, h: &mut Alloc, binary: bool) -> Term {
        let text = |h: &mut Alloc, b: &[u8]| if binary { h.binary(b) } else { h.list_of_bytes(b) };
        let pair = |h: &mut Alloc, (x, y): (i32, i32)| h.tuple(&[Term::small(i64::from(x)), Term::small(i64::from(y))]);
        match self {
            Parsed::Request { method, uri, version } => {
                let known = METHODS.iter().find(|m| m.as_bytes() == *method);
                let method = known.map_or_else(|| text(h, method), |m| term::atom::intern(m));
                let uri = match uri {
                    Uri::Star => atom!("*"),
                    Uri::Path(p) => {
                        let p = text(h, p);
                        h.tuple(&[atom!("abs_path"), p])
                    }
                    Uri::Absolute { https, host, port, path } => {
                        let scheme = if *https { atom!("https") } else { atom!("http") };
                        let (host, path) = (text(h, host), text(h, path));
                        let port = port.map_or(am::UNDEFINED, |p| Term::small(i64::from(p)));
                        h.tuple(&[atom!("absoluteURI"), scheme, host, port, path])
                    }
                    Uri::Scheme(scheme, rest) => {
                        let (scheme, rest) = (text(h, scheme), text(h, rest));
                        h.tuple(&[atom!("scheme"), scheme, rest])
                    }
                    Uri::Other(t) => text(h, t),
                };
                let version = pair(h, *version);
                h.tuple(&[atom!("http_request"), method, uri, version])
            }
            Parsed::Response { version, status, phrase } => {
                let (version, phrase) = (pair(h, *version), text(h, phrase));
                h.tuple(&[atom!("http_response"), version, Term::small(i64::from(*status)), phrase])
            }
            Parsed::Header { name, value } => {
                let number = HEADERS.iter().position(|k| k.as_bytes().eq_ignore_ascii_case(name));
                let field = match number {
                    Some(i) => term::atom::intern(HEADERS[i]),
                    None => text(h, &usual(name)),
                };
                let (unmodified, value) = (text(h, name), text(h, value));
                let number = Term::small(number.map_or(0, |i| i as i64 + 1));
                h.tuple(&[atom!("http_header"), number, field, unmodified, value])
            }
            Parsed::EndOfHeaders => atom!("http_eoh"),
            Parsed::HttpError(line) => {
                let line = text(h, line);
                h.tuple(&[atom!("http_error"), line])
            }
            Parsed::Tls { kind, version, data } => {
                let version = pair(h, (i32::from(version.0), i32::from(version.1)));
                let data = h.binary(data);
                h.tuple(&[atom!("ssl_tls"), Term::NIL, Term::small(i64::from(*kind)), version, data])
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Expectations are the answers of OTP 25.
    #[test]
    fn lengths() {
        let l = Limits::default();
        let len = |k: &str, b: &[u8]| length(Kind::from_term(term::atom::intern(k)).expect("a kind"), b, &l);
        assert_eq!(length(Kind::Length(4), &[0, 0, 0, 3, 1, 2], &l), Ok(Some(7)));
        assert_eq!(length(Kind::Length(4), &[127, 255, 255, 255, 1], &l), Err(Invalid));
        assert_eq!(len("asn1", &[31, 129, 3, 1, 2, 3, 4]), Ok(Some(5)));
        assert_eq!(len("asn1", &[48, 133, 1, 1, 1, 1, 1]), Err(Invalid));
        assert_eq!(len("fcgi", &[1, 2, 0, 1, 0, 3, 1, 0, 1, 2, 3, 4, 5]), Ok(Some(12)));
        assert_eq!(len("ssl_tls", &[128, 5, 2, 3, 1]), Ok(Some(774)));
        assert_eq!(len("ssl_tls", &[128, 0, 1, 3, 0, 42]), Err(Invalid));
        assert_eq!(len("ssl_tls", &[128, 9, 1, 3, 0, 42]), Ok(Some(11)));
        assert_eq!(len("httph", b"a: b\n\tc\nx"), Ok(Some(8)));
        assert_eq!(len("httph", b"a: b\r\n"), Ok(None));
        let short = Limits { line_length: 4, ..l };
        assert_eq!(length(Kind::Line, b"abcdefg", &short), Ok(Some(4)));
    }
    /// Whatever comes, and whatever is cut off: an answer, and no more than there is.
    #[test]
    fn any_bytes() {
        let mut seed = 1u64;
        let mut next = |n: u64| {
            seed = seed.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            (seed >> 33) % n
        };
        let starts: [&[u8]; 8] = [b"", &[128, 0, 1], &[22, 3, 1, 0, 0], b"GIOP", &[1, 6, 0, 1], &[3, 0, 0], b"GET / HTTP/1.1", b"Host: "];
        for _ in 0..200_000 {
            let kind = Kind::from_number(next(15) as u32).expect("a kind");
            let mut bytes = starts[next(8) as usize].to_vec();
            bytes.extend((0..next(16)).map(|_| [0, 1, 3, 5, 10, 13, 32, 58, 128, 200, 255][next(11) as usize]));
            let l = Limits { packet_size: [0, 1, 5, 12][next(4) as usize], line_length: [0, 1, 7][next(3) as usize], ..Limits::default() };
            if let Ok(Some(n)) = length(kind, &bytes, &l)
                && n <= bytes.len()
                && n > 0
            {
                let packet = &bytes[..n];
                let (from, to) = body(kind, packet);
                assert!(from <= to && to <= n);
                let h = &mut Alloc::new();
                if let Some(p) = parse(kind, packet, true) {
                    p.term(h, false);
                }
            }
        }
    }
    #[test]
    fn first_lines() {
        let http = Kind::Http { binary: false };
        let bad: [&[u8]; 4] = [b"GET\n", b"GET /a b HTTP/1.1\r\n", b" GET / HTTP/1.1\r\n", b"HTTP/1.1 20x OK\r\n"];
        for b in bad {
            assert_eq!(parse(http, b, true), Some(Parsed::HttpError(b)));
        }
        assert_eq!(
            parse(http, b"GET HTTP://A.b:8080 HTTP/1.1\r\n", true),
            Some(Parsed::Request {
                method: b"GET",
                uri: Uri::Absolute { https: false, host: b"A.b", port: Some(8080), path: b"/" },
                version: (1, 1)
            })
        );
        assert_eq!(
            parse(http, b"HTTP/1.1 200  OK \r\n", true),
            Some(Parsed::Response { version: (1, 1), status: 200, phrase: b"OK " })
        );
    }
}
