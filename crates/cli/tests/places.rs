//! Where the libraries are looked for, and the folder of launchers, with libraries made of empty files.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

struct Place(PathBuf);

impl Place {
    fn new(name: &str) -> Place {
        let dir = std::env::temp_dir().join(format!("ferrobeam-places-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&dir);
        fs::create_dir_all(&dir).unwrap();
        Place(dir)
    }

    fn file(&self, name: &str, text: &str) {
        let file = self.0.join(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
    }

    fn otp(name: &str, release: &str, erts: &str) -> Place {
        let place = Place::new(name);
        for application in ["kernel-8.5", "stdlib-4.2"] {
            place.file(&format!("lib/{application}/ebin/x.app"), "");
        }
        place.file("releases/start_erl.data", &format!("{erts} {release}\n"));
        place.file(&format!("releases/{release}/OTP_VERSION"), &format!("{release}.2.3\n"));
        place.file(&format!("erts-{erts}/bin/inet_gethost"), "");
        place.file("bin/start.boot", "");
        place
    }

    fn ferrobeam(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ferrobeam"));
        command
            .args(args)
            .env_clear()
            .env("FERROBEAM_CACHE", self.0.join("cache"))
            .env("PATH", "/nonexistent")
            .env("HOME", "/nonexistent");
        command
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn run(command: &mut Command) -> Output {
    command.output().unwrap()
}

#[test]
fn a_wrong_place_is_named_and_not_replaced_by_another() {
    let place = Place::new("wrong");
    let out = run(place.ferrobeam(&["shims"]).env("FERROBEAM_OTP", "/nonexistent/otp"));
    assert_eq!(out.status.code(), Some(1));
    assert_eq!(
        text(&out.stderr),
        "ferrobeam: FERROBEAM_OTP names /nonexistent/otp, which holds no Erlang/OTP libraries: no such folder\n"
    );
    let out = run(&mut place.ferrobeam(&["--otp", place.0.to_str().unwrap(), "shims"]));
    assert!(text(&out.stderr).contains("no lib/kernel-*"), "{}", text(&out.stderr));
}

#[test]
fn launchers_are_made_once_and_lead_to_the_libraries() {
    let otp = Place::otp("launchers", "25", "13.1.5");
    let root = otp.0.to_str().unwrap();
    let first = run(&mut otp.ferrobeam(&["--otp", root, "shims"]));
    assert!(first.status.success(), "{}", text(&first.stderr));
    let bin = PathBuf::from(text(&first.stdout).trim());
    let marker = bin.parent().unwrap().join(".ferrobeam");
    let made = fs::metadata(&marker).unwrap().modified().unwrap();
    let second = run(otp.ferrobeam(&["shims"]).env("FERROBEAM_OTP", root));
    assert_eq!(text(&second.stdout).trim(), bin.to_str().unwrap());
    assert_eq!(fs::metadata(&marker).unwrap().modified().unwrap(), made, "not made twice");
    assert!(bin.join("erl").exists() && bin.join("start.boot").exists());
    let erts = bin.parent().unwrap().join("erts-13.1.5/bin");
    assert!(erts.join("erlexec").exists() && erts.join("inet_gethost").exists());
    assert!(bin.parent().unwrap().join("lib/kernel-8.5").exists());

    // A node says the folder to those that it starts: they find the same libraries and the same folder.
    let mut again = Command::new(bin.join("erl"));
    again.arg("-emu_args_exit").env_clear().env("ROOTDIR", bin.parent().unwrap()).env("FERROBEAM_CACHE", otp.0.join("cache"));
    let args = text(&run(&mut again).stdout);
    let want = format!("--\n-root\n{}\n-bindir\n{}\n-progname\nerl\n", bin.parent().unwrap().display(), erts.display());
    assert!(args.starts_with(&want), "{args}");
}

#[test]
fn a_broken_folder_is_made_again() {
    let otp = Place::otp("broken", "27", "15.2");
    let root = otp.0.to_str().unwrap();
    let shims = || PathBuf::from(text(&run(&mut otp.ferrobeam(&["--otp", root, "shims"])).stdout).trim());
    let bin = shims();
    fs::remove_file(bin.parent().unwrap().join("erts-15.2/bin/erlexec")).unwrap();
    assert_eq!(shims(), bin);
    assert!(bin.parent().unwrap().join("erts-15.2/bin/erlexec").exists());
}

#[test]
fn the_folder_of_the_node_that_started_us_stays_in_use() {
    let otp = Place::otp("parent", "25", "13.1.5");
    let root = otp.0.to_str().unwrap();
    let first = text(&run(&mut otp.ferrobeam(&["--otp", root, "shims"])).stdout);
    let folder = Path::new(first.trim()).parent().unwrap();
    let elsewhere = |command: &mut Command| text(&run(command.env("FERROBEAM_CACHE", otp.0.join("other"))).stdout);
    assert_eq!(elsewhere(otp.ferrobeam(&["--otp", root, "shims"]).env("ROOTDIR", folder)), first);
    assert_ne!(elsewhere(&mut otp.ferrobeam(&["--otp", root, "shims"])), first);
}

#[test]
fn a_release_with_our_launchers_is_its_own_root() {
    let release = Place::otp("release", "25", "13.1.5");
    let program = fs::canonicalize(env!("CARGO_BIN_EXE_ferrobeam")).unwrap();
    std::os::unix::fs::symlink(program, release.0.join("erts-13.1.5/bin/erlexec")).unwrap();
    let root = fs::canonicalize(&release.0).unwrap();
    let out = run(&mut release.ferrobeam(&["--otp", root.to_str().unwrap(), "shims"]));
    assert_eq!(text(&out.stdout).trim(), root.join("bin").to_str().unwrap());
}

#[test]
fn without_a_cache_the_libraries_themselves_are_the_root() {
    let otp = Place::otp("nocache", "29", "17.1");
    let root = fs::canonicalize(&otp.0).unwrap();
    let out = run(otp
        .ferrobeam(&["--otp", root.to_str().unwrap(), "erl", "-emu_args_exit", "+S", "2"])
        .env("FERROBEAM_CACHE", "/dev/null/x"));
    let want = format!("-S\n2\n--\n-root\n{0}\n-bindir\n{0}/erts-17.1/bin\n", root.display());
    assert!(text(&out.stdout).starts_with(&want), "{} {}", text(&out.stdout), text(&out.stderr));
}

#[test]
fn the_release_is_read_without_start_erl_data() {
    let otp = Place::otp("release", "27", "15.2.7");
    fs::remove_file(otp.0.join("releases/start_erl.data")).unwrap();
    let found = cli::otp::open(&otp.0).unwrap();
    assert_eq!((found.release.as_str(), found.erts_version.as_str(), found.version().as_str()), ("27", "15.2.7", "27.2.3"));
    fs::remove_dir_all(otp.0.join("releases")).unwrap();
    fs::create_dir_all(otp.0.join("releases")).unwrap();
    assert_eq!(cli::otp::open(Path::new(&otp.0)).unwrap().release, "27", "from the version of ERTS");
}

#[test]
fn commands_and_flags_that_do_not_exist_name_their_neighbours() {
    let otp = Place::otp("unknown", "25", "13.1.5");
    let out = run(&mut otp.ferrobeam(&["elixr"]));
    assert_eq!(out.status.code(), Some(2));
    assert!(
        text(&out.stderr).starts_with("ferrobeam: unknown command elixr; commands with similar names: elixir"),
        "{}",
        text(&out.stderr)
    );
    let out = run(&mut otp.ferrobeam(&["--otp", otp.0.to_str().unwrap(), "erl", "+foo"]));
    assert_eq!(out.status.code(), Some(1));
    assert_eq!(text(&out.stderr), "erl: unknown flag +foo; flags with similar names: +fna, +fnl, +fnu\n");
}
