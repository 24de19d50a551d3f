//! Any bytes as a command line of `erl` (arguments apart by zero bytes), with the rest as `ERL_FLAGS` and an argument file.
#![no_main]

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::Path;

use libfuzzer_sys::fuzz_target;

struct Given<'a>(&'a [u8], &'a [u8]);

impl cli::erlexec::World for Given<'_> {
    fn var(&self, name: &str) -> Option<OsString> {
        (name == "ERL_FLAGS" || name == "ERL_ZFLAGS").then(|| OsString::from_vec(self.0.to_vec()))
    }
    fn read(&self, path: &Path) -> Result<Vec<u8>, String> {
        // A file that names itself would be a loop: only short names exist.
        if path.as_os_str().len() == 1 { Ok(self.1.to_vec()) } else { Err("no such file".into()) }
    }
    fn current_dir(&self) -> String {
        "/".into()
    }
}

fuzz_target!(|data: &[u8]| {
    let mut parts = data.splitn(3, |&b| b == 255);
    let mut part = || parts.next().unwrap_or_default();
    let (line, env, file) = (part(), part(), part());
    let places = cli::erlexec::Places {
        root: "/r".into(),
        bindir: "/r/bin".into(),
        progname: "erl".into(),
        home: Some("/h".into()),
        release: "25".into(),
    };
    let args = line.split(|&b| b == 0).map(|a| OsString::from_vec(a.to_vec())).collect();
    match cli::erlexec::command(args, &places, &Given(env, file)) {
        Ok(command) => {
            drop(cli::erlexec::quoted("erl".as_ref(), &command.argv));
            match cli::flags::parse(&command.argv, vm::config::Config::default(), 2) {
                Ok(_) => {}
                Err(failure) => assert!(!failure.message.is_empty() && failure.code != 0),
            }
        }
        Err(failure) => assert!(!failure.message.is_empty() && failure.code != 0),
    }
});
