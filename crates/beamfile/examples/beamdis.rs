//! Prints a file's listing: `cargo run --example beamdis FILE.beam [RELEASE]`; `md5 FILE..` prints sums instead.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    if args.first().is_some_and(|arg| arg == "md5") {
        for file in &args[1..] {
            let beam = beamfile::parse(&std::fs::read(file)?, isa::Release::OTP29).or_else(|_| beamfile::parse(&std::fs::read(file).unwrap(), isa::Release::OTP25))?;
            let sum: String = beam.md5().iter().map(|byte| format!("{byte:02X}")).collect();
            println!("{sum} {file}");
        }
        return Ok(());
    }
    let file = args.first().ok_or("which file?")?;
    let release = args.get(1).map_or(Ok(29), |n| n.parse())?;
    print!("{}", beamfile::dis(&beamfile::parse(&std::fs::read(file)?, isa::Release(release))?));
    Ok(())
}
