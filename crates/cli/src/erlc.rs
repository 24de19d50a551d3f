//! `erlc`: what OTP's program of that name hands to `erl`. Nearly everything is for the Erlang side (`erl_compile`) to read;
//! only code paths and `-smp` become emulator arguments. `tests/launchers.tsv` holds the real program's answers.
//! Not done: the compile server (`-server`, `ERLC_USE_SERVER`): each call compiles by itself.

use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;

use crate::Failure;

/// Arguments for `erl`.
pub fn arguments(args: &[OsString]) -> Result<Vec<OsString>, Failure> {
    let mut paths: Vec<OsString> = Vec::new();
    let mut rest: Vec<OsString> = Vec::new();
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        match arg.to_str() {
            Some("-pa" | "-pz") => {
                let dir = args
                    .next()
                    .filter(|d| !d.as_bytes().starts_with(b"-"))
                    .ok_or_else(|| Failure::new("erlc: No value given to -p option"))?;
                // Each goes to the front, as in OTP.
                paths.splice(0..0, [arg.clone(), dir.clone()]);
            }
            Some("-smp") => paths.splice(0..0, [arg.clone()]).for_each(drop),
            Some("-server" | "-no-server") => {}
            _ => rest.push(arg.clone()),
        }
    }
    let mut out: Vec<OsString> = vec!["+S1".into()];
    out.extend(paths);
    out.extend(["+sbtu", "+A0", "-noinput", "-mode", "minimal", "-boot", "no_dot_erlang"].map(OsString::from));
    out.extend(["-s", "erl_compile", "compile_cmdline", "-extra"].map(OsString::from));
    out.extend(rest);
    Ok(out)
}
