//! From the flags to a server that answers: bind, print the address, load, print that it is ready.
//! The port answers while the model loads, with status 503, so that a client sees the progress.
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use protocol::{ErrorCode, WorkerArgs, WorkerFailure, WorkerLine};
use tokio::net::TcpListener;

use crate::auth::Auth;
use crate::cors::Origins;
use crate::heap;
use crate::host_check::HostCheck;
use crate::images::ImageFetcher;
use crate::lifecycle::shutdown_signal;
use crate::model::LoadedModel;
use crate::router::router;
use crate::state::AppState;
use crate::worker_line::emit;

/// From the loss of the card to the end of the process.
const LAST_ANSWERS: Duration = Duration::from_millis(300);

/// Serves until a signal ends the process.
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
    let shutdown = shutdown_signal(args.parent_pid);
    if let Some(threads) = args.threads {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads.into()).build_global();
        pool.map_err(|error| invalid(&format!("start {threads} threads: {error}")))?;
    }
    let key = args.api_key_env.as_ref().map(std::env::var);
    let key = key.transpose().map_err(|_| invalid("find the key in the named environment variable"))?;
    if !args.host.is_loopback() && key.is_none() && args.keys.is_none() {
        return Err(invalid("listen beyond this computer without a key"));
    }
    let fetcher =
        ImageFetcher::new(&args.allow_picture_folder, &args.allow_picture_host, args.allow_picture_web);
    let fetcher = fetcher.map_err(|error| invalid(&format!("open an allowed image folder: {error}")))?;
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
        listener.local_addr().map_err(|error| invalid(&format!("get the local address: {error}")))?;
    emit(&WorkerLine::Listening { address: format!("http://{}", reachable(address)) });

    let state = Arc::new(AppState::new(name.clone(), fetcher));
    let auth = Auth::new(key, args.keys.clone(), args.rate, args.request_log.clone());
    let hosts = HostCheck::new(auth.is_open(), address.ip(), &args.allow_host);
    let origins = Origins::new(&args.allow_origin);
    let loading = tokio::spawn(load(args, state.clone(), name));
    let app = router(state.clone(), auth, hosts, origins);
    let server = async move { axum::serve(listener, app).await };
    tokio::select! {
        ended = server => ended.map_err(|error| invalid(&format!("serve: {error}"))),
        failure = load_failure(loading) => Err(failure),
        reason = state.card_lost() => {
            // The answers that failed are still being sent.
            tokio::time::sleep(LAST_ANSWERS).await;
            Err(WorkerFailure::new(ErrorCode::CardLost, format!("compute on the card: {reason}"))
                .with("reason", reason))
        }
        () = shutdown => {
            if let Ok(model) = state.model() {
                // Saves the KV of prompts; answers that are running are cut off.
                model.engine.close();
            }
            // Returning would wait for a model that is still loading.
            std::process::exit(0)
        }
    }
}

/// The address for this computer itself when the server listens on every address.
fn reachable(address: SocketAddr) -> SocketAddr {
    let loopback: IpAddr = match address.ip() {
        IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
    };
    if address.ip().is_unspecified() { SocketAddr::new(loopback, address.port()) } else { address }
}

/// Resolves when loading fails, never when it succeeds.
async fn load_failure(loading: tokio::task::JoinHandle<Result<(), WorkerFailure>>) -> WorkerFailure {
    match loading.await {
        Ok(Ok(())) => std::future::pending().await,
        Ok(Err(failure)) => failure,
        Err(error) => load_panicked(&error),
    }
}

async fn load(args: WorkerArgs, state: Arc<AppState>, name: String) -> Result<(), WorkerFailure> {
    let progress_state = state.clone();
    let model = tokio::task::spawn_blocking(move || {
        let mut reported = 0;
        LoadedModel::open(&args, &mut |done, total| {
            progress_state.set_progress(done, total);
            // One line for each percent, not for each tensor.
            if done == 0 || (done - reported) * 100 >= total {
                reported = done;
                emit(&WorkerLine::Loading { done: done.into(), total: total.into() });
            }
        })
    });
    let model = model.await.map_err(|error| load_panicked(&error))??;
    heap::give_back();
    let (context_length, place) = (model.engine.context(), model.place.report.clone());
    state.set_model(model);
    let threads = rayon::current_num_threads();
    emit(&WorkerLine::Ready {
        model: name,
        context_length: context_length.into(),
        threads: u32::try_from(threads).unwrap_or(u32::MAX),
        place: Some(place),
    });
    Ok(())
}

fn invalid(message: &str) -> WorkerFailure {
    WorkerFailure::new(ErrorCode::InvalidInput, message)
}

fn load_panicked(error: &tokio::task::JoinError) -> WorkerFailure {
    WorkerFailure::new(ErrorCode::Internal, format!("load the model: {error}"))
}
