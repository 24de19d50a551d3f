//! Prints a file's listing and whether the verifier takes it: `cargo run --example beamdis FILE.beam [RELEASE]`.
//! `beamdis md5 FILE..` prints sums instead, as `code:module_md5/1` would.

use std::io::Write;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let mut out = std::io::stdout().lock();
    if args.first().is_some_and(|arg| arg == "md5") {
        for file in &args[1..] {
            let data = std::fs::read(file)?;
            // The latest release refuses instructions that the oldest still takes, and the other way round.
            let beam = beamfile::parse(&data, isa::Release::OTP29).or_else(|_| beamfile::parse(&data, isa::Release::OTP25))?;
            let sum: String = beam.md5().iter().map(|byte| format!("{byte:02X}")).collect();
            writeln!(out, "{sum} {file}")?;
        }
        return Ok(());
    }
    let file = args.first().ok_or("which file?")?;
    let release = args.get(1).map_or(Ok(29), |n| n.parse())?;
    let bytes = std::fs::read(file)?;
    let beam = beamfile::parse(&bytes, isa::Release(release))?;
    write!(out, "{}", beamfile::dis(&beam))?;
    beamfile::verify(&beam)?;
    Ok(())
}
