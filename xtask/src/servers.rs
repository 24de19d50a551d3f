//! Servers of others, as Debian packages them, on ferrobeam: started by their own scripts, used by clients that know nothing of Erlang.
//! All that a run makes lies in a temporary directory with an epmd of its own; it ends what it started.

use std::fs;
use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::conform::Machine;
use crate::setup;
use crate::shell::{self, Outcome};

const RABBITMQ: &str = "/usr/lib/rabbitmq/bin";
const EJABBERDCTL: &str = "/usr/sbin/ejabberdctl";
const EJABBERD_CONFIG: &str = "/usr/share/ejabberd/ejabberd.yml.example";
/// Debian's own: the clients' modules are packaged for it.
const PYTHON: &str = "/usr/bin/python3";
const MESSAGES: usize = 100_000;

type Scenario = fn(&mut Place) -> Outcome<()>;
const SCENARIOS: &[(&str, Scenario)] = &[("rabbitmq", rabbitmq), ("cluster", cluster), ("ejabberd", ejabberd)];

/// `cargo xtask servers`.
pub fn command(args: &[String]) -> Outcome<bool> {
    let on_real = args.windows(2).any(|w| w == ["--on", "otp"]);
    let names: Vec<&String> = args.iter().filter(|a| *a != "--on" && *a != "otp").collect();
    let known: Vec<&str> = SCENARIOS.iter().map(|s| s.0).collect();
    if let Some(other) = names.iter().find(|n| !known.contains(&n.as_str())) {
        return Err(format!("no server {other}: there are {}", known.join(", ")));
    }
    setup::ensure()?;
    setup::need("python3", "python3")?;
    setup::need("openssl", "openssl")?;
    let has = |module: &str| Command::new(PYTHON).args(["-c", &format!("import {module}")]).stderr(Stdio::null()).status().is_ok_and(|s| s.success());
    let wanted = [
        ("rabbitmq-server", Path::new(RABBITMQ).join("rabbitmq-server").exists()),
        ("ejabberd", Path::new(EJABBERDCTL).exists()),
        ("python3-pika", has("pika")),
        ("python3-slixmpp", has("slixmpp")),
    ];
    let missing: Vec<&str> = wanted.iter().filter(|w| !w.1).map(|w| w.0).collect();
    if !missing.is_empty() {
        setup::install_without_services(&missing)?;
    }
    let machine = if on_real { None } else { Some(Machine::ferrobeam(&shell::build()?, &[])) };
    let bin = match &machine {
        Some(m) => m.launchers().ok_or("ferrobeam shims does not say where")?,
        None => real_bin()?,
    };
    let (mut passed, mut failed) = (0, 0);
    for (name, scenario) in SCENARIOS.iter().filter(|s| names.is_empty() || names.iter().any(|n| *n == s.0)) {
        let started = Instant::now();
        let mut place = Place::new(name, &bin)?;
        let outcome = scenario(&mut place);
        let seconds = started.elapsed().as_secs_f64();
        match outcome {
            Ok(()) => {
                passed += 1;
                println!("server {name}: ok in {seconds:.0} s");
            }
            Err(why) => {
                failed += 1;
                println!("server {name}: FAILED after {seconds:.0} s: {why}");
                place.keep = true;
            }
        }
    }
    println!("servers: {passed} passed, {failed} failed");
    Ok(failed == 0)
}

fn real_bin() -> Outcome<PathBuf> {
    Ok(setup::real("erl")?.parent().unwrap_or(Path::new("/usr/bin")).to_path_buf())
}

/// One run's directory, ports and programs.
struct Place {
    dir: PathBuf,
    /// Where the `erl` under test lies.
    bin: PathBuf,
    epmd: u16,
    started: Vec<(String, Child)>,
    keep: bool,
}

impl Place {
    fn new(name: &str, bin: &Path) -> Outcome<Place> {
        let dir = std::env::temp_dir().join(format!("ferrobeam-{name}.{}", std::process::id()));
        fs::create_dir_all(&dir).map_err(|e| format!("{}: {e}", dir.display()))?;
        let epmd = ports(1)?[0];
        let mut place = Place { dir, bin: bin.into(), epmd, started: vec![], keep: false };
        let mut command = Command::new(real_bin()?.join("epmd"));
        command.args(["-port", &epmd.to_string()]);
        place.start("epmd", &mut command)?;
        Ok(place)
    }
    fn path(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }
    /// Starts in the background in a process group of its own; what it says goes to NAME.log.
    fn start(&mut self, name: &str, command: &mut Command) -> Outcome<()> {
        let file = self.path(&format!("{name}.log"));
        let log = fs::File::create(&file).map_err(|e| format!("{}: {e}", file.display()))?;
        let errors = log.try_clone().map_err(|e| e.to_string())?;
        command.process_group(0).stdin(Stdio::null()).stdout(log).stderr(errors);
        let child = command.spawn().map_err(|e| format!("cannot run {command:?}: {e}"))?;
        self.started.push((name.into(), child));
        Ok(())
    }
    /// Ends a program as a failure of the machine's power would.
    fn kill(&mut self, name: &str) {
        while let Some(i) = self.started.iter().position(|s| s.0 == name) {
            let (_, mut child) = self.started.remove(i);
            let _ = Command::new("kill").args(["-KILL", "--", &format!("-{}", child.id())]).stderr(Stdio::null()).status();
            let _ = child.wait();
        }
    }
    /// Waits until a program has ended by itself.
    fn ended(&mut self, name: &str) -> Outcome<()> {
        let Some(i) = self.started.iter().position(|s| s.0 == name) else { return Ok(()) };
        let until = Instant::now() + Duration::from_secs(60);
        while Instant::now() < until {
            if self.started[i].1.try_wait().map_err(|e| e.to_string())?.is_some() {
                self.started.remove(i);
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Err(format!("{name} does not end"))
    }
    /// Waits until the log of a program has `text`.
    fn said(&mut self, name: &str, text: &str) -> Outcome<()> {
        let file = self.path(&format!("{name}.log"));
        let until = Instant::now() + Duration::from_secs(90);
        loop {
            let log = String::from_utf8_lossy(&fs::read(&file).unwrap_or_default()).into_owned();
            if log.contains(text) {
                return Ok(());
            }
            let gone = self.started.iter_mut().find(|s| s.0 == name).is_none_or(|s| !matches!(s.1.try_wait(), Ok(None)));
            if gone || Instant::now() > until {
                let how = if gone { "ended" } else { "is not ready in time" };
                return Err(format!("{name} {how}: {}\n{}", file.display(), shell::tail(&log, 20)));
            }
            std::thread::sleep(Duration::from_millis(100));
        }
    }
    /// What all Erlang programs of this run are given.
    fn environment(&self, command: &mut Command, bin: &Path, home: &Path) {
        let path = std::env::var("PATH").unwrap_or_default();
        command.env("PATH", format!("{}:{RABBITMQ}:{path}", bin.display()));
        command.env("HOME", home).env("ERL_EPMD_PORT", self.epmd.to_string()).env_remove("ERL_LIBS").env_remove("ERL_FLAGS");
    }
    fn client(&self, script: &str, args: &[&str]) -> Outcome<()> {
        let file = shell::root().join("tests/servers").join(script);
        let done = shell::capture(Command::new(PYTHON).arg(file).args(args), Duration::from_secs(300))?;
        for line in done.output.lines() {
            println!("  {line}");
        }
        if done.ok() { Ok(()) } else { Err(format!("{script} {} {}\n{}", args.join(" "), done.how(), shell::tail(&done.errors, 8))) }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let names: Vec<String> = self.started.iter().rev().map(|s| s.0.clone()).collect();
        for name in names {
            self.kill(&name);
        }
        if self.keep {
            println!("  its files: {}", self.dir.display());
        } else {
            let _ = fs::remove_dir_all(&self.dir);
        }
    }
}

/// Ports of the loopback interface that no one uses now.
fn ports(count: usize) -> Outcome<Vec<u16>> {
    let held: Vec<TcpListener> = (0..count).map(|_| TcpListener::bind("127.0.0.1:0")).collect::<Result<_, _>>().map_err(|e| e.to_string())?;
    held.iter().map(|l| l.local_addr().map(|a| a.port()).map_err(|e| e.to_string())).collect()
}

fn output(command: &mut Command) -> Outcome<String> {
    let done = shell::capture(command, Duration::from_secs(120))?;
    if done.ok() { Ok(done.output) } else { Err(format!("{command:?} {}\n{}{}", done.how(), done.output, shell::tail(&done.errors, 12))) }
}

/// A broker: its node name, its port, the machine that it runs on.
struct Broker {
    name: String,
    port: u16,
    distribution: u16,
    bin: PathBuf,
}

impl Broker {
    fn new(name: &str, bin: &Path) -> Outcome<Broker> {
        let free = ports(2)?;
        Ok(Broker { name: name.into(), port: free[0], distribution: free[1], bin: bin.into() })
    }
    fn node(&self) -> String {
        format!("{}@localhost", self.name)
    }
    fn command(&self, place: &Place, program: &str) -> Outcome<Command> {
        let home = place.path(&self.name);
        fs::create_dir_all(&home).map_err(|e| e.to_string())?;
        cookie(&home)?;
        let mut command = Command::new(Path::new(RABBITMQ).join(program));
        place.environment(&mut command, &self.bin, &home);
        command.env("RABBITMQ_NODENAME", self.node()).env("RABBITMQ_NODE_IP_ADDRESS", "127.0.0.1");
        command.env("RABBITMQ_NODE_PORT", self.port.to_string()).env("RABBITMQ_DIST_PORT", self.distribution.to_string());
        for (variable, file) in [
            ("CONF_ENV_FILE", "environment"),
            ("MNESIA_BASE", "mnesia"),
            ("LOG_BASE", "log"),
            ("ENABLED_PLUGINS_FILE", "plugins"),
            ("CONFIG_FILE", "rabbitmq"),
            ("PID_FILE", "pid"),
        ] {
            command.env(format!("RABBITMQ_{variable}"), home.join(file));
        }
        Ok(command)
    }
    fn start(&self, place: &mut Place) -> Outcome<()> {
        let mut server = self.command(place, "rabbitmq-server")?;
        place.start(&self.name, &mut server)?;
        place.said(&self.name, "completed with")
    }
    fn control(&self, place: &Place, args: &[&str]) -> Outcome<String> {
        output(self.command(place, "rabbitmqctl")?.arg("-q").args(args))
    }
    fn stop(&self, place: &mut Place) -> Outcome<()> {
        self.control(place, &["stop"])?;
        place.ended(&self.name)
    }
    fn client(&self, place: &Place, what: &str, queue: &str, count: usize, first: usize) -> Outcome<()> {
        place.client("amqp_client.py", &[what, &self.port.to_string(), queue, &count.to_string(), &first.to_string()])
    }
}

fn cookie(home: &Path) -> Outcome<()> {
    let file = home.join(".erlang.cookie");
    if !file.exists() {
        fs::write(&file, "servers").map_err(|e| e.to_string())?;
        shell::must(Command::new("chmod").arg("400").arg(&file))?;
    }
    Ok(())
}

/// Persistent messages survive a broker that is killed and one that is stopped: none is lost, all in order.
fn rabbitmq(place: &mut Place) -> Outcome<()> {
    let broker = Broker::new("rabbit", &place.bin.clone())?;
    broker.start(place)?;
    broker.client(place, "publish", "numbers", MESSAGES / 2, 0)?;
    place.kill(&broker.name);
    println!("  killed");
    broker.start(place)?;
    broker.client(place, "publish", "numbers", MESSAGES / 2, MESSAGES / 2)?;
    broker.stop(place)?;
    println!("  stopped");
    broker.start(place)?;
    let queues = broker.control(place, &["list_queues", "name", "messages"])?;
    println!("  {}", queues.trim().replace('\n', "\n  "));
    broker.client(place, "consume", "numbers", MESSAGES, 0)?;
    broker.control(place, &["status"])?;
    broker.stop(place)
}

/// Two brokers in a cluster, one on ferrobeam and one on the real Erlang: a queue on one is used through the other, also after its home
/// was killed and came back.
fn cluster(place: &mut Place) -> Outcome<()> {
    let ours = Broker::new("first", &place.bin.clone())?;
    let theirs = Broker::new("second", &real_bin()?)?;
    ours.start(place)?;
    theirs.start(place)?;
    theirs.control(place, &["stop_app"])?;
    theirs.control(place, &["join_cluster", &ours.node()])?;
    theirs.control(place, &["start_app"])?;
    for (home, other) in [(&ours, &theirs), (&theirs, &ours)] {
        println!("  queues on {}, used through {}", home.name, other.name);
        for kind in ["classic", "quorum"] {
            let queue = format!("{kind}-{}", home.name);
            home.client(place, &format!("publish-{kind}"), &queue, 1000, 0)?;
            other.client(place, &format!("publish-{kind}"), &queue, 9000, 1000)?;
        }
        place.kill(&home.name);
        running(place, other, &[other])?;
        home.start(place)?;
        running(place, other, &[home, other])?;
        running(place, home, &[home, other])?;
        for kind in ["classic", "quorum"] {
            other.client(place, &format!("consume-{kind}"), &format!("{kind}-{}", home.name), 10_000, 0)?;
        }
    }
    ours.stop(place)?;
    theirs.stop(place)
}

/// Waits until a broker sees exactly these running.
fn running(place: &Place, asked: &Broker, wanted: &[&Broker]) -> Outcome<()> {
    let ask = "lists:sort(rabbit_mnesia:cluster_nodes(running)).";
    let mut names: Vec<String> = wanted.iter().map(|b| format!("{}@localhost", b.name)).collect();
    names.sort();
    let wanted = format!("[{}]", names.join(","));
    let until = Instant::now() + Duration::from_secs(60);
    loop {
        let got = asked.control(place, &["eval", ask])?;
        if got.trim().replace('\'', "") == wanted {
            println!("  {} sees {wanted}", asked.name);
            return Ok(());
        }
        if Instant::now() > until {
            return Err(format!("{} sees {} and not {wanted}", asked.name, got.trim()));
        }
        std::thread::sleep(Duration::from_millis(300));
    }
}

/// Two users log in over TLS, chat and meet in a room, on a server with the package's own configuration.
fn ejabberd(place: &mut Place) -> Outcome<()> {
    let (config, logs, spool) = (place.path("config"), place.path("logs"), place.path("spool"));
    for dir in [&config, &logs, &spool] {
        fs::create_dir_all(dir).map_err(|e| format!("{}: {e}", dir.display()))?;
    }
    cookie(&place.dir)?;
    let usual = ["5222", "5223", "5269", "5443", "5280", "3478", "1883"];
    let free = ports(usual.len())?;
    let mut text = fs::read_to_string(EJABBERD_CONFIG).map_err(|e| format!("{EJABBERD_CONFIG}: {e}"))?;
    for (port, own) in usual.iter().zip(&free) {
        text = text.replace(&format!("port: {port}"), &format!("port: {own}"));
    }
    let certificate = config.join("server.pem");
    // The usual limit of 3000 bytes a second would make waiting most of the run.
    text = text.replace("/etc/ejabberd/ejabberd.pem", &certificate.display().to_string()).replace("rate: 3000", "rate: 300000");
    let (key, public) = (config.join("key.pem"), config.join("public.pem"));
    let mut make = Command::new("openssl");
    make.args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30", "-subj", "/CN=localhost", "-keyout"]);
    output(make.arg(&key).arg("-out").arg(&public))?;
    let read = |file: &Path| fs::read_to_string(file).map_err(|e| format!("{}: {e}", file.display()));
    let control = format!("ERL={0}/erl\nEPMD={0}/epmd\nEXEC_CMD=as_current_user\n", place.bin.display());
    for (file, text) in [
        ("server.pem", read(&key)? + &read(&public)?),
        ("ejabberd.yml", text),
        ("ejabberdctl.cfg", control),
        ("inetrc", "{lookup,[\"file\",\"native\"]}.\n{host,{127,0,0,1},[\"localhost\"]}.\n".into()),
    ] {
        fs::write(config.join(file), text).map_err(|e| e.to_string())?;
    }
    let ctl = |place: &Place, args: &[&str]| {
        let mut command = Command::new(EJABBERDCTL);
        place.environment(&mut command, &place.bin, &place.dir);
        // Root would become the package's user, who may not enter our directory: INSTALLUSER is the script's own, EXEC_CMD the configuration's.
        command.arg("--config-dir").arg(&config).arg("--logs").arg(&logs).arg("--spool").arg(&spool);
        command.args(["--node", "ejabberd@localhost"]).args(args);
        command
    };
    let mut server = ctl(place, &["foreground"]);
    place.start("ejabberd", &mut server)?;
    place.said("ejabberd", "is started in the node")?;
    for user in ["a", "b"] {
        println!("  {}", output(&mut ctl(place, &["register", user, "localhost", "secret"]))?.trim());
    }
    place.client("xmpp_client.py", &[&free[0].to_string(), "500"])?;
    let users = output(&mut ctl(place, &["stats", "registeredusers"]))?;
    if users.trim() != "2" {
        return Err(format!("{} users are registered", users.trim()));
    }
    output(&mut ctl(place, &["stop"]))?;
    place.ended("ejabberd")
}
