//! `/etc/protocols`: numbers of protocols, and the few that are known without it.

/// A protocol: its number, its name, other names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Protocol {
    pub number: u32,
    pub names: Vec<String>,
}

/// Known in any case.
const KNOWN: [(u32, &str); 7] = [(0, "ip"), (2, "igmp"), (6, "tcp"), (17, "udp"), (41, "ipv6"), (132, "sctp"), (262, "mptcp")];

/// What the system's file says, in its order, and what is missing there.
pub(super) fn all() -> Vec<Protocol> {
    let text = std::fs::read_to_string("/etc/protocols").unwrap_or_default();
    let mut all: Vec<Protocol> = text.lines().filter_map(parse).collect();
    for (number, name) in KNOWN {
        if !all.iter().any(|p| p.number == number) {
            all.push(Protocol { number, names: vec![name.to_string()] });
        }
    }
    all
}

fn parse(line: &str) -> Option<Protocol> {
    let mut words = line.split('#').next()?.split_whitespace();
    let (name, number) = (words.next()?, words.next()?.parse().ok()?);
    Some(Protocol { number, names: std::iter::once(name).chain(words).map(str::to_string).collect() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines() {
        let p = parse("tcp\t6\tTCP\t\t# transmission control protocol").unwrap();
        assert_eq!((p.number, p.names.len()), (6, 2));
        assert!(parse("# no").is_none() && all().iter().any(|p| p.number == 6));
    }
}
