"""The bounds of a sweep: which there are, for which cells, and that each is trained once."""

import pytest
from sweep_parts import BASE, SWEEP, InProcess, write_sweep

from dvdn_sim import run
from dvdn_sim.algorithms import Consensus, Dvdn, DvdnGt, NetworkedQ, QLearning, Vdn
from dvdn_sim.records import load_run, read_cells
from dvdn_sim.reporting import read_study
from dvdn_sim.scenario import parse_scenario
from dvdn_sim.sweeps import central, load_cells, load_sweep, run_sweep, silent

BOUNDED = SWEEP + "bounds: true\n"


def axes(*lines):
    kept = BOUNDED
    for line in ("set: {algorithm.hidden: 5}\n", "compare: {rounds: 1}\n", "  axes: {loss: [20%]}\n"):
        kept = kept.replace(line, "")
    before, rest = kept.split("axes:\n")
    return f"{before}axes:\n{''.join(f'  - {line}{chr(10)}' for line in lines)}seeds{rest.split('seeds', 1)[1]}"


def cells(tmp_path, *lines):
    _, found = load_cells(write_sweep(tmp_path, axes(*lines)))
    return {cell.id: cell for cell in found}


ROUNDS = "{path: algorithm.consensus.rounds, values: [1, 2]}"
LOSS = "{path: network.link.loss, values: [0%, 20%]}"
ALGORITHM = """name: algorithm
    values:
      vdn: {algorithm: {kind: vdn, hidden: 4, lr: 3e-3}}
      iql: {algorithm: {kind: iql, hidden: 4, lr: 3e-3}}
      dvdn: {algorithm: {kind: dvdn, hidden: 4, lr: 3e-3}}
      gt: {algorithm: {kind: dvdn_gt, hidden: 4, lr: 3e-3}}"""


def test_networks_and_what_is_made_of_them_share_one_pair(tmp_path):
    found = cells(tmp_path, ROUNDS, LOSS)
    assert list(found)[4:] == ["bound=central", "bound=silent"]
    bounds = {"central": "bound=central", "silent": "bound=silent"}
    assert [cell.bounds for cell in found.values()] == [bounds] * 4 + [{}] * 2
    assert [cell.bound for cell in found.values()] == [""] * 4 + ["central", "silent"]
    assert found["bound=silent"].at == {"rounds": "", "loss": ""}
    assert {cell.scenario.seeds for cell in found.values()} == {(0, 1)}
    assert {cell.scenario.env for cell in found.values()} == {found["bound=central"].scenario.env}


def test_what_changes_the_learner_or_the_task_has_a_pair_of_its_own(tmp_path):
    found = cells(tmp_path, "{path: algorithm.lr, values: [1e-3, 3e-3]}", LOSS)
    assert list(found)[4:] == [f"bound={kind},lr={lr}" for kind in ("central", "silent") for lr in ("0.001", "0.003")]
    assert found["lr=0.001,loss=20%"].bounds["silent"] == "bound=silent,lr=0.001"
    assert found["bound=silent,lr=0.001"].scenario.algorithm.lr == 1e-3
    found = cells(tmp_path, "{path: env.max_num_food, values: [1, 2]}", LOSS)
    assert list(found)[4:] == [f"bound={kind},max_num_food={n}" for kind in ("central", "silent") for n in (1, 2)]


def test_a_bound_that_is_a_cell_is_not_trained_twice_and_what_sends_nothing_has_a_silent_one_too(tmp_path):
    found = cells(tmp_path, ALGORITHM, LOSS.replace("0%, 20%", "20%"))
    assert list(found)[4:] == ["bound=silent,loss=20%", "bound=silent,algorithm=gt,loss=20%"]
    assert {cell.bounds["central"] for cell in found.values() if not cell.bound} == {"algorithm=vdn,loss=20%"}
    silents = {name: cell.bounds["silent"] for name, cell in found.items() if not cell.bound}
    assert silents["algorithm=gt,loss=20%"] == "bound=silent,algorithm=gt,loss=20%"
    assert silents["algorithm=iql,loss=20%"] == silents["algorithm=dvdn,loss=20%"] == "bound=silent,loss=20%"


def test_bounds_that_no_label_tells_apart_are_numbered(tmp_path):
    values = ", ".join(
        f"{name}: {{algorithm.lr: {lr}, algorithm.consensus.rounds: {rounds}}}"
        for name, lr, rounds in (("a", 1e-3, 1), ("b", 1e-3, 2), ("c", 3e-3, 1), ("d", 3e-3, 2))
    )
    found = cells(tmp_path, f"{{name: way, values: {{{values}}}}}")
    assert list(found)[4:] == ["bound=central", "bound=central_1", "bound=silent", "bound=silent_1"]
    assert [found[f"way={way}"].bounds["silent"][12:] for way in "abcd"] == ["", "", "_1", "_1"]


@pytest.mark.parametrize("kind", ["dvdn", "dvdn_gt", "networked_q", "iql", "vdn", "qmix"])
def test_they_have_the_cells_learning_settings_and_are_scenarios(kind):
    settings = "hidden: 5, lr: 2e-3, gamma: 0.9, clip: 3, recurrent: false"
    scenario = parse_scenario(BASE, [f"algorithm={{kind: {kind}, {settings}}}"])
    for bound in (central(scenario), silent(scenario)):
        learner = bound.algorithm
        assert isinstance(learner, QLearning)
        assert (learner.hidden, learner.lr, learner.gamma, learner.clip) == (5, 2e-3, 0.9, 3.0)
        assert not learner.recurrent
        assert (bound.env, bound.training, bound.evaluation) == (scenario.env, scenario.training, scenario.evaluation)
    assert isinstance(central(scenario).algorithm, Vdn)
    own = silent(scenario).algorithm
    assert isinstance(own, {"networked_q": NetworkedQ, "dvdn_gt": DvdnGt}.get(kind, Dvdn))
    assert getattr(own, "consensus", Consensus(rounds=0)) == Consensus(rounds=0)
    assert (silent(scenario).network is None) == (kind not in ("dvdn_gt", "networked_q"))


def test_agents_that_do_nothing_while_they_are_down_are_down_in_the_bounds_too():
    faults = "faults: [{kind: crash, node: 0, at: 1 s, for: 1 s}]"
    scenario = parse_scenario(BASE, [f"network.{faults.replace(': ', '=', 1)}", "network.acting=noop"])
    for bound in (central(scenario), silent(scenario)):
        assert bound.network == scenario.network
    frozen = parse_scenario(BASE, [f"network.{faults.replace(': ', '=', 1)}"])
    assert central(frozen).network is silent(frozen).network is None


def returns(folder):
    return load_run(folder).metrics.filter(phase="evaluation").sort("seed", "env_steps")["return_mean"].to_list()


@pytest.mark.parametrize("changes", [[], ["algorithm.kind=dvdn_gt"]])
def test_silent_is_a_network_that_loses_everything(tmp_path, changes):
    """To the last digit, at every evaluation."""
    changes = [
        "training.steps=90", "evaluation.every=30", "evaluation.episodes=4", "seeds=[0, 1]", "algorithm.lr=3e-2",
        "env.players=3", "env.max_num_food=3", *changes,
    ]  # fmt: skip
    lost = parse_scenario(BASE, [*changes, "network.link.loss=100%"])
    run(lost, device="cpu", out=tmp_path / "lost")
    run(silent(parse_scenario(BASE, changes)), device="cpu", out=tmp_path / "silent")
    assert returns(tmp_path / "silent") == returns(tmp_path / "lost")
    run(central(lost), device="cpu", out=tmp_path / "central")
    assert returns(tmp_path / "central") != returns(tmp_path / "lost")


def test_they_are_run_listed_kept_and_found_again_and_are_no_cells_of_the_study(tmp_path):
    sweep, found = load_cells(write_sweep(tmp_path / "file", BOUNDED))
    executor = InProcess()
    table = run_sweep(sweep, found, executor, tmp_path / "out", device="cpu")
    assert executor.begun[-2:] == ["bound=central", "bound=silent"]
    assert read_cells(tmp_path / "out") == table
    assert load_cells(tmp_path / "out" / "sweep.yaml")[1] == found
    study = read_study([tmp_path / "out"])
    assert [cell.id for cell in study.cells] == [cell.id for cell in found[:4]]
    assert dict(study.axes) == {"rounds": ["1", "2"], "loss": ["0%", "20%"]}
    for cell in study.cells:
        assert {kind: each.id for kind, each in cell.bounds.items()} == {
            "central": "bound=central", "silent": "bound=silent",
        }  # fmt: skip


def test_an_axis_cannot_be_called_as_they_are(tmp_path):
    text = BOUNDED.replace("path: network.link.loss", "name: bound, path: network.link.loss")
    _, mistakes = load_sweep(write_sweep(tmp_path, text))
    assert "is what the cells of `bounds` are called; write another `name: ...`" in "\n".join(map(str, mistakes))
