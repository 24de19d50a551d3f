//! Bytes of a stream in every packet mode of sockets: the first byte says which mode. Whatever they are, they are cut into packets or refused; a
//! length that is known of a part of them stays.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ports::packet::{Kind, Limits, body, length, parse};
use term::Alloc;

fuzz_target!(|data: &[u8]| {
    let [mode, size, data @ ..] = data else { return };
    let Some(kind) = Kind::from_number(u32::from(mode % 16)) else { return };
    let limits = Limits { packet_size: usize::from(*size) * 8, line_length: usize::from(mode >> 4), line_delimiter: b'\n' };
    let fixed = !matches!(kind, Kind::Raw | Kind::Line | Kind::Http { .. } | Kind::HttpHeader { .. });
    let mut rest = data;
    while let Ok(Some(n)) = length(kind, rest, &limits) {
        if fixed {
            let shorter = (0..rest.len().min(64)).find_map(|i| length(kind, &rest[..i], &limits).ok().flatten());
            assert!(shorter.is_none_or(|m| m == n));
        }
        let Some((packet, more)) = rest.split_at_checked(n) else { return };
        let (from, to) = body(kind, packet);
        assert!(from <= to && to <= packet.len());
        for brackets in [false, true] {
            if let Some(parsed) = parse(kind, packet, brackets) {
                parsed.term(&mut Alloc::new(), brackets);
            }
        }
        if packet.is_empty() {
            return;
        }
        rest = more;
    }
});
