//! Where this program lies, for launchers and children to start it again. Under an explicit dynamic loader
//! (`ld-linux-x86-64.so.2 --library-path DIR ferrobeam ..`, the way to another C library than the system's) the running file is the
//! loader: a small script that starts both then stands for the program.

use std::ffi::OsString;
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::shims::{cache_dir, fnv1a};

/// The program's file, or the script that stands for it.
pub fn program() -> io::Result<PathBuf> {
    let running = std::env::current_exe().and_then(std::fs::canonicalize)?;
    if !running.file_name().is_some_and(|n| n.as_bytes().starts_with(b"ld-") || n.as_bytes().starts_with(b"ld.so")) {
        return Ok(running);
    }
    let line = std::fs::read("/proc/self/cmdline")?;
    let words: Vec<&[u8]> = line.strip_suffix(b"\0").unwrap_or(&line).split(|&b| b == 0).collect();
    script(&words, std::env::args_os().len()).unwrap_or(Ok(running))
}

/// The script for a loader's command line, of which the last `own` words are ours; made if it is not there.
fn script(words: &[&[u8]], own: usize) -> Option<io::Result<PathBuf>> {
    let text = script_text(words, own)?;
    let dir = cache_dir()?;
    // The name says what is in it.
    let hash = fnv1a(text.as_bytes().iter());
    let path = dir.join(format!("loaded-{hash:016x}"));
    Some(write(&path, &text).map(|()| path))
}

fn write(path: &Path, text: &str) -> io::Result<()> {
    if std::fs::read(path).is_ok_and(|there| there == text.as_bytes()) {
        return Ok(());
    }
    std::fs::create_dir_all(path.parent().unwrap_or(Path::new("/")))?;
    let new = path.with_extension(format!("new-{}", std::process::id()));
    std::fs::write(&new, text)?;
    std::fs::set_permissions(&new, std::fs::Permissions::from_mode(0o755))?;
    std::fs::rename(&new, path)
}

fn script_text(words: &[&[u8]], own: usize) -> Option<String> {
    let (loader, ours) = words.split_at_checked(words.len().checked_sub(own)?)?;
    let mut text = String::from("#!/bin/sh\nexec");
    let mut skip = 0;
    for word in loader {
        if skip > 0 || *word == b"--argv0" {
            skip = if skip > 0 { 0 } else { 1 };
            continue;
        }
        text += &format!(" {}", quoted(word)?);
    }
    // The program's own word; a name given by --argv0 has taken its place in what we are told, not in the loader's line.
    let program = PathBuf::from(OsString::from_vec(ours.first()?.to_vec()));
    let program = std::fs::canonicalize(program).ok()?;
    text += &format!(" --argv0 \"$0\" {} \"$@\"\n", quoted(program.as_os_str().as_bytes())?);
    Some(text)
}

fn quoted(word: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(word).ok()?;
    Some(format!("'{}'", text.replace('\'', "'\\''")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_loaders_line_becomes_a_script() {
        let line: Vec<&[u8]> = vec![b"/l/ld-linux.so.2", b"--library-path", b"/l", b"--argv0", b"erl", b"/bin/sh", b"-noshell"];
        let sh = std::fs::canonicalize("/bin/sh").unwrap();
        let wanted = format!("#!/bin/sh\nexec '/l/ld-linux.so.2' '--library-path' '/l' --argv0 \"$0\" '{}' \"$@\"\n", sh.display());
        assert_eq!(script_text(&line, 2).unwrap(), wanted);
        assert_eq!(script_text(&line[..1], 2), None);
    }
}
