"""Checkpoints on the disk: the last two, whole or not used, and no more of the replay than is new."""

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from dvdn_sim.errors import RunFolderError
from dvdn_sim.learners import EpisodeReplay, Episodes
from dvdn_sim.records import read_sealed, write_sealed
from dvdn_sim.training import Checkpoints, safetensors_of

CAPACITY, AGENTS, STEPS, WIDTH = 6, 2, 3, 4


def ring(capacity: int = CAPACITY) -> EpisodeReplay:
    return EpisodeReplay(
        [0, 1],
        capacity=capacity,
        n_agents=AGENTS,
        obs_dim=WIDTH,
        steps=STEPS,
        reward_dtype=torch.float32,
        device=torch.device("cpu"),
    )


def play(replay: EpisodeReplay, rng: np.random.Generator, active=(True, True)) -> None:
    """An episode of each active replica, of random numbers and a random length."""

    def drawn(*shape: int) -> torch.Tensor:
        return torch.from_numpy(rng.normal(size=(2, 1, AGENTS, *shape)).astype(np.float32))

    steps = int(rng.integers(1, STEPS + 1))
    episodes = Episodes(
        observations=drawn(steps + 1, WIDTH),
        actions=(drawn(steps) * 10).long(),
        rewards=drawn(steps),
        lengths=np.full((2, 1), steps),
        timed_out=torch.from_numpy(rng.random((2, 1)) < 0.5),
    )
    replay.insert(episodes, np.array(active))


def assert_equal(one: EpisodeReplay, other: EpisodeReplay) -> None:
    """All that is kept, stale padding included, and how many episodes there were."""
    assert one.inserted.tolist() == other.inserted.tolist()
    for name, kept in one._rings.items():
        assert torch.equal(kept, other._rings[name]), name


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(5)


def no_warning(said: str) -> None:
    raise AssertionError(said)


def tensors(value: float) -> dict[str, torch.Tensor]:
    return {"weights": torch.full((2, 3), value, dtype=torch.float64), "done": torch.tensor([True, False])}


@pytest.mark.parametrize("between", [1, 2, CAPACITY, CAPACITY + 3])
def test_what_is_read_is_what_was_written(tmp_path, rng, between):
    """However many episodes come from one checkpoint to the next, a replica that is done included."""
    replay, checkpoints = ring(), Checkpoints(tmp_path)
    for number in range(1, 9):
        for _ in range(between):
            play(replay, rng, active=(True, number < 5))
        checkpoints.write({"number": number, "nan": float("nan")}, tensors(number / 3), replay)
        restored = ring()
        facts, found = Checkpoints(tmp_path).restore(restored, no_warning)
        assert facts["number"] == number
        assert np.isnan(facts["nan"])
        assert found.keys() == tensors(0).keys()
        assert all(torch.equal(found[name], tensor) for name, tensor in tensors(number / 3).items())
        assert_equal(restored, replay)


def test_tensors_are_written_as_safetensors_writes_them(tmp_path):
    """Every type and shape that there is, views among them, read back by the package itself; and no copy is made."""
    numbers = torch.arange(24).reshape(2, 3, 4)
    written = {
        "weights": numbers.double() / 7,
        "view": (numbers.float() / 3)[:, 1:, ::2],
        "counts": numbers[0],
        "actions": numbers.to(torch.int16),
        "cut": numbers > 5,
        "one": torch.tensor(0.5),
        "none": torch.empty(0, 3),
    }
    path = tmp_path / "x.safetensors"
    path.write_bytes(b"".join(safetensors_of(written)))
    read = load_file(path)
    assert read.keys() == written.keys()
    for name, tensor in written.items():
        assert read[name].dtype == tensor.dtype
        assert torch.equal(read[name], tensor)
    large = torch.zeros(10)
    *_, piece = safetensors_of({"large": large})
    large[0] = 1.0
    assert bytes(piece)[:4] == np.float32(1.0).tobytes()


def test_it_goes_on_where_another_process_stopped(tmp_path, rng):
    replay = ring()
    for _ in range(9):
        play(replay, rng)
        process = Checkpoints(tmp_path)
        replay_of_process = ring()
        found = process.restore(replay_of_process, no_warning)
        assert (found is None) == (replay.inserted[0] == 1)
        process.write({}, tensors(0), replay)
    restored = ring()
    Checkpoints(tmp_path).restore(restored, no_warning)
    assert_equal(restored, replay)


def test_only_new_episodes_are_written_and_the_last_two_checkpoints_kept(tmp_path, rng):
    """One file of one episode for each, as long as the ring of either holds it."""
    replay, checkpoints = ring(), Checkpoints(tmp_path)
    sizes = set()
    for number in range(1, 20):
        play(replay, rng)
        checkpoints.write({}, tensors(0), replay)
        names = sorted(path.name for path in checkpoints.folder.iterdir())
        kept = [number - 1, number] if number > 1 else [1]
        oldest = max(1, min(kept) - CAPACITY + 1)
        assert [name for name in names if name.endswith(".json")] == [f"{each:06d}.json" for each in kept]
        assert [name for name in names if ".tensors." in name] == [f"{each:06d}.tensors.safetensors" for each in kept]
        written = [name for name in names if "replay" in name]
        assert written == [f"{each:06d}.replay.safetensors" for each in range(oldest, number + 1)]
        sizes |= {(checkpoints.folder / name).stat().st_size for name in written}
    assert len(sizes) == 1
    checkpoints.remove()
    assert not checkpoints.folder.exists()


def test_without_new_episodes_none_are_written(tmp_path, rng):
    replay, checkpoints = ring(), Checkpoints(tmp_path)
    play(replay, rng)
    for _ in range(4):
        checkpoints.write({}, tensors(0), replay)
    assert len(list(checkpoints.folder.glob("*.replay.*"))) == 1


def damage(path, how: str) -> None:
    content = bytearray(path.read_bytes())
    if how == "missing":
        path.unlink()
    elif how == "short":
        path.write_bytes(content[: len(content) // 2])
    elif how == "empty":
        path.write_bytes(b"")
    else:
        content[len(content) // 2] ^= 1
        path.write_bytes(content)


@pytest.mark.parametrize("how", ["missing", "short", "empty", "one bit"])
@pytest.mark.parametrize("which", ["000005.json", "000005.tensors.safetensors", "000005.replay.safetensors"])
def test_a_damaged_one_is_found_and_the_one_before_it_used(tmp_path, rng, which, how):
    replay, checkpoints = ring(), Checkpoints(tmp_path)
    for number in range(1, 6):
        before = ring()
        Checkpoints(tmp_path).restore(before, no_warning)
        play(replay, rng)
        checkpoints.write({"number": number}, tensors(number), replay)
    damage(checkpoints.folder / which, how)
    warnings, restored, again = [], ring(), Checkpoints(tmp_path)
    facts, found = again.restore(restored, warnings.append)
    assert facts["number"] == 4
    assert float(found["weights"][0, 0]) == 4
    assert_equal(restored, before)
    assert len(warnings) == (0 if which.endswith("json") and how == "missing" else 1)
    assert all("000005.json is damaged and not used" in said for said in warnings)
    # And what is written next takes its place.
    play(restored, rng)
    again.write({"number": 55}, tensors(0), restored)
    last = ring()
    assert Checkpoints(tmp_path).restore(last, no_warning)[0]["number"] == 55
    assert_equal(last, restored)
    assert sorted(path.name for path in again.folder.glob("*.json")) == ["000004.json", "000005.json"]


def test_an_old_file_of_episodes_that_is_damaged_spoils_both(tmp_path, rng):
    """Both need it; then there is none to go on from, and nothing is half restored."""
    replay, checkpoints = ring(), Checkpoints(tmp_path)
    for _ in range(4):
        play(replay, rng)
        checkpoints.write({}, tensors(0), replay)
    damage(checkpoints.folder / "000002.replay.safetensors", "one bit")
    warnings, restored = [], ring()
    assert Checkpoints(tmp_path).restore(restored, warnings.append) is None
    assert len(warnings) == 2
    assert_equal(restored, ring())


def test_a_file_outside_the_folder_is_never_read(tmp_path, rng):
    """Not even one whose hash fits: the names in a checkpoint are names in its folder."""
    replay, checkpoints = ring(), Checkpoints(tmp_path)
    play(replay, rng)
    checkpoints.write({}, tensors(0), replay)
    (checkpoints.folder / "000001.tensors.safetensors").rename(tmp_path / "elsewhere.safetensors")
    path = checkpoints.folder / "000001.json"
    written = read_sealed(path)
    written["tensors"]["name"] = "../elsewhere.safetensors"
    write_sealed(path, written)
    warnings = []
    assert Checkpoints(tmp_path).restore(ring(), warnings.append) is None
    assert "tensors.name" in warnings[0]


def test_episodes_of_another_ring_are_refused(tmp_path, rng):
    replay, checkpoints = ring(), Checkpoints(tmp_path)
    play(replay, rng)
    checkpoints.write({}, tensors(0), replay)
    other = EpisodeReplay(
        [0, 1],
        capacity=CAPACITY,
        n_agents=AGENTS + 1,
        obs_dim=WIDTH,
        steps=STEPS,
        reward_dtype=torch.float32,
        device=torch.device("cpu"),
    )
    with pytest.raises(RunFolderError, match="does not belong to this run"):
        Checkpoints(tmp_path).restore(other, no_warning)
