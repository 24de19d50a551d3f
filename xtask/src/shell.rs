//! Programs and paths: starting, waiting with a limit, where the repository is.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// What most functions here answer; the text is for the person at the terminal.
pub type Outcome<T> = Result<T, String>;

/// The repository.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new(".")).to_path_buf()
}

/// A folder below `target`, made if missing.
pub fn scratch(name: &str) -> Outcome<PathBuf> {
    let dir = target().join("xtask").join(name);
    std::fs::create_dir_all(&dir).map_err(|e| format!("{}: {e}", dir.display()))?;
    Ok(dir)
}

/// Cargo's target folder.
pub fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map(PathBuf::from).unwrap_or_else(|| root().join("target"))
}

/// Where `program` lies on `PATH`.
pub fn which(program: &str) -> Option<PathBuf> {
    std::env::split_paths(&std::env::var_os("PATH")?).map(|d| d.join(program)).find(|f| f.is_file())
}

/// Runs to the end with our own input and output; the command line is in the error.
pub fn must(command: &mut Command) -> Outcome<()> {
    let status = command.status().map_err(|e| format!("cannot run {command:?}: {e}"))?;
    if status.success() { Ok(()) } else { Err(format!("{command:?} ended with {status}")) }
}

/// A finished program.
pub struct Finished {
    /// `None`: it was stopped when its time was over.
    pub status: Option<ExitStatus>,
    pub output: String,
    pub errors: String,
}

impl Finished {
    pub fn ok(&self) -> bool {
        self.status.is_some_and(|s| s.success())
    }
    /// For messages: "ended with exit status: 1", "did not end in time".
    pub fn how(&self) -> String {
        self.status.map_or("did not end in time".into(), |s| format!("ended with {s}"))
    }
}

/// Runs with empty input, collecting output, for at most `limit`.
pub fn capture(command: &mut Command, limit: Duration) -> Outcome<Finished> {
    watch(command, |elapsed| elapsed < limit)
}

/// As [`capture`], but goes on as long as `go_on` says so (asked every few milliseconds).
pub fn watch(command: &mut Command, mut go_on: impl FnMut(Duration) -> bool) -> Outcome<Finished> {
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|e| format!("cannot run {command:?}: {e}"))?;
    let output = drain(child.stdout.take());
    let errors = drain(child.stderr.take());
    let started = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().map_err(|e| e.to_string())? {
            break Some(status);
        }
        if !go_on(started.elapsed()) {
            stop(&mut child);
            break None;
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    Ok(Finished { status, output: finish(output), errors: finish(errors) })
}

fn stop(child: &mut Child) {
    let _ = child.kill();
    let _ = child.wait();
}

type Drained = std::sync::mpsc::Receiver<Vec<u8>>;

fn drain(stream: Option<impl Read + Send + 'static>) -> Drained {
    let (send, receive) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut stream) = stream {
            let _ = stream.read_to_end(&mut bytes);
        }
        let _ = send.send(bytes);
    });
    receive
}

/// A program that the child left running may hold the pipe open: it is not waited for.
fn finish(drained: Drained) -> String {
    let bytes = drained.recv_timeout(Duration::from_secs(2)).unwrap_or_default();
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Builds ferrobeam: the release, or what the profile `FERROBEAM_PROFILE` makes.
pub fn build() -> Outcome<PathBuf> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let profile = std::env::var("FERROBEAM_PROFILE").unwrap_or_else(|_| "release".into());
    let program = target().join(&profile).join("ferrobeam");
    let mut command = Command::new(cargo);
    command.current_dir(root()).args(["build", "--profile", &profile, "--package", "ferrobeam-cli"]);
    if program.exists() {
        command.arg("--quiet");
    } else {
        println!("Building ferrobeam: some minutes, the first time.");
    }
    must(&mut command)?;
    Ok(program)
}

/// Last lines of a text.
pub fn tail(text: &str, lines: usize) -> String {
    let all: Vec<&str> = text.lines().collect();
    all[all.len().saturating_sub(lines)..].join("\n")
}
