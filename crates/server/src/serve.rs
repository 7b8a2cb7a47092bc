//! From the command line to a server that answers: bind, say where, load, say ready.
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::process::ExitCode;
use std::sync::Arc;

use protocol::{ErrorCode, WorkerArgs, WorkerFailure, WorkerLine};
use tokio::net::TcpListener;

use crate::door::Door;
use crate::hosts::HostCheck;
use crate::line::emit;
use crate::loaded::Loaded;
use crate::parent;
use crate::router::{Shared, router};
use crate::sources::Sources;

/// Serves until the process is told to end.
pub async fn serve(args: WorkerArgs) -> ExitCode {
    match start(args).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            emit(&WorkerLine::Failed { error });
            ExitCode::FAILURE
        }
    }
}

async fn start(args: WorkerArgs) -> Result<(), WorkerFailure> {
    let end = parent::asked_to_end(args.parent_pid);
    let key = args.api_key_env.as_ref().map(std::env::var);
    let key = key.transpose().map_err(|_| invalid("find the key in the named environment variable"))?;
    if !args.host.is_loopback() && key.is_none() && args.keys.is_none() {
        return Err(invalid("serve beyond this computer without a key"));
    }
    let sources = Sources::new(&args.allow_picture_folder, &args.allow_picture_host, args.allow_picture_web)
        .map_err(|error| invalid(&format!("open a folder that pictures may come from: {error}")))?;
    let name = args.model_name.clone().unwrap_or_else(|| {
        args.model.file_name().map_or_else(|| "model".to_owned(), |name| name.to_string_lossy().into_owned())
    });

    let listener = TcpListener::bind(SocketAddr::new(args.host, args.port)).await.map_err(|error| {
        let in_use = error.kind() == std::io::ErrorKind::AddrInUse;
        let code = if in_use { ErrorCode::PortInUse } else { ErrorCode::WorkerStartFailed };
        WorkerFailure::new(code, format!("listen on {}:{}: {error}", args.host, args.port))
            .with("port", args.port)
    })?;
    let address =
        listener.local_addr().map_err(|error| invalid(&format!("learn the own address: {error}")))?;
    emit(&WorkerLine::Listening { address: format!("http://{}", reachable(address)) });

    let shared = Arc::new(Shared::new(name.clone(), sources));
    let door = Door::new(key, args.keys.clone(), args.rate, args.request_log.clone());
    let hosts = HostCheck::new(door.open(), address.ip(), &args.allow_host);
    let loading = tokio::spawn(load(args, shared.clone(), name));
    let (ending, app) = (shared.clone(), router(shared, door, hosts));
    let server = async move { axum::serve(listener, app).await };
    tokio::select! {
        ended = server => ended.map_err(|error| invalid(&format!("go on serving: {error}"))),
        failure = failed(loading) => Err(failure),
        () = end => {
            if let Ok(loaded) = ending.loaded() {
                // What was read is saved, whoever is still being answered.
                loaded.engine.close();
            }
            // Not by returning: that would wait for a model that is still being read.
            std::process::exit(0)
        }
    }
}

/// Where this computer itself finds what listens at every address.
fn reachable(address: SocketAddr) -> SocketAddr {
    let loopback: IpAddr = match address.ip() {
        IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
    };
    if address.ip().is_unspecified() { SocketAddr::new(loopback, address.port()) } else { address }
}

/// Waits for a failure to load; a success waits for ever.
async fn failed(loading: tokio::task::JoinHandle<Result<(), WorkerFailure>>) -> WorkerFailure {
    match loading.await {
        Ok(Ok(())) => std::future::pending().await,
        Ok(Err(failure)) => failure,
        Err(error) => load_panicked(&error),
    }
}

async fn load(args: WorkerArgs, shared: Arc<Shared>, name: String) -> Result<(), WorkerFailure> {
    let progress_to = shared.clone();
    let loaded = tokio::task::spawn_blocking(move || {
        let mut told = 0;
        Loaded::open(&args, &mut |done, total| {
            progress_to.progress(done, total);
            // A line for each hundredth, not for each tensor.
            if done == 0 || (done - told) * 100 >= total {
                told = done;
                emit(&WorkerLine::Loading { done, total });
            }
        })
    });
    let loaded = loaded.await.map_err(|error| load_panicked(&error))??;
    let context_length = loaded.engine.context();
    shared.ready(loaded);
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    emit(&WorkerLine::Ready {
        model: name,
        context_length: u32::try_from(context_length).unwrap_or(u32::MAX),
        threads: u32::try_from(threads).unwrap_or(u32::MAX),
    });
    Ok(())
}

fn invalid(message: &str) -> WorkerFailure {
    WorkerFailure::new(ErrorCode::InvalidInput, message)
}

fn load_panicked(error: &tokio::task::JoinError) -> WorkerFailure {
    WorkerFailure::new(ErrorCode::Internal, format!("load the model: {error}"))
}
