//! Where Elixir is, and how its own scripts (`elixir`, `iex`, `mix`, `elixirc`) are started on this program: unmodified,
//! with the folder of launchers first on `PATH`.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use crate::Failure;
use crate::otp;

/// Elixir's script `name`.
pub fn script(name: &str) -> Result<PathBuf, Failure> {
    if let Some(dir) = std::env::var_os("FERROBEAM_ELIXIR").filter(|d| !d.is_empty()) {
        let dir = PathBuf::from(dir);
        return open(&dir, name).or_else(|| open(&dir.join("lib/elixir"), name)).ok_or_else(|| {
            Failure::new(format!("ferrobeam: FERROBEAM_ELIXIR names {}, which has no bin/{name}", dir.display()))
        });
    }
    let mut places: Vec<PathBuf> =
        otp::on_path("elixir").iter().filter_map(|e| Some(e.parent()?.parent()?.to_path_buf())).collect();
    places.push(PathBuf::from("/usr/lib/elixir"));
    places.push(PathBuf::from("/usr/local/lib/elixir"));
    if let Some(found) = places.iter().find_map(|p| open(p, name)) {
        return Ok(found);
    }
    let looked: Vec<String> = places.iter().map(|p| format!("  {}", p.display())).collect();
    Err(Failure::new(format!(
        "ferrobeam: Elixir was not found. Looked at\n{}\n\
         Install it (Debian, Ubuntu: `sudo apt-get install elixir`), or name the folder that holds `bin/{name}`:\n\
         `export FERROBEAM_ELIXIR=DIR`.",
        looked.join("\n")
    )))
}

/// The scripts find their libraries by their own place: a wrapper elsewhere will not do.
fn open(root: &Path, name: &str) -> Option<PathBuf> {
    let file = fs::canonicalize(root.join("bin").join(name)).ok()?;
    file.is_file().then_some(file)
}

/// What to execute: program and arguments. `mix` is itself an Elixir script.
pub fn command(name: &str, args: &[OsString]) -> Result<Vec<OsString>, Failure> {
    let mut out: Vec<OsString> = Vec::new();
    if name == "mix" {
        out.push(script("elixir")?.into());
    }
    out.push(script(name)?.into());
    out.extend(args.iter().cloned());
    Ok(out)
}
