//! Machines with a real sshd each. Where this user may make network namespaces each has one of its own, with a loopback that
//! only it can reach; else all are on the loopback of this computer. Keys are made here and trusted here only.
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

pub struct Machines {
    servers: Vec<Child>,
    namespaces: Vec<String>,
    places: Vec<(String, u16, Option<String>)>,
    folder: PathBuf,
    binary: PathBuf,
}

fn run(program: &str, words: &[&str]) -> bool {
    let status = Command::new(program)
        .args(words)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    status.is_ok_and(|status| status.success())
}

fn sshd() -> Option<PathBuf> {
    let named = std::env::var_os("WHALEDECK_SSHD").filter(|it| !it.is_empty()).map(PathBuf::from);
    named.or_else(|| Some(PathBuf::from("/usr/sbin/sshd"))).filter(|it| it.is_file())
}

impl Machines {
    /// `m0`, `m1`, … of the configuration in `folder/ssh_config`; nothing, and why, where there is no sshd.
    pub fn start(folder: &Path, count: usize) -> Option<Self> {
        let Some(binary) = sshd() else {
            eprintln!("not run: no sshd here (WHALEDECK_SSHD names none, and there is no /usr/sbin/sshd)");
            return None;
        };
        let mut machines = Self {
            servers: Vec::new(),
            namespaces: Vec::new(),
            places: Vec::new(),
            folder: folder.to_owned(),
            binary,
        };
        for key in ["host", "user"] {
            let path = folder.join(key).display().to_string();
            assert!(
                run("ssh-keygen", &["-q", "-t", "ed25519", "-N", "", "-f", &path]),
                "ssh-keygen makes a key"
            );
        }
        let user = Command::new("id").arg("-un").output().expect("id runs").stdout;
        let user = String::from_utf8_lossy(&user).trim().to_owned();
        let host_key = std::fs::read_to_string(folder.join("host.pub")).expect("is there");
        let host_key = host_key.split(' ').take(2).collect::<Vec<_>>().join(" ");
        let (mut config, mut known) = (String::new(), String::new());
        for number in 0..count {
            let (host, namespace) = machines.place(number);
            let port = super::free_port();
            machines.serve(number, &host, port, namespace.as_deref());
            machines.places.push((host.clone(), port, namespace));
            let path = |name: &str| folder.join(name).display().to_string();
            config += &format!(
                "Host m{number}\n  HostName {host}\n  Port {port}\n  User {user}\n  IdentityFile {}\n  IdentitiesOnly yes\n  \
                 UserKnownHostsFile {}\n",
                path("user"),
                path("known")
            );
            known += &format!("[{host}]:{port} {host_key}\n");
        }
        std::fs::write(folder.join("known"), known).expect("is written");
        std::fs::write(folder.join("ssh_config"), config).expect("is written");
        Some(machines)
    }

    /// Whether each has a network of its own.
    pub fn apart(&self) -> bool {
        !self.namespaces.is_empty()
    }

    /// The state folder of a machine, as if it had a home of its own.
    pub fn state(&self, number: usize) -> PathBuf {
        self.folder.join(format!("state{number}"))
    }

    /// An address of its own where it may be had.
    fn place(&mut self, number: usize) -> (String, Option<String>) {
        // Other tests, and other runs, go on beside this one.
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let mine = NEXT.fetch_add(1, Ordering::Relaxed);
        let id = format!("{:x}x{mine}", std::process::id());
        let net = (std::process::id() * 8 + mine) % 200 + 20;
        let (name, veth) = (format!("wd{id}m{number}"), format!("wd{id}v{number}"));
        let (here, there) =
            (format!("10.213.{net}.{}/30", number * 4 + 1), format!("10.213.{net}.{}/30", number * 4 + 2));
        let made = run("ip", &["netns", "add", &name]);
        if made {
            self.namespaces.push(name.clone());
        }
        let joined = made
            && run("ip", &["link", "add", &veth, "type", "veth", "peer", "name", "eth0", "netns", &name])
            && run("ip", &["addr", "add", &here, "dev", &veth])
            && run("ip", &["link", "set", &veth, "up"])
            && run("ip", &["-n", &name, "addr", "add", &there, "dev", "eth0"])
            && run("ip", &["-n", &name, "link", "set", "eth0", "up"])
            && run("ip", &["-n", &name, "link", "set", "lo", "up"]);
        if joined {
            return (there.trim_end_matches("/30").to_owned(), Some(name));
        }
        assert!(self.namespaces.is_empty(), "a namespace without a network");
        eprintln!("no network namespaces here: the machines share this computer's loopback");
        ("127.0.0.1".to_owned(), None)
    }

    fn serve(&mut self, number: usize, host: &str, port: u16, namespace: Option<&str>) {
        let folder = self.folder.display();
        let state = self.state(number);
        std::fs::create_dir_all(&state).expect("is made");
        std::fs::copy(self.folder.join("user.pub"), self.folder.join("authorized")).expect("is copied");
        let text = format!(
            "Port {port}\nListenAddress {host}\nHostKey {folder}/host\nAuthorizedKeysFile {folder}/authorized\nPidFile none\n\
             StrictModes no\nUsePAM no\nPasswordAuthentication no\nKbdInteractiveAuthentication no\n\
             PermitRootLogin prohibit-password\nSetEnv XDG_STATE_HOME={}\n",
            state.display()
        );
        let config = self.folder.join(format!("sshd_config{number}"));
        std::fs::write(&config, text).expect("is written");
        let mut words: Vec<String> = Vec::new();
        if let Some(name) = namespace {
            words.extend(["ip", "netns", "exec", name].map(str::to_owned));
        }
        let sshd = format!("exec {} -D -e -f {}", self.binary.display(), config.display());
        // As root, sshd wants a user and a folder that its package makes. Where it was only unpacked they are there for it alone.
        let unpacked =
            run("sh", &["-c", "[ $(id -u) = 0 ] && { ! getent passwd sshd || ! [ -d /run/sshd ]; }"]);
        let script = if unpacked {
            words.extend(["unshare", "-m"].map(str::to_owned));
            let passwd = self.folder.join("passwd");
            let known = std::fs::read_to_string("/etc/passwd").expect("reads");
            std::fs::write(&passwd, known + "sshd:x:65533:65534::/run/sshd:/usr/sbin/nologin\n")
                .expect("is written");
            format!(
                "mount --bind {} /etc/passwd && mount -t tmpfs none /run && mkdir -m 755 /run/sshd && {sshd}",
                passwd.display()
            )
        } else {
            sshd
        };
        words.extend(["sh".to_owned(), "-c".to_owned(), script]);
        let log = std::fs::File::create(self.folder.join(format!("sshd{number}.log"))).expect("is made");
        // Its libraries lie beside it where it was unpacked.
        let root = self.binary.ancestors().nth(3).filter(|root| *root != Path::new("/"));
        let libraries = root.and_then(|root| {
            let mut all = std::fs::read_dir(root.join("usr/lib")).ok()?.flatten().map(|one| one.path());
            all.find(|path| path.to_string_lossy().ends_with("-linux-gnu"))
        });
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        if let Some(libraries) = libraries {
            command.env("LD_LIBRARY_PATH", libraries);
        }
        self.servers.push(command.spawn().expect("sshd starts"));
        let end = Instant::now() + Duration::from_secs(20);
        while std::net::TcpStream::connect((host, port)).is_err() {
            let said =
                std::fs::read_to_string(self.folder.join(format!("sshd{number}.log"))).unwrap_or_default();
            assert!(Instant::now() < end, "sshd does not answer: {said}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Ends every line to the machines, and lets no new one in, as when a cable is pulled.
    pub fn cut(&mut self) {
        for server in &mut self.servers {
            let _ = server.kill();
            let _ = server.wait();
        }
        let config = self.folder.join("ssh_config").display().to_string();
        let found =
            Command::new("pgrep").args(["-f", &format!("^ssh -F {config}")]).output().expect("pgrep runs");
        for pid in String::from_utf8_lossy(&found.stdout).lines() {
            run("kill", &["-KILL", pid]);
        }
    }

    pub fn mend(&mut self) {
        self.servers.clear();
        for (number, (host, port, namespace)) in self.places.clone().into_iter().enumerate() {
            self.serve(number, &host, port, namespace.as_deref());
        }
    }
}

impl Drop for Machines {
    fn drop(&mut self) {
        for server in &mut self.servers {
            let _ = server.kill();
            let _ = server.wait();
        }
        for name in &self.namespaces {
            run("ip", &["netns", "del", name]);
        }
    }
}
