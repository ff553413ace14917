"""Checkpoints of a run, on the disk: a crash at any instant leaves one that can be used.

What a run is between two iterations is in `tensors_of` and in facts that JSON can say. Random numbers are pure
functions of names and counters, so no generator is among it.

::

    checkpoint/
      000012.json                  facts, and the checksum of every file that belongs to it; written last
      000012.tensors.safetensors   `tensors_of` the loop
      000012.replay.safetensors    episodes since the checkpoint before; older ones are in the files of older numbers

The last two are kept, and of the episodes those files that either needs. Nothing in such a file is code, and nothing is
run when it is read.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
from pydantic import Field, TypeAdapter
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from dvdn_sim.errors import RunFolderError
from dvdn_sim.learners import EpisodeReplay
from dvdn_sim.records import read_sealed, refuse_changed, write_durably, write_sealed
from dvdn_sim.training.loop import Loop

CHECKPOINTS = "checkpoint"
KEPT = 2
VERSION = 2
DTYPES = {
    torch.bool: "BOOL",
    torch.int16: "I16",
    torch.int64: "I64",
    torch.float32: "F32",
    torch.float64: "F64",
}
"""Of all tensors there are, by their names in safetensors files."""

Warn = Callable[[str], None]


@dataclass(frozen=True)
class StoredFile:
    """A file of a checkpoint; `inserted`: how many episodes each replica's replay had taken in by then."""

    name: Annotated[str, Field(pattern=r"^\w[\w.]*$")]
    sha256: str
    inserted: tuple[int, ...] = ()


@dataclass(frozen=True)
class Checkpoint:
    """What a checkpoint's JSON file holds; files of episodes come oldest first."""

    number: int
    facts: Mapping[str, Any]
    tensors: StoredFile
    replay: tuple[StoredFile, ...]

    @property
    def files(self) -> set[str]:
        """Names of all its files."""
        return {_json_name(self.number), self.tensors.name, *(file.name for file in self.replay)}


_CHECKPOINT = TypeAdapter(Checkpoint)


class Checkpoints:
    """The checkpoints of one run folder, of which nothing is read yet. One process at a time.

    `scenario` is the checksum of what is run: a checkpoint of another scenario is none of this run.
    """

    def __init__(self, run_dir: Path, scenario: str = "") -> None:
        self._scenario = scenario
        self._kept: list[Checkpoint] = []
        self.move(run_dir)

    def move(self, run_dir: Path) -> None:
        """Go on in a folder that was renamed."""
        self.folder = run_dir / CHECKPOINTS

    @property
    def latest(self) -> Checkpoint | None:
        """The one that was written or read last."""
        return self._kept[-1] if self._kept else None

    def write(self, facts: Mapping[str, Any], tensors: Mapping[str, Tensor], replay: EpisodeReplay) -> None:
        """Write the next one, then remove what is no longer needed.

        Args:
            facts: What JSON can say.
            tensors: On any device.
            replay: Only episodes are written that the checkpoint before does not have.

        Raises:
            OSError: The disk refuses; the checkpoints before are as they were.
        """
        self.folder.mkdir(exist_ok=True)
        number = 1 if self.latest is None else self.latest.number + 1
        checkpoint = Checkpoint(
            number, facts, self._write_tensors(f"{number:06d}.tensors", tensors), self._write_episodes(number, replay)
        )
        content = {"version": VERSION, "scenario": self._scenario, **asdict(checkpoint)}
        write_sealed(self.folder / _json_name(number), content, for_people=False)
        self._kept = [*self._kept, checkpoint][-KEPT:]
        self._prune()

    def _write_tensors(self, stem: str, tensors: Mapping[str, Tensor], inserted: tuple[int, ...] = ()) -> StoredFile:
        name = f"{stem}.safetensors"
        return StoredFile(name, write_durably(self.folder / name, safetensors_of(tensors)), inserted)

    def _write_episodes(self, number: int, replay: EpisodeReplay) -> tuple[StoredFile, ...]:
        """Return all files of episodes that the ring still holds, a new one for the new episodes included."""
        before = () if self.latest is None else self.latest.replay
        inserted = replay.inserted
        oldest = inserted - replay.stored
        needed = [file for file in before if (np.array(file.inserted) > oldest).any()]
        written = np.array(before[-1].inserted) if before else np.zeros_like(inserted)
        if (inserted > written).any():
            counts = tuple(inserted.tolist())
            needed.append(self._write_tensors(f"{number:06d}.replay", replay.since(written), counts))
        return tuple(needed)

    def _prune(self) -> None:
        """Remove every file that no kept checkpoint needs; a JSON file before those that it names."""
        needed = set().union(*(checkpoint.files for checkpoint in self._kept))
        for path in sorted(self.folder.iterdir(), key=lambda path: path.suffix != ".json"):
            if path.name not in needed and path.is_file():
                path.unlink()

    def remove(self) -> None:
        """Remove all: the run has come to its end."""
        self._kept = []
        if self.folder.is_dir():
            self._prune()
            with suppress(OSError):  # something else lies there
                self.folder.rmdir()

    def restore(self, replay: EpisodeReplay, warn: Warn) -> tuple[Mapping[str, Any], dict[str, Tensor]] | None:
        """Find the newest one that is whole, and put its episodes back into an empty replay.

        `warn` is told of each that is damaged, in a line.

        Returns:
            Its facts and tensors; None if there is none.

        Raises:
            RunFolderError: Its episodes are not such as the replay holds.
        """
        if not self.folder.is_dir():
            return None
        for path in sorted(self.folder.glob("*.json"), reverse=True):
            try:
                checkpoint = self._whole(path)
            except (RunFolderError, ValueError, KeyError, TypeError) as error:
                warn(f"checkpoint {path} is damaged and not used: {error}")
                continue
            try:
                for file in checkpoint.replay:
                    replay.put_back(load_file(self.folder / file.name))
                tensors = load_file(self.folder / checkpoint.tensors.name)
            except (OSError, SafetensorError, KeyError, IndexError, RuntimeError) as error:
                raise RunFolderError(f"checkpoint {path} does not belong to this run: {error}") from error
            self._kept = [checkpoint]
            return checkpoint.facts, tensors
        return None

    def _whole(self, path: Path) -> Checkpoint:
        """Read a checkpoint; raise RunFolderError, ValueError, KeyError or TypeError if it or a file is damaged."""
        content = read_sealed(path)
        if (found := content.pop("version")) != VERSION:
            raise ValueError(f"format {found} found; {VERSION} expected")
        if content.pop("scenario") != self._scenario:
            raise ValueError("it is one of another scenario")
        checkpoint = _CHECKPOINT.validate_python(content)
        files = {file.name: file.sha256 for file in (checkpoint.tensors, *checkpoint.replay)}
        refuse_changed(self.folder, files, path.name)
        return checkpoint


def safetensors_of(tensors: Mapping[str, Tensor]) -> Iterator[bytes | memoryview]:
    """Yield the bytes of a safetensors file, tensor by tensor: the package's own function makes two copies of all.

    Source: the format's description, https://huggingface.co/docs/safetensors.
    """
    header, end = {}, 0
    for name, tensor in tensors.items():
        begin, end = end, end + tensor.nbytes
        header[name] = {"dtype": DTYPES[tensor.dtype], "shape": list(tensor.shape), "data_offsets": [begin, end]}
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    yield len(text).to_bytes(8, "little") + text
    for tensor in tensors.values():
        yield tensor.detach().cpu().contiguous().view(-1).numpy().view(np.uint8).data


def _json_name(number: int) -> str:
    return f"{number:06d}.json"


def tensors_of(loop: Loop) -> dict[str, Tensor]:
    """Return the tensors themselves, wherever they live, by the name of their owner and their own."""
    parts = loop.parts
    owners = {  # these names are on disk
        "learner": parts.learner.state,
        "arena": parts.train_envs.state,
        "stands": parts.eval_envs.state,
        "progress": loop.progress.state,
        "loop": {} if loop.acted_with is None else {"acted_with": loop.acted_with},
    }
    return {f"{owner}.{name}": tensor for owner, own in owners.items() for name, tensor in own.items()}


def restore_tensors(loop: Loop, tensors: Mapping[str, Tensor]) -> None:
    """Go on from the tensors of a run of the same scenario.

    Raises:
        ValueError: They are of another run. Nothing is restored.
    """
    if "loop.acted_with" in tensors:
        loop.acted_with = torch.empty_like(loop.parts.learner.parameters[0])
    own = tensors_of(loop)
    strange = sorted(own.keys() ^ tensors.keys())
    if strange:
        raise ValueError(f"{', '.join(strange)}: in one of checkpoint and run, and not in the other")
    for name, tensor in own.items():
        found = tensors[name]
        if found.shape != tensor.shape or found.dtype != tensor.dtype:
            raise ValueError(f"{name}: {_described(found)} found; {_described(tensor)} expected")
    for name, tensor in own.items():
        tensor.copy_(tensors[name])
    for envs in (loop.parts.train_envs, loop.parts.eval_envs):
        envs.go_on()


def _described(tensor: torch.Tensor) -> str:
    return f"{str(tensor.dtype).removeprefix('torch.')} {list(tensor.shape)}"


def first_unsound(loop: Loop) -> str:
    """Return where the first value that is not finite is: tensor, seed and agent; empty if there is none."""
    seeds = loop.parts.scenario.seeds
    for name, tensor in tensors_of(loop).items():
        if not tensor.is_floating_point() or name.startswith("progress"):
            continue
        unsound = (~tensor.isfinite()).nonzero()
        if len(unsound):
            # Online and target copies come first; then replicas; then, where there are any, agents or their network.
            copy = 1 if name in {"learner.parameters", "learner.mixing"} else 0
            place = unsound[0].tolist()
            agent = f", agent {place[copy + 1]}" if tensor.ndim > copy + 2 and tensor.shape[copy + 1] > 1 else ""
            return f"{name} of seed {seeds[place[copy]]}{agent}: {len(unsound)} values are not finite"
    return ""
