//! Every file of the installed OTP and Elixir releases is read. Prints files, bytes and speed.
//! Releases elsewhere are named by `FERROBEAM_OTP`: a list like `27=/opt/otp27:29=/opt/otp29`.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

fn beams(dir: &Path, found: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(dir) else { return };
    for entry in entries.flatten() {
        let path = entry.path();
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            beams(&path, found);
        } else if path.extension().is_some_and(|ext| ext == "beam") {
            found.push(path);
        }
    }
}

fn releases() -> Vec<(u8, PathBuf)> {
    let mut list = Vec::new();
    // The system's own packages are those of one release; their kernel says which.
    let version = std::fs::read_dir("/usr/lib/erlang/releases").into_iter().flatten().flatten();
    for entry in version {
        if let Some(n) = entry.file_name().to_str().and_then(|name| name.parse().ok()) {
            list.push((n, PathBuf::from("/usr/lib/erlang")));
            list.push((n, PathBuf::from("/usr/lib/elixir")));
        }
    }
    for part in std::env::var("FERROBEAM_OTP").unwrap_or_default().split(':') {
        if let Some((n, dir)) = part.split_once('=') {
            list.push((n.parse().expect("a release number before ="), dir.into()));
        }
    }
    list
}

#[test]
fn every_installed_file_is_accepted() {
    for (release, dir) in releases() {
        let mut paths = Vec::new();
        beams(&dir, &mut paths);
        let (mut bytes, mut code, mut parsing, mut verifying) = (0, 0, Duration::ZERO, Duration::ZERO);
        let mut faults = Vec::new();
        for path in &paths {
            let data = std::fs::read(path).unwrap();
            let start = Instant::now();
            let beam = beamfile::parse(&data, isa::Release(release));
            parsing += start.elapsed();
            let beam = match beam {
                Ok(beam) => beam,
                Err(error) => {
                    faults.push(format!("{}: {error}", path.display()));
                    continue;
                }
            };
            bytes += data.len();
            code += beam.chunk(b"Code").map_or(0, <[u8]>::len);
            let start = Instant::now();
            let verified = beamfile::verify(&beam);
            verifying += start.elapsed();
            if let Err(error) = verified {
                faults.push(format!("{}: {error}", path.display()));
            }
        }
        let rate = |time: Duration| code as f64 / 1e6 / time.as_secs_f64().max(1e-9);
        println!(
            "OTP {release} {}: {} files, {:.1} MB, {:.1} MB of code; parse {:.0} ms ({:.0} MB/s of code), verify {:.0} ms ({:.0} MB/s); {} refused",
            dir.display(),
            paths.len(),
            bytes as f64 / 1e6,
            code as f64 / 1e6,
            parsing.as_secs_f64() * 1e3,
            rate(parsing),
            verifying.as_secs_f64() * 1e3,
            rate(verifying),
            faults.len()
        );
        println!("{}", faults[..faults.len().min(60)].join("\n"));
        assert!(
            std::env::var("SURVEY").is_ok() || faults.is_empty(),
            "{} of {} refused:\n{}",
            faults.len(),
            paths.len(),
            faults[..faults.len().min(40)].join("\n")
        );
    }
}
