fn main() { eprintln!("xtask: run | test"); }
