//! `escript`: what OTP's program of that name hands to `erl`: the options before the script, the script's own emulator
//! arguments (its `%%!` line), the script and what follows. `tests/launchers.tsv` holds the real program's answers.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use crate::Failure;
use crate::otp;

/// Arguments for `erl`. `argv0` is how the program was called: a copy or link of it named `foo` runs `foo.escript`.
pub fn arguments(argv0: &OsStr, args: &[OsString]) -> Result<Vec<OsString>, Failure> {
    let mut options = Vec::new();
    let mut rest = args.iter().peekable();
    let name = otp::base_name(argv0);
    let script: PathBuf = if name == "escript" || name == "ferrobeam" {
        while let Some(option) = rest.next_if(|a| a.as_bytes().first() == Some(&b'-')) {
            options.push(OsString::from_vec(option.as_bytes()[1..].to_vec()));
        }
        match rest.next() {
            Some(file) => find(file),
            None => return Err(Failure::new("escript: Missing filename")),
        }
    } else {
        let mut file = argv0.to_os_string();
        file.push(".escript");
        PathBuf::from(file)
    };
    let own = embedded(&script)?;
    let mut out: Vec<OsString> = ["+B", "-boot", "no_dot_erlang", "-noshell"].map(OsString::from).into();
    out.extend(own);
    out.extend(["-run", "escript", "start"].map(OsString::from));
    out.extend(options);
    out.push("-extra".into());
    out.push(script.into_os_string());
    out.extend(rest.cloned());
    Ok(out)
}

/// A bare name that is no file here is looked for on `PATH`.
fn find(file: &OsStr) -> PathBuf {
    let here = PathBuf::from(file);
    if here.exists() || file.as_bytes().contains(&b'/') {
        return here;
    }
    std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default())
        .map(|d| d.join(file))
        .find(|f| f.is_file())
        .unwrap_or(here)
}

/// The `%%!` line: second or third line of the file. A zip archive or a file without lines has none.
fn embedded(script: &Path) -> Result<Vec<OsString>, Failure> {
    let file = File::open(script).map_err(|_| Failure::new(format!("escript: Failed to open file: {}", script.display())))?;
    let mut reader = BufReader::new(file);
    for number in 0..3 {
        let mut line = Vec::new();
        // The body may be one long binary: no line worth reading is longer.
        if (&mut reader).take(4096).read_until(b'\n', &mut line).unwrap_or(0) == 0 {
            break;
        }
        if number > 0 && line.starts_with(b"%%!") {
            return Ok(words(&line[3..]));
        }
    }
    Ok(Vec::new())
}

fn words(line: &[u8]) -> Vec<OsString> {
    line.split(u8::is_ascii_whitespace).filter(|w| !w.is_empty()).map(|w| OsString::from_vec(w.to_vec())).collect()
}
