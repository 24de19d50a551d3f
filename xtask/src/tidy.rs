//! What the compiler does not check: that crates use only storeys below theirs, that `unsafe` stays in its rooms and cites a
//! rule, that every module says what it is, that no source file is dead and that documents name paths that exist.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::shell::{self, Outcome};

/// The house: crate, storey, whether it may contain `unsafe`. A crate uses only storeys below its own.
const STOREYS: &[(&str, u32, bool)] = &[
    ("base", 0, true),
    ("isa", 0, false),
    ("macros", 0, false),
    ("num", 1, false),
    ("sys", 2, true),
    ("term", 2, true),
    ("beamfile", 2, false),
    ("engines", 2, true),
    ("heap", 3, true),
    ("etf", 3, false),
    ("abi", 3, false),
    ("code", 4, true),
    ("process", 4, true),
    ("ets", 4, true),
    ("dist", 4, false),
    ("jit", 5, true),
    ("sched", 5, true),
    ("jit", 5, true),
    ("ports", 6, false),
    ("node", 7, false),
    ("exec", 8, true),
    ("bifs", 8, false),
    ("nif", 8, true),
    ("vm", 9, false),
    ("cli", 10, false),
    ("sim", 10, false),
    ("capi", 10, true),
    ("testkit", 10, false),
];

/// `cargo xtask tidy`.
pub fn command() -> Outcome<bool> {
    let (passed, failed) = check();
    println!("tidy: {passed} passed, {failed} failed");
    Ok(failed == 0)
}

/// Prints what is wrong; how many rules hold and how many do not.
pub fn check() -> (usize, usize) {
    let rules: [(&str, fn() -> Outcome<Vec<String>>); 7] = [
        ("storeys", storeys),
        ("unsafe rooms", unsafe_rooms),
        ("safety comments", safety_comments),
        ("module lines", module_lines),
        ("stubs", stubs),
        ("dead files", dead_files),
        ("paths in documents", document_paths),
    ];
    let mut failed = 0;
    for (name, rule) in rules {
        let wrong = rule().unwrap_or_else(|why| vec![why]);
        failed += usize::from(!wrong.is_empty());
        for line in wrong.iter().take(20) {
            println!("tidy, {name}: {line}");
        }
        if wrong.len() > 20 {
            println!("tidy, {name}: and {} more", wrong.len() - 20);
        }
    }
    (rules.len() - failed, failed)
}

fn crates() -> Outcome<BTreeMap<String, PathBuf>> {
    let dir = shell::root().join("crates");
    let entries = fs::read_dir(&dir).map_err(|e| format!("{}: {e}", dir.display()))?;
    Ok(entries
        .flatten()
        .filter(|e| e.path().join("Cargo.toml").exists())
        .map(|e| (e.file_name().to_string_lossy().into_owned(), e.path()))
        .collect())
}

fn storey(name: &str) -> Option<u32> {
    STOREYS.iter().find(|s| s.0 == name).map(|s| s.1)
}

fn storeys() -> Outcome<Vec<String>> {
    let mut wrong = Vec::new();
    for (name, dir) in crates()? {
        let Some(own) = storey(&name) else {
            wrong.push(format!(
                "crates/{name} has no storey: add it to the table in xtask/src/tidy.rs and to docs/ARCHITECTURE.md"
            ));
            continue;
        };
        let manifest = read(&dir.join("Cargo.toml"))?;
        // Tests may look upwards; what is built may not.
        let mut section = "";
        for line in manifest.lines() {
            if line.starts_with('[') {
                section = line;
            }
            let Some(dependency) = line.split(['.', '=', ' ']).next().filter(|d| storey(d).is_some()) else { continue };
            let built = section.ends_with("dependencies]") && !section.contains("dev-");
            if built && storey(dependency).is_some_and(|below| below >= own) {
                wrong
                    .push(format!("crates/{name} (storey {own}) uses {dependency} (storey {})", storey(dependency).unwrap_or(0)));
            }
        }
    }
    Ok(wrong)
}

fn unsafe_rooms() -> Outcome<Vec<String>> {
    let mut wrong = Vec::new();
    for (name, dir) in crates()? {
        let lib = read(&dir.join("src/lib.rs"))?;
        match STOREYS.iter().find(|s| s.0 == name) {
            Some((_, _, true)) if uses_unsafe(&dir)? && !lib.contains("# Safety") => {
                wrong.push(format!("crates/{name}/src/lib.rs has no `# Safety` list that its unsafe blocks could cite"));
            }
            Some((_, _, false)) if !lib.contains("#![forbid(unsafe_code)]") => {
                wrong.push(format!("crates/{name}/src/lib.rs lacks #![forbid(unsafe_code)]"));
            }
            _ => {}
        }
    }
    Ok(wrong)
}

fn uses_unsafe(dir: &Path) -> Outcome<bool> {
    for file in sources(&dir.join("src")) {
        if code_lines(&read(&file)?).any(|(_, code)| has_unsafe(code)) {
            return Ok(true);
        }
    }
    Ok(false)
}

fn has_unsafe(code: &str) -> bool {
    ["unsafe {", "unsafe impl", "unsafe{"].iter().any(|w| code.contains(w))
}

fn safety_comments() -> Outcome<Vec<String>> {
    let mut wrong = Vec::new();
    for file in all_sources()? {
        let text = read(&file)?;
        let lines: Vec<&str> = text.lines().collect();
        for (at, code) in code_lines(&text) {
            if !has_unsafe(code) {
                continue;
            }
            // On the line itself, or above it among comments, attributes and the beginning of the same statement.
            let near = lines[at.saturating_sub(8)..=at].iter().any(|l| l.contains("SAFETY:"));
            if !near {
                wrong.push(format!("{}:{}: no `SAFETY:` comment at {}", short(&file), at + 1, code.trim()));
            }
        }
    }
    Ok(wrong)
}

/// Lines with their numbers (from 0), comments and the contents of plain strings taken away.
fn code_lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines().enumerate().filter_map(|(at, line)| {
        let code = line.split("//").next().unwrap_or("");
        let quoted = code.find('"').is_some_and(|q| code.find("unsafe").is_some_and(|u| q < u));
        (!code.trim().is_empty() && !quoted).then_some((at, code))
    })
}

fn module_lines() -> Outcome<Vec<String>> {
    let mut wrong = Vec::new();
    for file in all_sources()? {
        let first = read(&file)?.lines().next().unwrap_or("").to_string();
        if !first.starts_with("//! ") || first.contains("under construction") {
            wrong.push(format!("{} does not begin by saying what it is (`//! ...`)", short(&file)));
        }
    }
    Ok(wrong)
}

fn stubs() -> Outcome<Vec<String>> {
    let words = [concat!("to", "do!("), concat!("un", "implemented!("), concat!("db", "g!(")];
    let mut wrong = Vec::new();
    for file in all_sources()? {
        let text = read(&file)?;
        for (at, code) in code_lines(&text) {
            if let Some(word) = words.iter().find(|w| code.contains(**w)) {
                wrong.push(format!("{}:{}: {word}..)", short(&file), at + 1));
            }
        }
    }
    Ok(wrong)
}

/// A file that no `mod` line, `#[path]` or `include!` names.
fn dead_files() -> Outcome<Vec<String>> {
    let mut wrong = Vec::new();
    for dir in crates()?.into_values().chain([shell::root().join("xtask")]) {
        let src = dir.join("src");
        let files = sources(&src);
        let mut text = String::new();
        for file in &files {
            text.push_str(&read(file)?);
        }
        for file in &files {
            let stem = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            let name = if stem == "mod" {
                file.parent().and_then(Path::file_name).unwrap_or_default().to_string_lossy().into_owned()
            } else {
                stem
            };
            let root = matches!(name.as_str(), "lib" | "main") || file.starts_with(src.join("bin"));
            let named = text.contains(&format!("mod {name};"))
                || text.contains(&format!("mod r#{name};"))
                || text.contains(&format!("{name}.rs\""));
            if !root && !named {
                wrong.push(format!("{} is not part of any module", short(file)));
            }
        }
    }
    Ok(wrong)
}

/// `crates/..`, `docs/..` and the like between backquotes.
fn document_paths() -> Outcome<Vec<String>> {
    let root = shell::root();
    let mut documents = vec![root.join("README.md"), root.join("CHANGELOG.md")];
    documents.extend(files_below(&root.join("docs"), "md"));
    let mut wrong = Vec::new();
    for document in documents.into_iter().filter(|d| d.exists()) {
        for (at, line) in read(&document)?.lines().enumerate() {
            for quoted in line.split('`').skip(1).step_by(2) {
                let path = quoted.split([':', ' ', '#']).next().unwrap_or("");
                let ours =
                    ["crates/", "docs/", "tests/", "examples/", "xtask/", "bench/", ".ci/"].iter().any(|p| path.starts_with(p));
                let pattern = path.contains(['*', '<', '{', 'N']) && !root.join(path).exists();
                if ours && !pattern && !root.join(path).exists() {
                    wrong.push(format!("{}:{}: there is no {path}", short(&document), at + 1));
                }
            }
        }
    }
    Ok(wrong)
}

fn all_sources() -> Outcome<Vec<PathBuf>> {
    let mut files: Vec<PathBuf> = crates()?.into_values().flat_map(|dir| sources(&dir.join("src"))).collect();
    files.extend(sources(&shell::root().join("xtask/src")));
    Ok(files)
}

fn sources(dir: &Path) -> Vec<PathBuf> {
    files_below(dir, "rs")
}

fn files_below(dir: &Path, extension: &str) -> Vec<PathBuf> {
    let mut out = Vec::new();
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            out.extend(files_below(&path, extension));
        } else if path.extension().is_some_and(|e| e == extension) {
            out.push(path);
        }
    }
    out.sort();
    out
}

fn read(file: &Path) -> Outcome<String> {
    fs::read_to_string(file).map_err(|e| format!("{}: {e}", file.display()))
}

fn short(file: &Path) -> String {
    file.strip_prefix(shell::root()).unwrap_or(file).display().to_string()
}
