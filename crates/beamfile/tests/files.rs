//! Small files of each release, compiled from `data/*.erl`; the expected sums and names are the real loader's answers.

use beamfile::{Arg, BeamFile, Op, Release, TypeHint};

macro_rules! file {
    ($name:literal) => {
        include_bytes!(concat!("data/", $name, ".beam"))
    };
}

fn load(bytes: &[u8], release: u8) -> BeamFile<'_> {
    let beam = beamfile::parse(bytes, Release(release)).unwrap_or_else(|error| panic!("{error}"));
    beamfile::verify(&beam).unwrap_or_else(|error| panic!("{error}"));
    beam
}

fn hex(sum: [u8; 16]) -> String {
    sum.iter().map(|byte| format!("{byte:02X}")).collect()
}

#[test]
fn each_release() {
    for (bytes, release, md5) in [
        (&file!("sample.25")[..], 25, "0A254B4275D84CA55CE1BFBEEDEBCA70"),
        (file!("sample.25gz"), 25, "0A254B4275D84CA55CE1BFBEEDEBCA70"),
        (file!("sample.25"), 27, "0A254B4275D84CA55CE1BFBEEDEBCA70"),
        (file!("sample.27"), 27, "C440D1D226AD306CD3C45C818AA4C864"),
        (file!("sample.29"), 29, "68042F577BF1754B2816F0DC213EC600"),
        (file!("native.29"), 29, "F0B3B73A0508006C4AC69E84BB50F2E0"),
    ] {
        let beam = load(bytes, release);
        assert_eq!(hex(beam.md5()), md5);
        assert!(beam.literals.iter().all(|literal| literal[0] == 131));
    }
}

#[test]
fn tables_of_the_sample() {
    for (bytes, release) in [(&file!("sample.25")[..], 25), (file!("sample.27"), 27), (file!("sample.29"), 29)] {
        let beam = load(bytes, release);
        assert_eq!(beam.module(), "sample");
        let mut exports: Vec<String> =
            beam.exports.iter().map(|export| format!("{}/{}", beam.atom(export.function), export.arity)).collect();
        exports.sort();
        assert_eq!(
            exports.join(" "),
            "apply_it/3 big/0 bits/1 build/2 caught/1 classify/1 floats/2 funs/1 guarded/1 len/1 loop/2 maps/1 module_info/0 module_info/1 nested/1 record/1"
        );
        let (function, module, name, arity) = beam.functions().next().unwrap();
        assert_eq!((module, name, arity), ("sample", "len", 1));
        assert_eq!(beam.code.instrs[beam.code.label(function.entry_label).unwrap() as usize].op, Op::Label);
        assert_eq!(beam.code.function_at(function.info), Some(function));
        // Line 6 is `len([]) -> 0;`.
        let line = beam.code.instrs[function.instrs.start as usize + 1];
        assert_eq!(line.op, Op::Line);
        let Arg::U(index) = beam.code.args(&line)[0] else { panic!() };
        assert_eq!(beam.location(index as u32), Some((None, 6)));
        assert_eq!(beam.lambdas.len(), 3);
        assert!(
            beam.imports
                .iter()
                .any(|import| beam.atom(import.function) == "nif_error" || beam.atom(import.function) == "reverse")
        );
        // Some register is known to hold an integer.
        assert!(
            beam.code
                .types()
                .iter()
                .any(|&(place, index)| beam.types[index as usize].only(TypeHint::INTEGER)
                    && beam.code.type_of(place) == Some(index))
        );
    }
}

#[test]
fn native_records() {
    let beam = load(file!("native.29"), 29);
    let [user] = &beam.records.list[..] else { panic!() };
    assert_eq!((beam.atom(user.name), user.exported), ("user", true));
    let fields: Vec<_> = user.fields.iter().map(|&(name, default)| (beam.atom(name), default)).collect();
    assert!(
        matches!(
            fields[..],
            [("id", Some(Arg::Int(-1))), ("name", None), ("city", Some(Arg::Literal(_))), ("big", Some(Arg::BigInt(0)))]
        ),
        "{fields:?}"
    );
    assert!(!beam.records.bigs[0].negative);
    assert_eq!(beam.records.bigs[0].magnitude[..2], [0x01, 0x8E]);
}

#[test]
fn refusals_say_what_and_where() {
    let refuse = |bytes: &[u8], release| beamfile::parse(bytes, Release(release)).map(|_| ()).unwrap_err().to_string();
    let good = file!("sample.25");
    assert_eq!(refuse(b"hello", 25), "the file is too short for a BEAM file at byte 5");
    assert_eq!(refuse(b"hello, world", 25), "the file does not start like a BEAM file (FOR1 .. BEAM) at byte 0");
    assert_eq!(refuse(&good[..400], 25), format!("the file should have {} bytes (it is cut short?) at byte 400", good.len()));
    assert!(refuse(file!("native.29"), 27).contains("OTP 27 knows only 183 (compiled for a later release?)"));
    assert!(refuse(file!("sample.27"), 25).starts_with("chunk \"Code\" has instructions up to number 18"));

    // A broken instruction in the middle of the code.
    let code = good.windows(4).position(|window| window == b"Code").unwrap() + 8;
    let mut broken = good.to_vec();
    broken[code + 60] = 250;
    assert!(
        refuse(&broken, 25).contains("in len/1 at byte") || refuse(&broken, 25).contains("instruction"),
        "{}",
        refuse(&broken, 25)
    );
}

#[test]
fn the_listing_names_things() {
    let beam = load(file!("sample.27"), 27);
    let text = beamfile::dis(&beam);
    for part in [
        "function len/1  (exported)",
        "call 1, f2 (len/1)",
        "lists:reverse/1",
        "select_val x0, f",
        "bs_match f",
        "put_map_exact -",
    ] {
        assert!(text.contains(part), "{part} is not in\n{text}");
    }
    let literals = beamfile::Listing::new(&beam).with_literals(&|out, bytes| write!(out, "<{} bytes>", bytes.len())).to_string();
    assert!(literals.contains(" bytes>"), "{literals}");
}
