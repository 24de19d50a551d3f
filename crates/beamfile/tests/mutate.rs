//! Broken files: seeded mutations of good ones are parsed, verified, listed and summed; nothing may panic or run away.
//! A plain run takes a second. For a long one: `FUZZ_SECONDS=300 FUZZ_SEED=7 FUZZ_DIR=/usr/lib/erlang/lib/stdlib-4.2/ebin`
//! (and `ulimit -v`, to notice room made for nothing). A finding is written to `FUZZ_OUT`, and belongs into `data/broken`.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use beamfile::Release;

/// SplitMix64: enough chance for this, and the same everywhere.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: usize) -> usize {
        if n == 0 { 0 } else { (self.next() % n as u64) as usize }
    }
}

fn chunk(bytes: &[u8], id: &[u8; 4]) -> Option<std::ops::Range<usize>> {
    let mut at = 12;
    while at + 8 <= bytes.len() {
        let size = u32::from_be_bytes(bytes[at + 4..at + 8].try_into().ok()?) as usize;
        if bytes[at..at + 4] == *id {
            return Some(at + 8..(at + 8 + size).min(bytes.len()));
        }
        at += 8 + size.next_multiple_of(4);
    }
    None
}

/// Replaces a chunk's contents and sets the sizes right, so that the mutation gets as deep as it can.
fn replace(bytes: &[u8], range: std::ops::Range<usize>, contents: &[u8]) -> Vec<u8> {
    let end = (range.start + range.len().next_multiple_of(4)).min(bytes.len());
    let mut out = bytes[..range.start].to_vec();
    out[range.start - 4..].copy_from_slice(&(contents.len() as u32).to_be_bytes());
    out.extend(contents);
    out.resize(out.len().next_multiple_of(4), 0);
    out.extend(&bytes[end..]);
    let size = out.len() as u32 - 8;
    out[4..8].copy_from_slice(&size.to_be_bytes());
    out
}

fn damage(data: &mut Vec<u8>, other: &[u8], random: &mut Random) {
    const NUMBERS: [u32; 9] = [0, 1, 2, 255, 1 << 16, i32::MAX as u32, 1 << 31, u32::MAX - 1, u32::MAX];
    for _ in 0..1 + random.below(4) {
        let at = random.below(data.len());
        let len = random.below(32).min(data.len() - at);
        match random.below(8) {
            _ if data.is_empty() => data.extend(other.iter().take(64)),
            0 => data.truncate(at),
            1 | 2 => data[at] ^= 1 << random.below(8),
            3 => data[at] = random.next() as u8,
            4 => drop(data.drain(at..at + len)),
            5 => {
                let from = random.below(other.len());
                let piece = &other[from..(from + len).min(other.len())];
                data.splice(at..at, piece.iter().copied());
            }
            6 if data.len() >= 4 => {
                let at = random.below(data.len() - 3);
                data[at..at + 4].copy_from_slice(&NUMBERS[random.below(NUMBERS.len())].to_be_bytes());
            }
            _ => {
                // One small operand or instruction number becomes another.
                data[at] = data[at].wrapping_add([0x10, 0xF0, 1, 0xFF][random.below(4)]);
            }
        }
    }
}

fn mutate(good: &[u8], other: &[u8], random: &mut Random) -> Vec<u8> {
    const DEEP: [&[u8; 4]; 14] = [
        b"Code", b"Code", b"Code", b"Code", b"Code", b"AtU8", b"ImpT", b"ExpT", b"FunT", b"LitT", b"Line", b"Type", b"Recs",
        b"StrT",
    ];
    if random.below(8) > 0
        && let Some(range) = chunk(good, DEEP[random.below(DEEP.len())])
    {
        let donor = chunk(other, b"Code").map_or(other, |range| &other[range]);
        let mut contents = good[range.clone()].to_vec();
        damage(&mut contents, donor, random);
        return replace(good, range, &contents);
    }
    let mut data = good.to_vec();
    damage(&mut data, other, random);
    data
}

#[derive(Default, Debug)]
struct Tally {
    runs: usize,
    parsed: usize,
    verified: usize,
    slowest: Duration,
}

fn attempt(data: &[u8], release: u8, tally: &mut Tally) {
    let start = Instant::now();
    tally.runs += 1;
    match beamfile::parse(data, Release(release)) {
        Ok(beam) => {
            tally.parsed += 1;
            match beamfile::verify(&beam) {
                Ok(_) => tally.verified += 1,
                Err(error) => drop(error.to_string()),
            }
            assert!(beamfile::dis(&beam).len() < 400 * data.len() + 100_000);
            beam.md5();
            let _ = beam.locals();
        }
        Err(error) => drop(error.to_string()),
    }
    tally.slowest = tally.slowest.max(start.elapsed());
}

#[test]
fn broken_files_are_refused_quietly() {
    let text = |name: &str| std::env::var(name).ok();
    let seconds: u64 = text("FUZZ_SECONDS").and_then(|text| text.parse().ok()).unwrap_or(0);
    let seed = text("FUZZ_SEED").and_then(|text| text.parse().ok()).unwrap_or(1);
    let mut files: Vec<Vec<u8>> = Vec::new();
    for dir in [Some("tests/data".to_string()), Some("tests/data/broken".into()), text("FUZZ_DIR")].into_iter().flatten() {
        let mut paths: Vec<_> = std::fs::read_dir(&dir)
            .into_iter()
            .flatten()
            .flatten()
            .map(|entry| entry.path())
            .filter(|path| path.extension().is_some_and(|ext| ext == "beam"))
            .collect();
        paths.sort();
        files.extend(paths.iter().map(|path| std::fs::read(path).unwrap()).filter(|bytes| bytes.len() < 200_000));
    }
    let mut random = Random(seed);
    let mut tally = Tally::default();
    let start = Instant::now();
    for bytes in &files {
        [25, 27, 29].into_iter().for_each(|release| attempt(bytes, release, &mut tally));
    }
    let mut round = 0;
    while round < 4000 || start.elapsed().as_secs() < seconds {
        round += 1;
        let (one, other) = (random.below(files.len()), random.below(files.len()));
        let data = mutate(&files[one], &files[other], &mut random);
        let release = [25, 27, 29][random.below(3)];
        if let Err(cause) = catch_unwind(AssertUnwindSafe(|| attempt(&data, release, &mut tally))) {
            let out = text("FUZZ_OUT").unwrap_or_else(|| std::env::temp_dir().display().to_string());
            let path = format!("{out}/finding-{seed}-{round}.beam");
            std::fs::write(&path, &data).unwrap();
            println!("finding: {path} (OTP {release})");
            std::panic::resume_unwind(cause);
        }
    }
    println!("{tally:?}");
    assert!(tally.parsed > 0 && tally.verified < tally.parsed && tally.slowest < Duration::from_secs(20));
}
