"""Policies, opponents and checkpoints are data: a file that would run code if trusted is refused, and runs none."""

import ast
import hashlib
import json
import os
import pickle
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

import dvdn_sim
import netmodels
from dvdn_sim import load_policy, run
from dvdn_sim.errors import RunFolderError
from dvdn_sim.records import read_sealed, write_sealed
from dvdn_sim.scenario import parse_scenario
from dvdn_sim.training import TrainedOpponent, build, policy_path
from dvdn_sim.training.teams import HEADER, load_team

SOURCES = [path for package in (dvdn_sim, netmodels) for path in Path(package.__file__).parent.rglob("*.py")]


class Payload:
    """Writes a file when it is unpickled."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self):
        return os.mkdir, (str(self.trace),)


@pytest.fixture
def trap(tmp_path):
    """Pickles, as every library writes them, and what they would leave behind."""
    trace = tmp_path / "pwned"
    torch.save({"weights": Payload(trace)}, tmp_path / "torch")
    contents = {
        "pickle": pickle.dumps(Payload(trace)),
        "pickle 0": pickle.dumps(Payload(trace), protocol=0),
        "torch": tmp_path.joinpath("torch").read_bytes(),
    }
    pickle.loads(contents["pickle"])  # noqa: S301  (it would)
    assert trace.is_dir()
    trace.rmdir()
    return contents, trace


@pytest.mark.parametrize("kind", ["pickle", "pickle 0", "torch"])
def test_a_pickle_is_no_policy_and_no_opponent(trap, tmp_path, kind):
    contents, trace = trap
    path = policy_path(tmp_path, 0)
    path.parent.mkdir()
    path.write_bytes(contents[kind])
    scenario = parse_scenario(
        "{name: a, seeds: [0], algorithm: {kind: iql}, training: {steps: 9, epsilon: {steps: 9}},"
        f" evaluation: {{every: 9, episodes: 1}}, env: {{kind: mpe_tag, opponent_policy: '{path}'}}}}"
    )
    for load in (
        lambda: load_policy(tmp_path, 0),
        lambda: load_team(path),
        lambda: TrainedOpponent(path, "agent_0", sees=14),
        lambda: build(scenario, device=torch.device("cpu")),
    ):
        with pytest.raises(RunFolderError, match="is damaged, or is not a trained team"):
            load()
    assert not trace.exists()


@pytest.mark.parametrize(
    ("kind", "what"),
    [("pickle", "facts"), ("pickle", "tensors"), ("pickle 0", "tensors"), ("torch", "tensors"), ("torch", "replay")],
)
def test_a_pickle_is_no_part_of_a_checkpoint(trap, tiny, tmp_path, kind, what):
    """Not even one whose hash is right."""
    contents, trace = trap
    folder = tmp_path / "run"

    def stop(*_):
        raise KeyboardInterrupt

    with pytest.raises(dvdn_sim.errors.InterruptedRun):
        run(tiny(), device="cpu", out=folder, checkpoint_every_s=0.0, progress=stop)
    newest = max(folder.glob("checkpoint/*.json"))
    written = read_sealed(newest)
    if what == "facts":
        newest.write_bytes(contents[kind])
    else:
        stored = written["tensors"] if what == "tensors" else written["replay"][0]
        newest.with_name(stored["name"]).write_bytes(contents[kind])
        stored["sha256"] = hashlib.sha256(contents[kind]).hexdigest()
        write_sealed(newest, written)
    said: list[str] = []
    try:
        run(tiny(), device="cpu", out=folder, resume=True, warn=said.append)
    except RunFolderError as error:
        said.append(str(error))
    assert any("checkpoint" in line for line in said)
    assert not trace.exists()


def _changed(path, header=None, tensors=None):
    """Write a policy again with another header, or other layers."""
    with safe_open(path, framework="pt") as file:
        said = json.loads(file.metadata()[HEADER])
    layers = load_file(path)
    said = header(said) if header else said
    text = said if isinstance(said, str) else json.dumps(said)
    save_file(tensors(layers) if tensors else layers, path, metadata={HEADER: text})


HEADERS = {
    "hidden of 10^9": lambda said: {**said, "hidden": 10**9},
    "hidden of 10^30": lambda said: {**said, "hidden": 10**30},
    "hidden below 0": lambda said: {**said, "hidden": -1},
    "hidden of a text": lambda said: {**said, "hidden": "8"},
    "a truth of a text": lambda said: {**said, "recurrent": "yes"},
    "no faces": lambda said: {**said, "faces": []},
    "other names": lambda said: {**said, "faces": [{**face, "name": "x"} for face in said["faces"]]},
    "an agent that sees more": lambda said: {**said, "faces": [{**face, "obs_dim": 999} for face in said["faces"]]},
    "an agent that does nothing": lambda said: {**said, "faces": [{**face, "n_actions": 0} for face in said["faces"]]},
    "an unknown key": lambda said: {**said, "code": "import os"},
    "another version": lambda said: {**said, "version": 2},
    "a list": lambda said: [said],
    "no JSON": lambda said: "__import__('os')",
    "deep JSON": lambda said: "[" * 100_000,
}
LAYERS = {
    "no layers": lambda layers: {"a": torch.zeros(1)},
    "one layer fewer": lambda layers: dict(list(layers.items())[1:]),
    "one layer more": lambda layers: {**layers, "a.b.c": torch.zeros(1)},
    "another shape": lambda layers: {name: values[:1].contiguous() for name, values in layers.items()},
}


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A policy of a team of three."""
    folder = tmp_path_factory.mktemp("trained")
    scenario = parse_scenario(
        "{name: a, seeds: [0], algorithm: {kind: iql, hidden: 4}, training: {steps: 9, batch: 1, epsilon: {steps: 9}},"
        " evaluation: {every: 9, episodes: 1}, env: {kind: mpe_spread, max_episode_steps: 3}}"
    )
    run(scenario, device="cpu", out=folder)
    return policy_path(folder, 0).read_bytes()


@pytest.mark.parametrize("case", [*HEADERS, *LAYERS])
def test_a_policy_that_is_not_what_it_says_is_refused_before_anything_is_built(trained, tmp_path, case):
    path = policy_path(tmp_path, 0)
    path.parent.mkdir()
    path.write_bytes(trained)
    assert load_policy(tmp_path, 0).agents == ("agent_0", "agent_1", "agent_2")
    _changed(path, HEADERS.get(case), LAYERS.get(case))
    with pytest.raises(RunFolderError, match=r"seed-0\.safetensors is damaged, or is not a trained team"):
        load_policy(tmp_path, 0)


def test_a_pipe_is_no_policy(tmp_path):
    policy_path(tmp_path, 0).parent.mkdir()
    os.mkfifo(policy_path(tmp_path, 0))
    with pytest.raises(RunFolderError, match="there is no trained team"):
        load_policy(tmp_path, 0)


MODULES = {
    "pickle", "cPickle", "dill", "cloudpickle", "joblib", "shelve", "marshal", "code", "codeop", "runpy", "imp", "pty",
    "ctypes", "xmlrpc",
}  # fmt: skip
CALLS = {
    "eval", "exec", "compile", "__import__", "os.system", "os.popen", "torch.load", "torch.jit.load", "torch.hub.load",
    "np.load", "numpy.load", "pl.read_json", "yaml.load", "yaml.load_all", "yaml.unsafe_load", "yaml.unsafe_load_all",
    "yaml.full_load", "yaml.full_load_all",
}  # fmt: skip
LOADERS = {"Loader", "FullLoader", "UnsafeLoader", "CLoader", "CFullLoader", "CUnsafeLoader"}


def dangerous(source: str) -> list[str]:
    """What in a module could run what a file says: imports, calls, and loaders of YAML that build objects."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names if alias.name.partition(".")[0] in MODULES]
        elif isinstance(node, ast.ImportFrom):
            every = [f"{node.module}.{alias.name}" for alias in node.names]
            found += [name for name in every if name.partition(".")[0] in MODULES or name in CALLS]
        elif isinstance(node, ast.Call) and ast.unparse(node.func) in CALLS:
            found.append(ast.unparse(node.func))
        elif isinstance(node, ast.keyword) and node.arg == "shell":
            found.append("shell")
        elif isinstance(node, ast.Attribute) and node.attr in LOADERS and ast.unparse(node.value) == "yaml":
            found.append(ast.unparse(node))
    return found


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("import pickle", ["pickle"]),
        ("from pickle import loads", ["pickle.loads"]),
        ("import torch\ntorch.load('x', weights_only=False)", ["torch.load"]),
        ("from torch import load", ["torch.load"]),
        ("eval('1')", ["eval"]),
        ("import yaml\nyaml.load(x, Loader=yaml.FullLoader)", ["yaml.load", "yaml.FullLoader"]),
        ("subprocess.run('x', shell=True)", ["shell"]),
        ("model.eval()\nyaml.parse(x, Loader=yaml.SafeLoader)\nload(x)", []),
    ],
)
def test_the_search_finds_what_it_is_for(source, found):
    assert sorted(dangerous(source)) == sorted(found)


def test_nothing_in_this_program_runs_what_a_file_says():
    assert len(SOURCES) > 100
    found = {str(path): names for path in SOURCES if (names := dangerous(path.read_text(encoding="utf-8")))}
    assert found == {}
