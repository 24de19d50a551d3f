//! Runs one function without OTP's start-up: `apply FOLDER MODULE FUNCTION ARGS...` (integers or atoms) loads all `.beam` files of the
//! folder on top of the preloaded modules. What the function raises is printed.

use term::{Term, atom};

fn main() {
    let mut args = std::env::args().skip(1);
    let folder = args.next().expect("FOLDER");
    let module = args.next().expect("MODULE");
    let function = args.next().expect("FUNCTION");
    let mut config = vm::config::Config::new(1);
    config.otp.root = std::env::var_os("ROOTDIR").unwrap_or("/usr/lib/erlang".into()).into();
    config.otp.release = "25".into();
    config.boot_module = "init".into();
    let vm = vm::Vm::bare(config, sys::World::process()).expect("a node");
    for e in std::fs::read_dir(&folder).expect("the folder").flatten() {
        if e.path().extension().is_some_and(|x| x == "beam") {
            let bytes = std::fs::read(e.path()).expect("a file");
            let p = vm.node().code.prepare(&bytes, &|b, a| bifs::resolver::decode_literal(vm.node(), b, a)).expect("code");
            vm.node().code.load(&p).expect("loads");
        }
    }
    let list = process::Owned::build(|a| {
        let terms: Vec<Term> = args.map(|s| s.parse::<i64>().map_or_else(|_| atom::intern(&s), Term::small)).collect();
        a.list(&terms)
    });
    let spawned =
        vm.node().spawn(None, node::SpawnOptions::default(), atom::intern(&module), atom::intern(&function), list.term).expect("room");
    while vm.node().is_alive(spawned.pid) {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
}
