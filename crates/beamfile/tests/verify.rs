//! Hostile functions, one fault each, and what the verifier says; and honest ones next to them.
//! Each case is the body of `m:f/2`, behind `label 2`, in code that a small assembler here puts into a file.

use beamfile::{Op, Release};

/// An operand, as the file has it.
#[derive(Clone, Debug)]
enum A {
    U(u32),
    I(u32),
    Atom(u32),
    X(u32),
    Y(u32),
    F(u32),
    List(Vec<A>),
    Literal(u32),
}
use A::*;

/// Atoms of every file here; `Atom(1)` is the first.
const ATOMS: [&str; 13] =
    ["m", "f", "g", "erlang", "error", "self", "ensure_at_least", "integer", "string", "+", "reuse", "bogus", "no_fail"];
const NIL: A = Atom(0);

fn term(out: &mut Vec<u8>, tag: u8, n: u32) {
    match n {
        0..16 => out.push((n as u8) << 4 | tag),
        16..2048 => out.extend([((n >> 8) as u8) << 5 | 0x08 | tag, n as u8]),
        _ => out.extend([vec![2 << 5 | 0x18 | tag], n.to_be_bytes().to_vec()].concat()),
    }
}

fn operand(out: &mut Vec<u8>, arg: &A) {
    match arg {
        U(n) => term(out, 0, *n),
        I(n) => term(out, 1, *n),
        Atom(n) => term(out, 2, *n),
        X(n) => term(out, 3, *n),
        Y(n) => term(out, 4, *n),
        F(n) => term(out, 5, *n),
        List(items) => {
            out.push(0x17);
            term(out, 0, items.len() as u32);
            items.iter().for_each(|item| operand(out, item));
        }
        Literal(n) => {
            out.push(0x47);
            term(out, 0, *n);
        }
    }
}

fn words(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_be_bytes()).collect()
}

/// `f/2` with that body, then `g/1`, which returns its argument. Imports: erlang:error/1, erlang:self/0, erlang:'+'/2.
fn file(body: &[(Op, Vec<A>)]) -> Vec<u8> {
    let mut all = vec![(Op::Label, vec![U(1)]), (Op::FuncInfo, vec![Atom(1), Atom(2), U(2)]), (Op::Label, vec![U(2)])];
    all.extend_from_slice(body);
    all.extend([
        (Op::Label, vec![U(20)]),
        (Op::FuncInfo, vec![Atom(1), Atom(3), U(1)]),
        (Op::Label, vec![U(21)]),
        (Op::Return, vec![]),
        (Op::IntCodeEnd, vec![]),
    ]);
    let mut code = words(&[16, 0, 183, 22, 2]);
    for (op, args) in &all {
        assert_eq!(op.arity(), args.len(), "{op:?}");
        code.push(op.number() as u8);
        args.iter().for_each(|arg| operand(&mut code, arg));
    }
    let mut atoms = words(&[ATOMS.len() as u32]);
    for atom in ATOMS {
        atoms.push(atom.len() as u8);
        atoms.extend(atom.as_bytes());
    }
    let mut out = b"FOR1\0\0\0\0BEAM".to_vec();
    let chunks: [(&[u8; 4], Vec<u8>); 5] = [
        (b"AtU8", atoms),
        (b"Code", code),
        (b"StrT", b"abc".to_vec()),
        (b"ImpT", words(&[3, 4, 5, 1, 4, 6, 0, 4, 10, 2])),
        (b"ExpT", words(&[1, 2, 2, 2])),
    ];
    for (id, data) in chunks {
        out.extend(id);
        out.extend((data.len() as u32).to_be_bytes());
        out.extend(&data);
        out.resize(out.len().next_multiple_of(4), 0);
    }
    let size = out.len() as u32 - 8;
    out[4..8].copy_from_slice(&size.to_be_bytes());
    out
}

/// What the verifier says of that body; empty when it takes it.
fn verdict(body: &[(Op, Vec<A>)]) -> String {
    let file = file(body);
    let beam = beamfile::parse(&file, Release(27)).unwrap_or_else(|error| panic!("{error}"));
    beamfile::verify(&beam).map_or_else(|error| error.to_string(), |_| String::new())
}

fn op(op: Op, args: &[A]) -> (Op, Vec<A>) {
    (op, args.to_vec())
}

fn label(n: u32) -> (Op, Vec<A>) {
    op(Op::Label, &[U(n)])
}

fn ret() -> (Op, Vec<A>) {
    op(Op::Return, &[])
}

#[track_caller]
fn refused(body: &[(Op, Vec<A>)], expected: &str) {
    let said = verdict(body);
    assert!(said.contains(expected) && !said.is_empty(), "said {said:?}, expected {expected:?}");
    assert!(said.starts_with("chunk \"Code\" is not valid: ") && said.contains(" at byte "), "{said}");
}

#[track_caller]
fn taken(body: &[(Op, Vec<A>)]) {
    assert_eq!(verdict(body), "");
}

#[test]
fn x_registers() {
    taken(&[op(Op::Move, &[X(1), X(0)]), ret()]);
    refused(&[op(Op::Move, &[X(2), X(0)]), ret()], "move reads x2, which holds nothing in m:f/2");
    refused(&[op(Op::Move, &[X(0), X(1024)]), ret()], "names register 1024");
    refused(&[op(Op::TestHeap, &[U(0), U(3)]), ret()], "needs x2, which holds nothing");
    // What lies beyond the live count is gone.
    refused(&[op(Op::TestHeap, &[U(0), U(1)]), op(Op::Move, &[X(1), X(0)]), ret()], "reads x1");
    // Only one of two paths writes x3.
    refused(
        &[op(Op::IsAtom, &[F(3), X(0)]), op(Op::Move, &[X(0), X(3)]), label(3), op(Op::Move, &[X(3), X(0)]), ret()],
        "reads x3",
    );
    taken(&[op(Op::Move, &[X(0), X(1000)]), op(Op::Move, &[X(1000), X(0)]), ret()]);
}

#[test]
fn results_of_guards_that_failed() {
    // Written only if the guard does not fail: the engine fills the register at the entry.
    let guard = op(Op::Bif2, &[F(3), U(2), X(0), X(1), X(3)]);
    let body = [guard.clone(), label(3), op(Op::Move, &[X(3), X(0)]), ret()];
    taken(&body);
    let file = file(&body);
    let beam = beamfile::parse(&file, Release(27)).unwrap();
    assert_eq!(beamfile::verify(&beam).unwrap().cleared, [(0, 3)]);
    // That does not reach beyond a collection.
    refused(&[guard, label(3), op(Op::TestHeap, &[U(0), U(1)]), op(Op::Move, &[X(3), X(0)]), ret()], "reads x3");
}

#[test]
fn frames() {
    let frame = op(Op::Allocate, &[U(2), U(2)]);
    taken(&[
        frame.clone(),
        op(Op::InitYregs, &[List(vec![Y(0), Y(1)])]),
        op(Op::Call, &[U(1), F(21)]),
        op(Op::Deallocate, &[U(2)]),
        ret(),
    ]);
    refused(
        &[frame.clone(), op(Op::Call, &[U(1), F(21)]), op(Op::Deallocate, &[U(2)]), ret()],
        "may collect while y0 holds nothing",
    );
    refused(&[frame.clone(), op(Op::Move, &[Y(0), X(0)]), op(Op::Deallocate, &[U(2)]), ret()], "reads y0, which holds no term");
    refused(&[frame.clone(), op(Op::Move, &[X(0), Y(2)]), op(Op::Deallocate, &[U(2)]), ret()], "uses y2 in a frame of 2");
    refused(&[op(Op::Move, &[X(0), Y(0)]), ret()], "uses y0 in a frame of 0");
    refused(&[frame.clone(), ret()], "needs that there is no frame, but there is one of 2");
    refused(&[frame.clone(), op(Op::Deallocate, &[U(1)]), ret()], "removes a frame of 1, but there is one of 2");
    refused(&[op(Op::Allocate, &[U(0), U(2)]), frame.clone(), ret()], "makes a frame where there is one");
    refused(&[op(Op::Allocate, &[U(1024), U(2)]), ret()], "the largest is 1023");
    refused(&[frame.clone(), op(Op::CallLast, &[U(1), F(21), U(3)])], "removes a frame of 3");
    refused(&[frame.clone(), op(Op::CallOnly, &[U(1), F(21)])], "needs that there is no frame");
    // Paths with different frames may meet to fail, but not to return.
    let meet = |end: (Op, Vec<A>)| {
        [
            op(Op::IsAtom, &[F(3), X(0)]),
            op(Op::Allocate, &[U(1), U(2)]),
            op(Op::Move, &[X(0), Y(0)]),
            op(Op::Jump, &[F(4)]),
            label(3),
            op(Op::Allocate, &[U(0), U(2)]),
            label(4),
            end,
        ]
    };
    taken(&meet(op(Op::Badmatch, &[X(0)])));
    refused(&meet(op(Op::CallLast, &[U(1), F(21), U(1)])), "differs from path to path");
    // The second register becomes the first.
    taken(&[
        frame.clone(),
        op(Op::Move, &[X(0), Y(1)]),
        op(Op::Move, &[X(0), Y(0)]),
        op(Op::Trim, &[U(1), U(1)]),
        op(Op::Move, &[Y(0), X(0)]),
        op(Op::Deallocate, &[U(1)]),
        ret(),
    ]);
    refused(&[frame, op(Op::Trim, &[U(1), U(2)]), ret()], "takes 1 of 2 + 1, but there is one of 2");
}

#[test]
fn jumps_and_calls() {
    refused(&[op(Op::Jump, &[F(21)])], "goes to label 21 of another function");
    refused(&[op(Op::Jump, &[F(9)])], "goes to label 9, which is not defined");
    refused(&[op(Op::IsAtom, &[F(0), X(0)]), ret()], "has a wrong operand (fail: -)");
    refused(&[op(Op::CallOnly, &[U(2), F(21)])], "passes 2 arguments to a function of another arity");
    refused(&[op(Op::CallOnly, &[U(1), F(20)])], "has a wrong operand");
    refused(&[op(Op::CallExtOnly, &[U(2), U(0)])], "passes 2 arguments to a function of arity 1");
    refused(&[op(Op::CallExtOnly, &[U(1), U(7)])], "has a wrong operand (import: import#7)");
    refused(&[op(Op::Move, &[X(0), X(1)])], "control goes on behind it");
    taken(&[op(Op::CallExt, &[U(1), U(0)])]);
    refused(&[op(Op::SelectVal, &[X(0), F(1), List(vec![Atom(1)])])], "has a choice without a label");
    refused(&[op(Op::SelectVal, &[X(0), F(1), List(vec![X(1), F(1)])])], "has a choice that is no atom and no number");
    // A loop that only ever goes round.
    taken(&[label(3), op(Op::Jump, &[F(3)])]);
}

#[test]
fn handlers() {
    let start = [op(Op::Allocate, &[U(2), U(2)]), op(Op::InitYregs, &[List(vec![Y(0), Y(1)])])];
    let body = |rest: &[(Op, Vec<A>)]| [&start[..], rest].concat();
    let leave = [op(Op::Deallocate, &[U(2)]), ret()];
    let handler = [label(5), op(Op::TryCase, &[Y(1)]), leave[0].clone(), leave[1].clone()];
    let inner = |rest: &[(Op, Vec<A>)]| body(&[&[op(Op::Try, &[Y(1), F(5)])], rest, &handler].concat());
    taken(&inner(&[op(Op::Call, &[U(1), F(21)]), op(Op::TryEnd, &[Y(1)]), leave[0].clone(), ret()]));
    refused(&inner(&[op(Op::Call, &[U(1), F(21)]), leave[0].clone(), ret()]), "leaves a frame with an active handler");
    refused(
        &inner(&[op(Op::Move, &[Y(1), X(0)]), op(Op::TryEnd, &[Y(1)]), leave[0].clone(), ret()]),
        "reads y1, which holds no term",
    );
    refused(&inner(&[op(Op::Move, &[X(0), Y(1)]), op(Op::TryEnd, &[Y(1)]), leave[0].clone(), ret()]), "holds a handler's mark");
    refused(&inner(&[op(Op::TryEnd, &[Y(0)]), leave[0].clone(), ret()]), "ends a handler in y0, which is not the innermost one");
    refused(&inner(&[op(Op::CatchEnd, &[Y(1)]), leave[0].clone(), ret()]), "ends a handler in y1");
    refused(
        &body(&[op(Op::Try, &[Y(0), F(5)]), op(Op::Try, &[Y(1), F(5)]), handler[0].clone(), handler[1].clone(), ret()]),
        "above the outer one",
    );
    refused(&body(&[op(Op::Try, &[Y(0), F(2)]), ret()]), "names a handler that does not begin like one");
    // Without a term in x0, ordinary flow may not look like an exception.
    refused(&inner(&[op(Op::TestHeap, &[U(0), U(0)]), op(Op::Jump, &[F(5)])]), "goes on into an exception's handler");
    // What the handler finds: the frame, but no other X registers than those of the exception.
    refused(
        &body(&[
            op(Op::Try, &[Y(1), F(5)]),
            op(Op::Call, &[U(1), F(21)]),
            op(Op::Badmatch, &[X(0)]),
            label(5),
            op(Op::TryCase, &[Y(1)]),
            op(Op::Move, &[X(3), X(0)]),
            leave[0].clone(),
            ret(),
        ]),
        "reads x3",
    );
}

#[test]
fn reserved_heap() {
    let list = op(Op::PutList, &[X(0), NIL, X(0)]);
    taken(&[op(Op::TestHeap, &[U(4), U(2)]), list.clone(), list.clone(), ret()]);
    refused(&[op(Op::TestHeap, &[U(3), U(2)]), list.clone(), list.clone(), ret()], "builds 2 words where 1 are reserved");
    refused(&[op(Op::PutTuple2, &[X(0), List(vec![X(0), X(1)])]), ret()], "builds 3 words where 0 are reserved");
    // A loop must not live on what was reserved before it.
    refused(
        &[op(Op::TestHeap, &[U(1000), U(2)]), label(3), list.clone(), op(Op::Jump, &[F(3)])],
        "builds 2 words where 0 are reserved",
    );
    refused(&[op(Op::TestHeap, &[U(1 << 25), U(2)]), ret()], "has a wrong operand (heap: 33554432)");
    // Arithmetic may collect.
    refused(
        &[op(Op::TestHeap, &[U(9), U(2)]), op(Op::GcBif2, &[F(0), U(2), U(2), X(0), X(1), X(1)]), list, ret()],
        "where 0 are reserved",
    );
}

#[test]
fn receives() {
    // `receive after X -> ok end`: the time's register is gone when the process wakes, but not read again.
    taken(&[label(3), op(Op::WaitTimeout, &[F(3), X(0)]), op(Op::Timeout, &[]), op(Op::Move, &[Atom(2), X(0)]), ret()]);
    refused(&[label(3), op(Op::WaitTimeout, &[F(3), X(0)]), op(Op::Timeout, &[]), ret()], "needs x0, which holds nothing");
    refused(&[label(3), op(Op::WaitTimeout, &[F(3), X(2)]), op(Op::Timeout, &[]), ret()], "reads x2");
    // The same with a call between: another receive has used the timer.
    let call = [
        op(Op::Allocate, &[U(0), U(2)]),
        label(3),
        op(Op::WaitTimeout, &[F(4), X(1)]),
        label(4),
        op(Op::Move, &[NIL, X(0)]),
        op(Op::Call, &[U(1), F(21)]),
        op(Op::Jump, &[F(3)]),
    ];
    refused(&call, "reads x1");
}

#[test]
fn structured_operands() {
    let segment = |kind, value: A, size: A| {
        op(Op::BsCreateBin, &[F(0), U(0), U(2), U(8), X(0), List(vec![Atom(kind), U(1), U(8), NIL, value, size])])
    };
    taken(&[segment(8, X(0), I(1)), ret()]);
    taken(&[segment(9, U(1), I(2)), ret()]);
    refused(&[segment(9, U(1), I(3)), ret()], "takes 3 bytes at 1 of a string table of 3");
    refused(&[segment(12, X(0), I(1)), ret()], "has a segment of the unknown type bogus");
    refused(&[segment(8, X(5), I(1)), ret()], "reads x5");
    refused(&[op(Op::BsMatch, &[F(1), X(0), List(vec![Atom(7), U(8)])]), ret()], "has an unknown or broken match command");
    refused(
        &[op(Op::UpdateRecord, &[Atom(11), U(2), X(0), X(0), List(vec![U(3), X(1)])]), ret()],
        "has a place outside the tuple",
    );
    refused(&[op(Op::Move, &[Literal(0), X(0)]), ret()], "has a wrong operand (src: literal#0)");
    refused(&[op(Op::Move, &[Atom(99), X(0)]), ret()], "has a wrong operand");
    refused(&[op(Op::PutMapAssoc, &[F(0), X(0), X(0), U(2), List(vec![X(0)])]), ret()], "has a key without a value");
    refused(&[op(Op::InitYregs, &[List(vec![X(0)])]), ret()], "has a wrong operand in its list");
}

/// What a command of a match builds takes the registers that are not live, also where a later one fails.
#[test]
fn registers_after_a_failed_match() {
    let start = op(Op::BsStartMatch4, &[Atom(13), U(2), X(0), X(0)]);
    let ensure = |bits| [Atom(7), U(bits), U(1)];
    let integer = |live, bits, to| [Atom(8), U(live), NIL, U(bits), U(1), X(to)];
    let body = |commands: Vec<A>, from: u32| {
        let rest = [op(Op::Move, &[I(1), X(0)]), ret(), label(3), op(Op::Move, &[X(from), X(0)]), ret()];
        [&[start.clone(), op(Op::BsMatch, &[F(3), X(0), List(commands)])][..], &rest].concat()
    };
    // Only before anything is built.
    taken(&body([&ensure(64)[..], &integer(1, 64, 0)].concat(), 1));
    taken(&body([&ensure(72)[..], &integer(1, 64, 2), &integer(1, 8, 3)].concat(), 1));
    // Nothing is built for small ones.
    taken(&body([&integer(1, 8, 2)[..], &integer(1, 8, 3)].concat(), 1));
    // The second may fail.
    refused(&body([&integer(1, 64, 2)[..], &integer(1, 8, 3)].concat(), 1), "reads x1");
    taken(&body([&integer(2, 64, 2)[..], &integer(2, 8, 3)].concat(), 1));
    // What an earlier command has written is live for a later one, and for no earlier one.
    taken(&body([&ensure(128)[..], &integer(2, 64, 2), &integer(3, 64, 3)].concat(), 1));
    refused(&body([&ensure(128)[..], &integer(3, 64, 2), &integer(3, 64, 3)].concat(), 1), "needs x2");
}
