//! `/etc/services`: names of ports.

/// A line of it.
pub(super) struct Service<'a> {
    pub port: u16,
    pub protocol: &'a [u8],
    /// The first is the official one.
    pub names: Vec<&'a [u8]>,
}

/// The port and the official name of the first line that is wanted.
pub(super) fn find(wanted: impl Fn(&Service<'_>) -> bool) -> Option<(u16, Vec<u8>)> {
    let text = std::fs::read("/etc/services").ok()?;
    text.split(|b| *b == b'\n').filter_map(parse).find(wanted).map(|s| (s.port, s.names[0].to_vec()))
}

fn parse(line: &[u8]) -> Option<Service<'_>> {
    let line = line.split(|b| *b == b'#').next()?;
    let mut words = line.split(|b| b.is_ascii_whitespace()).filter(|w| !w.is_empty());
    let (name, place) = (words.next()?, words.next()?);
    let slash = place.iter().position(|b| *b == b'/')?;
    let port = std::str::from_utf8(&place[..slash]).ok()?.parse().ok()?;
    Some(Service { port, protocol: &place[slash + 1..], names: std::iter::once(name).chain(words).collect() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines() {
        let s = parse(b"http\t\t80/tcp\t\twww\t\t# WorldWideWeb HTTP").unwrap();
        assert_eq!((s.port, s.protocol, &s.names[..]), (80, &b"tcp"[..], &[&b"http"[..], b"www"][..]));
        assert!(parse(b"# nothing").is_none() && parse(b"x y").is_none());
    }
}
