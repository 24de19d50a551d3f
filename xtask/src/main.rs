//! The project's own commands: `cargo xtask run`, `cargo xtask test` and what they are made of. Standard library only,
//! so that it builds in a second on a machine with nothing but Rust. Not here: anything that a user of ferrobeam needs.
#![forbid(unsafe_code)]

mod bench;
mod cluster;
mod conform;
mod examples;
mod fuzz;
mod generate;
mod kept;
mod run;
mod samebeams;
mod sanitize;
mod servers;
mod setup;
mod shell;
mod soak;
mod suites;
mod test;
mod tidy;

use std::process::ExitCode;

const HELP: &str = "\
cargo xtask COMMAND
  run [-- FILE or ARGS]     build ferrobeam and run FILE (.exs .ex .erl .beam) on it, or `elixir ARGS`; nothing: iex, or the
                            tour where there is no terminal
  test [--fast]             everything: units, conform, cluster, examples, tidy (--fast: no units)
  conform [NAME..] [--on otp] [--eager]  cases of tests/conform on ferrobeam (and the real Erlang side by side; with all
                            functions in machine code); UPDATE=1 records
                            the real one's answers; FERROBEAM_OTP chooses the libraries
  conform otp|elixir [NAME..]  the suites of OTP or Elixir from Debian's source packages, on both, against tests/otp/failing.tsv
  tools [NAME..] [--on otp] dialyzer, common_test, mnesia, release_handler and others, used on ferrobeam: cases of tests/tools (minutes)
  examples [NAME..]         programs of examples/ against their recorded output; UPDATE=1 records
  cluster [mixed|tls|doors|cut]  ferrobeam and the real Erlang as nodes of one cluster: tables of tests/cluster, each side in turn, also in TLS, with
                            erl_call, remote shells and nodes in C, and with the wire cut (where network namespaces are permitted);
                            FERROBEAM_CLUSTER_ERL=PROGRAM: the other node's erl, of whatever release (see xtask/src/cluster.rs)
  servers [rabbitmq|cluster|ejabberd] [--on otp]  packaged servers with real clients; RabbitMQ in a cluster with the real Erlang
  samebeams [APP..]         OTP's sources compiled on ferrobeam and on the real Erlang: the same files, byte for byte
  kept                      machine code that is kept on disk: used, compared with fresh one, refused where broken or foreign
  tidy                      storeys, unsafe rooms, comments, dead files, paths in documents
  bench [NAME..]            our own small programs, on ferrobeam and on the real Erlang
  torture [NAME..]          conform and examples with a collection at every allocation and one reduction a slice
  sanitize [NAME..]         conform on a build under AddressSanitizer
  soak [SECONDS]            spawning, crashing, messaging with the heap checker on, memory watched (600)
  soak suites [SECONDS [SEED]]  OTP's suites in random order under the torture options (3600)
  generate [SECONDS [SEED]] random modules on the real Erlang and on every engine: the same results (60)
  fuzz [NAME..] [--keep]    the targets of fuzz/ under libFuzzer, FUZZ_SECONDS each (60); --keep reduces and keeps the corpus
";

fn main() -> ExitCode {
    let mut args: Vec<String> = std::env::args().skip(1).collect();
    if args.is_empty() {
        print!("{HELP}");
        return ExitCode::from(2);
    }
    let command = args.remove(0);
    let done = match command.as_str() {
        "run" => run::run(&args),
        "test" => test::test(&args),
        "conform" if args.first().is_some_and(|a| a == "otp" || a == "elixir") => suites::command(&args),
        "conform" => conform::command(&args, &[]),
        "tools" => conform::tools(&args),
        "kept" => kept::command(),
        "examples" => examples::command(&args, &[]),
        "cluster" => cluster::command(&args),
        "servers" => servers::command(&args),
        "samebeams" => samebeams::command(&args),
        "tidy" => tidy::command(),
        "bench" => bench::command(&args),
        "torture" => test::torture(&args),
        "sanitize" => sanitize::command(&args),
        "fuzz" => fuzz::command(&args),
        "generate" => generate::command(&args),
        "soak" => soak::command(&args),
        "help" | "--help" | "-h" => {
            print!("{HELP}");
            Ok(true)
        }
        other => Err(format!("unknown command {other}\n{HELP}")),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(message) => {
            eprintln!("xtask: {message}");
            ExitCode::FAILURE
        }
    }
}
