//! Answers recorded from ERTS (OTP 25 and 29) in `erts25.tsv` and `erts29.tsv`, and what the table cannot say.

use super::*;

/// Patterns (in hex) of which the recording says something else than we do, and which nobody is expected to write:
/// wrong ones whose error is told otherwise, and `(?^)`, `(?0)`, long names, which are good today.
const KNOWN_29: &[&str] = &[];

const KNOWN_25: &[&str] = &[
    "283F283F61296229",
    "283F285239296129",
    "283F3029",
    "283F3C3D612B7C622963",
    "283F3C61616161616161616161616161616161616161616161616161616161616161616161616161616161613E7829",
    "283F503C",
    "283F5E29",
    "283F5E693A6129",
    "5C67",
    "5C677B",
    "5C6F7B",
];

fn bytes(hex: &str) -> Vec<u8> {
    if hex == "-" {
        return Vec::new();
    }
    (0..hex.len()).step_by(2).map(|i| u8::from_str_radix(&hex[i..i + 2], 16).unwrap()).collect()
}

/// Options as the recording writes them; `offset` goes last.
fn options(text: &str, dialect: Dialect) -> (CompileOptions, ExecOptions, usize) {
    let (mut c, mut x, mut offset) = (CompileOptions { dialect, ..CompileOptions::default() }, ExecOptions::default(), 0);
    for word in text.split(',').filter(|w| *w != "-") {
        let (name, value) = word.split_once('=').unwrap_or((word, ""));
        match name {
            "unicode" => c.flags |= Flags::UTF,
            "caseless" => c.flags |= Flags::CASELESS,
            "multiline" => c.flags |= Flags::MULTILINE,
            "dotall" => c.flags |= Flags::DOTALL,
            "dollar_endonly" => c.flags |= Flags::DOLLAR_ENDONLY,
            "anchored" => c.flags |= Flags::ANCHORED,
            "extended" => c.flags |= Flags::EXTENDED,
            "firstline" => c.flags |= Flags::FIRSTLINE,
            "ungreedy" => c.flags |= Flags::UNGREEDY,
            "no_auto_capture" => c.flags |= Flags::NO_AUTO_CAPTURE,
            "dupnames" => c.flags |= Flags::DUPNAMES,
            "ucp" => c.flags |= Flags::UCP,
            "never_utf" => c.flags |= Flags::NEVER_UTF,
            "no_start_optimize" => c.flags |= Flags::NO_START_OPTIMIZE,
            "bsr_anycrlf" => c.bsr = Bsr::AnyCrlf,
            "bsr_unicode" => c.bsr = Bsr::Unicode,
            "newline" => {
                c.newline = match value {
                    "cr" => Newline::Cr,
                    "crlf" => Newline::Crlf,
                    "any" => Newline::Any,
                    "anycrlf" => Newline::AnyCrlf,
                    _ => Newline::Lf,
                }
            }
            "notempty" => x.flags |= Flags::NOTEMPTY,
            "notempty_atstart" => x.flags |= Flags::NOTEMPTY_ATSTART,
            "notbol" => x.flags |= Flags::NOTBOL,
            "noteol" => x.flags |= Flags::NOTEOL,
            "offset" => offset = value.parse().unwrap(),
            "match_limit" => x.match_limit = value.parse().ok(),
            "match_limit_recursion" => x.match_limit_recursion = value.parse().ok(),
            _ => {}
        }
    }
    (c, x, offset)
}

fn compiled(pattern: &[u8], options: CompileOptions) -> String {
    match Regex::compile(pattern, options) {
        Ok(r) => format!("ok\t{}\t{}\t{}", r.capture_count(), u8::from(r.is_utf()), u8::from(r.use_crlf())),
        Err(e) => format!("error\t{}\t{}", e.text, e.position),
    }
}

fn ran(subject: &[u8], pattern: &[u8], (c, x, offset): (CompileOptions, ExecOptions, usize), translate: bool) -> String {
    let Ok(regex) = Regex::compile(pattern, c) else { return "badarg".into() };
    if translate {
        regex.translate();
    }
    match regex.exec(subject, offset, &x) {
        Outcome::Match(groups) => {
            let group = |g: &Option<(usize, usize)>| g.map_or("-1:0".into(), |(a, b)| format!("{a}:{}", b - a));
            groups.iter().map(group).collect::<Vec<_>>().join(" ")
        }
        Outcome::NoMatch | Outcome::Error(ExecError::MatchLimit | ExecError::MatchLimitRecursion) => "nomatch".into(),
        Outcome::Error(_) => "badarg".into(),
    }
}

/// Walks a recording; what is listed as known must differ, all else must not.
fn compare(recording: &str, dialect: Dialect, known: &[&str]) {
    let mut wrong = Vec::new();
    for line in recording.lines() {
        let mut fields = line.splitn(4, '\t');
        let mut next = || fields.next().unwrap();
        let (ours, expected) = match next() {
            "compile" => {
                let (pattern, opts) = (bytes(next()), next());
                (compiled(&pattern, options(opts, dialect).0), next())
            }
            _ => {
                let (subject, pattern, rest) = (bytes(next()), bytes(next()), next());
                let (opts, expected) = rest.split_once('\t').unwrap();
                let [slow, fast] = [false, true].map(|t| ran(&subject, &pattern, options(opts, dialect), t));
                assert_eq!(slow, fast, "{line}");
                (slow, expected)
            }
        };
        let known = known.iter().any(|p| line.starts_with(&format!("compile\t{p}\t")));
        if (ours != expected) != known {
            wrong.push(format!("{line}\n     ours {ours}"));
        }
    }
    assert!(wrong.is_empty(), "{} differ\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn as_otp_25_answers() {
    compare(include_str!("erts25.tsv"), Dialect::Pcre1, KNOWN_25);
}

/// That release has the next version of the library, which names some places one character further on.
#[test]
fn as_otp_29_answers() {
    compare(include_str!("erts29.tsv"), Dialect::Pcre2, KNOWN_29);
}

#[test]
fn names_and_bytes() {
    let c = CompileOptions { flags: Flags::UTF | Flags::DUPNAMES, ..CompileOptions::default() };
    let r = Regex::compile("(?<b>x)(?<a>ü)|(?<b>y)".as_bytes(), c).unwrap();
    assert_eq!(r.names(), [(b"a".to_vec(), 2), (b"b".to_vec(), 1), (b"b".to_vec(), 3)]);
    let again = Regex::from_bytes(&r.to_bytes()).unwrap();
    assert_eq!((again.pattern(), again.options()), (r.pattern(), r.options()));
    assert!(Regex::from_bytes(b"ferrobeam-re\x01").is_none() && Regex::from_bytes(&[0; 100]).is_none());
    assert!(version().starts_with("10."));
}

#[test]
fn limits_end_a_run() {
    let r = Regex::compile(b"(?:a*)*[bc]d?", CompileOptions::default()).unwrap();
    let subject = [b'a'; 60];
    for (limit, depth, expected) in [(Some(100), None, ExecError::MatchLimit), (None, Some(10), ExecError::MatchLimitRecursion)] {
        let x = ExecOptions { match_limit: limit, match_limit_recursion: depth, ..ExecOptions::default() };
        assert_eq!(r.exec(&subject, 0, &x), Outcome::Error(expected));
    }
    assert_eq!(r.exec(b"b", 2, &ExecOptions::default()), Outcome::Error(ExecError::BadOffset));
}

#[test]
fn many_threads_one_pattern() {
    let cache = RegexCache::new(4);
    std::thread::scope(|s| {
        for _ in 0..4 {
            s.spawn(|| {
                for _ in 0..200 {
                    let r = cache.get(b"b(c+)", CompileOptions::default()).unwrap();
                    let found = r.exec(b"abccd", 0, &ExecOptions::default());
                    assert_eq!(found, Outcome::Match(vec![Some((1, 4)), Some((2, 4))]));
                }
            });
        }
    });
    for i in 0..10u8 {
        cache.get(&[b'a' + i], CompileOptions::default()).unwrap();
    }
    assert!(cache.get(b"(", CompileOptions::default()).is_err());
}
