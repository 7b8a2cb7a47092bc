//! Deployments, their log lines and metrics, and reports of hosts as views of the contract.
//! GPUs of a host become a text such as "8xH100-80G" only where they are equal and in the catalogue.
use catalog::Catalog;
use contract::{
    DeploymentLine, DeploymentState, DeploymentView, EngineView, ErrorView, InstallView, MachineView,
    MetricsPoint, SamplingView,
};
use deploy::remote::{
    Deployment, Exposure, Gpu, Host, HostReport, InstalledEngine, LogLine, Phase, Point, Record, State,
};
use plan::Engine;
use protocol::ModelRef;

use crate::convert::failure_view;
use crate::convert::sampling_view;

/// The view of a watched deployment.
pub(crate) fn deployment_view(deployment: &Deployment) -> DeploymentView {
    let points = deployment.points().into_iter().map(point_view).collect();
    view(&deployment.record(), &deployment.state(), deployment.address(), points)
}

/// The view of a deployment that does not run.
pub(crate) fn stopped_view(record: &Record) -> DeploymentView {
    let state = State { phase: Phase::Stopped, tries: 0, connection_error: None };
    view(record, &state, None, Vec::new())
}

fn view(
    record: &Record,
    state: &State,
    address: Option<String>,
    points: Vec<MetricsPoint>,
) -> DeploymentView {
    let (shown, wait, error) = match &state.phase {
        Phase::Stopped => (DeploymentState::Stopped, None, None),
        Phase::Reattaching => (DeploymentState::Finding, None, None),
        Phase::Starting => (DeploymentState::Starting, None, None),
        Phase::Loading => (DeploymentState::Loading, None, None),
        Phase::Ready => (DeploymentState::Ready, None, None),
        Phase::Waiting { wait, why } => {
            (DeploymentState::Waiting, Some(wait.as_secs() as u32), Some(failure_view(why)))
        }
        Phase::Draining => (DeploymentState::Draining, None, None),
        Phase::Failed(failure) => (DeploymentState::Failed, None, Some(failure_view(failure))),
    };
    DeploymentView {
        id: record.id.clone(),
        name: record.name.clone(),
        chat_model: ModelRef::deployment(&record.id).to_string(),
        model_id: record.model_id.clone(),
        model_name: record.model_name.clone(),
        engine: record.engine.clone(),
        precision: record.precision.clone(),
        cards: record.gpus.clone(),
        context: record.context,
        sequences: record.sequences,
        machines: record.nodes.iter().map(|node| node.host.name().to_owned()).collect(),
        open: record.exposure != Exposure::Private,
        key: record.key.clone(),
        address,
        state: shown,
        wait,
        tries: state.tries,
        error,
        lost: state.connection_error.as_ref().map(failure_view),
        recommended: recommended(record),
        created_at: record.created_at.clone(),
        points,
    }
}

/// The sampling that the maker of the model recommends, for any engine.
pub(crate) fn recommended(record: &Record) -> SamplingView {
    Catalog::builtin()
        .model(&record.model_id)
        .map(|model| sampling_view(&model.recommended))
        .unwrap_or_default()
}

pub(crate) fn point_view(point: Point) -> MetricsPoint {
    let Point { tokens_per_second, running, waiting, cache, accepted } = point;
    MetricsPoint { tokens_per_second, running, waiting, cache, accepted }
}

pub(crate) fn line_view(line: LogLine) -> DeploymentLine {
    DeploymentLine { number: line.number as u32, machine: line.rank, text: line.text }
}

pub(crate) fn machine_view(machine: &Host, report: &HostReport) -> Result<MachineView, ErrorView> {
    Ok(MachineView {
        name: machine.name().to_owned(),
        system: report.system.clone(),
        engines: report.engines.iter().map(engine_view).collect(),
        missing: Engine::ALL
            .into_iter()
            .filter(|engine| report.installed(*engine).is_none())
            .map(install_view)
            .collect(),
        gpus: report.gpus.iter().map(|gpu| gpu.name.clone()).collect(),
        cards: cards(&report.gpus),
    })
}

fn install_view(engine: Engine) -> InstallView {
    let (command, first) = engine.install();
    InstallView { name: engine.name().to_owned(), command, first: first.to_owned() }
}

fn engine_view(installed: &InstalledEngine) -> EngineView {
    let InstalledEngine { engine, version } = installed;
    let other = version.as_deref().is_some_and(|version| !engine.matches_known_version(version));
    EngineView {
        name: engine.name().to_owned(),
        version: version.clone(),
        expected: engine.known_version().filter(|_| other).map(str::to_owned),
    }
}

/// The GPUs in the form of a plan: all of the same model, which the catalogue knows.
fn cards(gpus: &[Gpu]) -> Option<String> {
    let first = gpus.first()?;
    if gpus.iter().any(|gpu| gpu.name != first.name) {
        return None;
    }
    // The memory that drivers report differs by a few hundred MiB between versions.
    let near = |memory: u64| first.memory.is_some_and(|reported| memory.abs_diff(reported) * 20 < memory);
    let known = Catalog::builtin()
        .gpus()
        .iter()
        .filter(|card| first.name.contains(&card.name) && near(card.memory()));
    let card = known.max_by_key(|card| card.name.len())?;
    Some(format!("{}x{}", gpus.len(), card.label()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cards_of_a_driver_are_found_in_the_catalogue() {
        let gpu = |name: &str, mib: u64| Gpu { name: name.into(), memory: Some(mib << 20) };
        let several = vec![gpu("NVIDIA H100 80GB HBM3", 81_559); 8];
        assert_eq!(cards(&several).as_deref(), Some("8xH100-80G"));
        assert_eq!(cards(&[gpu("NVIDIA GeForce RTX 4090", 24_564)]).as_deref(), Some("1xRTX-4090-24G"));
        assert_eq!(
            cards(&[gpu("NVIDIA GeForce RTX 4090", 24_564), gpu("NVIDIA H100 80GB HBM3", 81_559)]),
            None
        );
        assert_eq!(cards(&[gpu("Some other card", 1)]), None);
        assert_eq!(cards(&[Gpu { name: "NVIDIA GB10".into(), memory: None }]), None);
        assert_eq!(cards(&[]), None);
        for card in Catalog::builtin().gpus() {
            let found = cards(&[gpu(&card.name, card.memory_mib)]);
            assert_eq!(found, Some(format!("1x{}", card.label())), "{}", card.name);
        }
    }
}
