//! `docs/natives.md` says which of ERTS' native functions exist here: made from the list of them all and the compiled table.
//! `UPDATE=1 cargo test -p ferrobeam-bifs --test natives` rewrites it; without, the test tells when it is stale.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt::Write;
use std::path::Path;

/// Native functions that are instructions or stubs of the machine itself, or another crate's.
const INSTRUCTIONS: [(&str, &str, u8); 8] = [
    ("erlang", "apply", 2),
    ("erlang", "apply", 3),
    ("erlang", "yield", 0),
    ("erlang", "hibernate", 3),
    ("erlang", "hibernate", 0),
    ("erlang", "call_on_load_function", 1),
    // With the whole of `erl_ddll` in crate `nif`.
    ("erl_ddll", "monitor", 2),
    ("erl_ddll", "demonitor", 1),
];

struct Row<'a> {
    name: String,
    provider: &'a str,
    releases: &'a str,
}

fn page(list: &str) -> String {
    let mut ours: HashMap<(String, String, u8), &'static str> = HashMap::new();
    for n in bifs::all() {
        ours.insert((n.module.into(), n.function.into(), n.arity), n.partial);
    }
    for (m, f, a) in INSTRUCTIONS {
        ours.insert((m.into(), f.into(), a), "");
    }
    let mut modules: BTreeMap<&str, Vec<(Row, Option<&'static str>)>> = BTreeMap::new();
    let mut listed = BTreeSet::new();
    for line in list.lines().filter(|l| !l.starts_with('#') && !l.starts_with("module\t")) {
        let cells: Vec<&str> = line.split('\t').collect();
        let [module, function, arity, _, provider, releases, ..] = cells[..] else { continue };
        let Ok(arity) = arity.parse::<u8>() else { continue };
        let key = (module.to_string(), function.to_string(), arity);
        let status = ours.get(&key).copied();
        listed.insert(key);
        modules.entry(module).or_default().push((Row { name: format!("{function}/{arity}"), provider, releases }, status));
    }
    let mut out = String::from(
        "# Native functions\n\nGenerated from [the list of all functions that ERTS has in C](data/bifs.tsv) and from this program's own table; do not edit.\n\
         `UPDATE=1 cargo test -p ferrobeam-bifs --test natives` brings it up to date.\n\n\
         \"Library\": functions of a shared library beside ERTS (`crypto.so`, ...), which is loaded as it is and not rewritten here.\n\n\
         | Module | Done | Partial | Absent | Library |\n|---|--:|--:|--:|--:|\n",
    );
    let library = |r: &Row| !matches!(r.provider, "bif-table" | "static-nif" | "loader-instruction");
    let mut sum = [0; 4];
    let mut details = String::new();
    for (module, rows) in &modules {
        let count = |f: &dyn Fn(&(Row, Option<&'static str>)) -> bool| rows.iter().filter(|r| f(r)).count();
        let n = [
            count(&|r| r.1 == Some("")),
            count(&|r| r.1.is_some_and(|p| !p.is_empty())),
            count(&|r| r.1.is_none() && !library(&r.0)),
            count(&|r| r.1.is_none() && library(&r.0)),
        ];
        (0..4).for_each(|i| sum[i] += n[i]);
        let _ = writeln!(out, "| {module} | {} | {} | {} | {} |", n[0], n[1], n[2], n[3]);
        if n[1] + n[2] > 0 {
            let _ = writeln!(details, "\n### {module}\n");
            for (row, status) in rows {
                match status {
                    Some(what) if !what.is_empty() => {
                        let _ = writeln!(details, "- `{}` partial: {what}", row.name);
                    }
                    _ => {}
                }
            }
            let absent: Vec<String> = rows
                .iter()
                .filter(|r| r.1.is_none() && !library(&r.0))
                .map(|(r, _)| if r.releases == "25,27,29" { format!("`{}`", r.name) } else { format!("`{}` ({})", r.name, r.releases) })
                .collect();
            if !absent.is_empty() {
                let _ = writeln!(details, "- absent: {}", absent.join(", "));
            }
        }
    }
    let _ = writeln!(out, "| **all** | {} | {} | {} | {} |", sum[0], sum[1], sum[2], sum[3]);
    let mut own: Vec<String> = ours
        .keys()
        .filter(|k| !listed.contains(*k) && !INSTRUCTIONS.contains(&(&k.0, &k.1, k.2)))
        .map(|(m, f, a)| format!("`{m}:{f}/{a}`"))
        .collect();
    own.sort();
    if !own.is_empty() {
        let _ = writeln!(out, "\nNative here, Erlang code in ERTS: {}.", own.join(", "));
    }
    let _ = write!(out, "\n## What is missing\n{details}");
    out
}

#[test]
fn the_page_is_up_to_date() {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs");
    let list = std::fs::read_to_string(docs.join("data/bifs.tsv")).unwrap();
    let page = page(&list);
    let file = docs.join("natives.md");
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&file, &page).unwrap();
    }
    let there = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(there == page, "docs/natives.md is stale: UPDATE=1 cargo test -p ferrobeam-bifs --test natives");
}

/// A function stands once in the table: a second entry would silently take its place.
#[test]
fn no_function_twice() {
    let mut seen = BTreeSet::new();
    let twice: Vec<String> = bifs::all()
        .iter()
        .filter(|n| !seen.insert((n.module, n.function, n.arity)))
        .map(|n| format!("{}:{}/{}", n.module, n.function, n.arity))
        .collect();
    assert_eq!(twice, Vec::<String>::new());
}
