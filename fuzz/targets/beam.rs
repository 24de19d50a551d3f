//! Any bytes as a `.beam` file: parsed by each release's rules, verified, listed. Refused quietly or not at all.
#![no_main]

use libfuzzer_sys::{Corpus, fuzz_mutator, fuzz_target};

fuzz_target!(|data: &[u8]| -> Corpus {
    let release = [25, 27, 29][data.len() % 3];
    match beamfile::parse(data, beamfile::Release(release)) {
        Ok(beam) => {
            if let Err(error) = beamfile::verify(&beam) {
                drop(error.to_string());
            }
            assert!(beamfile::dis(&beam).len() < 400 * data.len() + 100_000, "a listing out of proportion");
            beam.md5();
            drop(beam.locals());
        }
        Err(error) => drop(error.to_string()),
    }
    Corpus::Keep
});

// A change somewhere in a chunk alters lengths: the sizes are set right again, so that most mutations come past the first reader.
fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    let size = libfuzzer_sys::fuzzer_mutate(data, size, max_size);
    if seed % 8 != 0 && size >= 20 && data.starts_with(b"FOR1") {
        data[4..8].copy_from_slice(&(size as u32 - 8).to_be_bytes());
        let (mut at, known) = (12, [b"AtU8", b"Code", b"StrT", b"ImpT", b"ExpT", b"FunT", b"LitT", b"Line", b"Type", b"Recs", b"LocT", b"Attr", b"CInf"]);
        while at + 8 <= size {
            let next = (at + 8..size.saturating_sub(7)).find(|&i| known.iter().any(|id| data[i..i + 4] == id[..])).unwrap_or(size);
            let declared = u32::from_be_bytes([data[at + 4], data[at + 5], data[at + 6], data[at + 7]]) as usize;
            let room = next - at - 8;
            if declared > room || declared + 3 < room {
                data[at + 4..at + 8].copy_from_slice(&(room as u32).to_be_bytes());
            }
            at = next;
        }
    }
    size
});
