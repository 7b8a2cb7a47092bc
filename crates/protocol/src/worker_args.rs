//! The flags of `whaledeck-engine serve` and `inspect`: parsed by the worker (feature `clap`), written by
//! `to_args` for whoever starts it. A test in `tests/` holds that what is written is parsed to the same
//! values.
use std::ffi::{OsStr, OsString};
use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::PlaceChoice;

/// Loopback: a worker is reachable from other hosts only when asked to be.
pub const DEFAULT_HOST: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
/// Conversations that a worker answers at once when its start names no number.
pub const DEFAULT_SEQUENCES: u8 = 2;
const DEFAULT_PREFIX_CACHE_MIB: u64 = 2048;

#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "clap", derive(clap::Args))]
pub struct WorkerArgs {
    /// A folder with safetensors or a GGUF, or a .gguf file.
    #[cfg_attr(feature = "clap", arg(long))]
    pub model: PathBuf,
    /// Name under which the model is served; the folder's own when absent.
    #[cfg_attr(feature = "clap", arg(long))]
    pub model_name: Option<String>,
    #[cfg_attr(feature = "clap", arg(long, default_value_t = DEFAULT_HOST))]
    pub host: IpAddr,
    /// 0 takes a free one.
    #[cfg_attr(feature = "clap", arg(long, default_value_t = 0))]
    pub port: u16,
    /// Environment variable that holds the key callers must send.
    #[cfg_attr(feature = "clap", arg(long))]
    pub api_key_env: Option<String>,
    /// File with hashes of the keys of other programs, which is read again when it changes.
    #[cfg_attr(feature = "clap", arg(long))]
    pub keys: Option<PathBuf>,
    /// Requests a minute that each of those keys may make; 0 is no limit.
    #[cfg_attr(feature = "clap", arg(long, requires = "keys"))]
    pub rate: Option<u32>,
    /// File for a line about each of their requests, without the prompt or the answer.
    #[cfg_attr(feature = "clap", arg(long, requires = "keys"))]
    pub request_log: Option<PathBuf>,
    /// Tokens of one conversation; 4096 when absent, or the model's own limit where that is less.
    #[cfg_attr(feature = "clap", arg(long, value_parser = clap::value_parser!(u32).range(1..)))]
    pub context: Option<u32>,
    /// Conversations answered at once, 1 to 8.
    #[cfg_attr(
        feature = "clap",
        arg(long, default_value_t = DEFAULT_SEQUENCES, value_parser = clap::value_parser!(u8).range(1..=8))
    )]
    pub sequences: u8,
    /// Where to compute: auto (a card when the whole model fits it), cpu, card or card:N.
    #[cfg_attr(feature = "clap", arg(long, default_value_t = PlaceChoice::Auto))]
    pub place: PlaceChoice,
    /// Threads of the processor; one for each of its cores when absent.
    #[cfg_attr(feature = "clap", arg(long, value_parser = clap::value_parser!(u16).range(1..=1024)))]
    pub threads: Option<u16>,
    /// How the KV cache is stored; bf16 up to 8192 tokens of context and fp8 above when absent.
    #[cfg_attr(feature = "clap", arg(long))]
    pub cache_dtype: Option<CacheDtype>,
    /// Quantise wider weights to this type while they are read.
    #[cfg_attr(feature = "clap", arg(long))]
    pub shrink: Option<WeightDtype>,
    /// In what a processor multiplies quantised weights: int16 rounds activations to 16 bits and is faster,
    /// f32 keeps all their bits.
    #[cfg_attr(feature = "clap", arg(long, default_value = "int16"))]
    pub activations: ActivationDtype,
    /// Draft several tokens at once where that is faster; answers stay the same.
    #[cfg_attr(feature = "clap", arg(long, default_value = "auto"))]
    pub speculation: SpeculationMode,
    /// Folder in which the KV of prompts is kept for the next start.
    #[cfg_attr(feature = "clap", arg(long))]
    pub prefix_cache: Option<PathBuf>,
    /// The most that may be kept there, in MiB.
    #[cfg_attr(feature = "clap", arg(long, default_value_t = DEFAULT_PREFIX_CACHE_MIB))]
    pub prefix_cache_mib: u64,
    /// Folder from which images with file addresses may be read; may be given again. None when absent.
    #[cfg_attr(feature = "clap", arg(long, value_name = "FOLDER"))]
    pub allow_picture_folder: Vec<PathBuf>,
    /// Host (or host:port) from which images may be fetched, even on the local network; may be given again.
    #[cfg_attr(feature = "clap", arg(long, value_name = "HOST"))]
    pub allow_picture_host: Vec<String>,
    /// Let images be fetched from every host with a public address.
    #[cfg_attr(feature = "clap", arg(long))]
    pub allow_picture_web: bool,
    /// Name under which this computer is reached without a key, besides localhost and its address; may be
    /// given again.
    #[cfg_attr(feature = "clap", arg(long, value_name = "HOST"))]
    pub allow_host: Vec<String>,
    /// Origin whose pages may use the API in a browser, such as app://obsidian.md; may be given again.
    #[cfg_attr(feature = "clap", arg(long, value_name = "ORIGIN"))]
    pub allow_origin: Vec<String>,
    /// End when this process has ended.
    #[cfg_attr(feature = "clap", arg(long))]
    pub parent_pid: Option<u32>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "clap", derive(clap::Args))]
pub struct InspectArgs {
    /// A folder with safetensors or a GGUF, or a .gguf file.
    pub file: PathBuf,
    /// Everything, each tensor included, as JSON.
    #[cfg_attr(feature = "clap", arg(long))]
    pub json: bool,
    /// Only say whether it would start: a JSON line with the reason where it would not.
    #[cfg_attr(feature = "clap", arg(long, conflicts_with = "json"))]
    pub check: bool,
}

/// The flags of `whaledeck-engine extract`, which reads the document from standard input.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "clap", derive(clap::Args))]
pub struct ExtractArgs {
    /// The name of the file, whose ending decides where the content does not.
    #[cfg_attr(feature = "clap", arg(long, default_value = "", allow_hyphen_values = true))]
    pub name: String,
    /// A page of a PDF as PNG on standard output, counted from 1, instead of its text.
    #[cfg_attr(feature = "clap", arg(long))]
    pub page: Option<u32>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, strum::IntoStaticStr)]
#[cfg_attr(feature = "clap", derive(clap::ValueEnum))]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum CacheDtype {
    Bf16,
    Fp8,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, strum::IntoStaticStr)]
#[cfg_attr(feature = "clap", derive(clap::ValueEnum))]
#[cfg_attr(feature = "clap", value(rename_all = "snake_case"))]
#[strum(serialize_all = "lowercase")]
#[serde(rename_all = "lowercase")]
pub enum WeightDtype {
    F32,
    F16,
    Bf16,
    #[strum(serialize = "q8_0")]
    #[serde(rename = "q8_0")]
    #[cfg_attr(feature = "clap", value(name = "q8_0", alias = "Q8_0"))]
    Q80,
    #[strum(serialize = "q6_k")]
    #[serde(rename = "q6_k")]
    #[cfg_attr(feature = "clap", value(name = "q6_k", alias = "Q6_K"))]
    Q6K,
    #[strum(serialize = "q4_k")]
    #[serde(rename = "q4_k")]
    #[cfg_attr(feature = "clap", value(name = "q4_k", alias = "Q4_K"))]
    Q4K,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::IntoStaticStr)]
#[cfg_attr(feature = "clap", derive(clap::ValueEnum))]
#[strum(serialize_all = "lowercase")]
pub enum ActivationDtype {
    F32,
    Int16,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::IntoStaticStr)]
#[cfg_attr(feature = "clap", derive(clap::ValueEnum))]
#[strum(serialize_all = "lowercase")]
pub enum SpeculationMode {
    Auto,
    Off,
}

impl WorkerArgs {
    /// A worker of this model with the default of every other flag.
    pub fn new(model: impl Into<PathBuf>) -> Self {
        Self {
            model: model.into(),
            model_name: None,
            host: DEFAULT_HOST,
            port: 0,
            api_key_env: None,
            keys: None,
            rate: None,
            request_log: None,
            context: None,
            sequences: DEFAULT_SEQUENCES,
            place: PlaceChoice::Auto,
            threads: None,
            cache_dtype: None,
            shrink: None,
            activations: ActivationDtype::Int16,
            speculation: SpeculationMode::Auto,
            prefix_cache: None,
            prefix_cache_mib: DEFAULT_PREFIX_CACHE_MIB,
            allow_picture_folder: Vec::new(),
            allow_picture_host: Vec::new(),
            allow_picture_web: false,
            allow_host: Vec::new(),
            allow_origin: Vec::new(),
            parent_pid: None,
        }
    }

    /// The command line that a worker parses to these values; flags with their default are left out.
    pub fn to_args(&self) -> Vec<OsString> {
        let default = Self::new("");
        let mut args = Args(vec!["serve".into()]);
        args.flag("--model", Some(&self.model));
        args.flag("--model-name", self.model_name.as_ref());
        args.flag("--context", self.context.map(|context| context.to_string()));
        args.flag("--host", changed(&self.host, &default.host));
        args.flag("--port", changed(&self.port, &default.port));
        args.flag("--api-key-env", self.api_key_env.as_ref());
        args.flag("--keys", self.keys.as_ref());
        args.flag("--rate", self.rate.map(|rate| rate.to_string()));
        args.flag("--request-log", self.request_log.as_ref());
        args.flag("--sequences", changed(&self.sequences, &default.sequences));
        args.flag("--place", changed(&self.place, &default.place));
        args.flag("--threads", self.threads.map(|threads| threads.to_string()));
        args.flag("--cache-dtype", self.cache_dtype.map(<&str>::from));
        args.flag("--shrink", self.shrink.map(<&str>::from));
        let activations = Some(self.activations).filter(|dtype| *dtype != default.activations);
        args.flag("--activations", activations.map(<&str>::from));
        let speculation = Some(self.speculation).filter(|mode| *mode != default.speculation);
        args.flag("--speculation", speculation.map(<&str>::from));
        args.flag("--prefix-cache", self.prefix_cache.as_ref());
        args.flag("--prefix-cache-mib", changed(&self.prefix_cache_mib, &default.prefix_cache_mib));
        for folder in &self.allow_picture_folder {
            args.flag("--allow-picture-folder", Some(folder));
        }
        for host in &self.allow_picture_host {
            args.flag("--allow-picture-host", Some(host));
        }
        args.0.extend(self.allow_picture_web.then(|| "--allow-picture-web".into()));
        for host in &self.allow_host {
            args.flag("--allow-host", Some(host));
        }
        for origin in &self.allow_origin {
            args.flag("--allow-origin", Some(origin));
        }
        args.flag("--parent-pid", self.parent_pid.map(|pid| pid.to_string()));
        args.0
    }
}

impl InspectArgs {
    /// The command line that a worker parses to these values.
    pub fn to_args(&self) -> Vec<OsString> {
        let mut args = vec!["inspect".into()];
        args.extend(self.json.then(|| "--json".into()));
        args.extend(self.check.then(|| "--check".into()));
        if begins_with_hyphen(self.file.as_os_str()) {
            args.push("--".into());
        }
        args.push(self.file.clone().into());
        args
    }
}

impl ExtractArgs {
    /// The command line that a worker parses to these values.
    pub fn to_args(&self) -> Vec<OsString> {
        let mut args = vec!["extract".into()];
        args.push(format!("--name={}", self.name).into());
        args.extend(self.page.map(|page| format!("--page={page}").into()));
        args
    }
}

fn changed<T: PartialEq + ToString>(value: &T, default: &T) -> Option<String> {
    (value != default).then(|| value.to_string())
}

fn begins_with_hyphen(value: &OsStr) -> bool {
    value.as_encoded_bytes().first() == Some(&b'-')
}

struct Args(Vec<OsString>);

impl Args {
    fn flag(&mut self, name: &str, value: Option<impl AsRef<OsStr>>) {
        let Some(value) = value else { return };
        let value = value.as_ref();
        let mut name = OsString::from(name);
        if begins_with_hyphen(value) {
            // As a second word it would be parsed as a flag.
            name.push("=");
            name.push(value);
            self.0.push(name);
        } else {
            self.0.extend([name, value.to_owned()]);
        }
    }
}
