"""Damage to a folder: bits, cuts, missing, swapped and foreign files, drawn by a generator."""

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np


@dataclass(frozen=True)
class Tree:
    """What a folder holds, to be put there again."""

    folder: Path
    files: dict[str, bytes]

    @classmethod
    def of(cls, folder: Path) -> "Tree":
        found = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
        return cls(folder, {name: path.read_bytes() for name, path in sorted(found.items()) if path.name[0] != "."})

    def restore(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)
        for name, content in self.files.items():
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)


class Damager:
    """Damages a folder, in which lies a tree; foreign files come from others of its kind."""

    def __init__(self, rng: np.random.Generator, tree: Tree, others: Sequence[Tree]) -> None:
        self.rng, self.tree, self.others = rng, tree, others

    def damage(self) -> tuple[str, set[str]]:
        """Do something; in words, and the names of all files that are concerned."""
        kinds: list[Callable[[], set[str]]] = [
            self.bit, self.bit, self.bits, self.cut, self.zeros, self.longer, self.missing, self.missing_folder,
            self.swapped, self.of_another, self.foreign, self.nonsense, self.a_folder,
        ]  # fmt: skip
        kind = kinds[int(self.rng.integers(len(kinds)))]
        names = kind()
        return f"{kind.__name__} {sorted(names)}", names

    def _name(self, tree: Tree | None = None) -> str:
        return str(self.rng.choice(sorted((tree or self.tree).files)))

    def _write(self, name: str, content: bytes) -> set[str]:
        path = self.tree.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return {name}

    def _flipped(self, count: int) -> set[str]:
        name = self._name()
        content = bytearray(self.tree.files[name])
        for _ in range(count):
            content[int(self.rng.integers(len(content)))] ^= 1 << int(self.rng.integers(8))
        return self._write(name, bytes(content))

    def bit(self) -> set[str]:
        return self._flipped(1)

    def bits(self) -> set[str]:
        return self._flipped(int(self.rng.integers(2, 20)))

    def cut(self) -> set[str]:
        name = self._name()
        return self._write(name, self.tree.files[name][: int(self.rng.integers(len(self.tree.files[name])))])

    def zeros(self) -> set[str]:
        """As a file system leaves them after a power cut."""
        name = self._name()
        content, begin = self.tree.files[name], int(self.rng.integers(len(self.tree.files[name])))
        return self._write(name, content[:begin] + bytes(len(content) - begin))

    def longer(self) -> set[str]:
        name = self._name()
        return self._write(name, self.tree.files[name] + self.rng.bytes(int(self.rng.integers(1, 40))))

    def missing(self) -> set[str]:
        name = self._name()
        (self.tree.folder / name).unlink()
        return {name}

    def missing_folder(self) -> set[str]:
        name = self._name().split("/")[0]
        path = self.tree.folder / name
        shutil.rmtree(path) if path.is_dir() else path.unlink()
        cell = {"waiting"} if "cells.json" in self.tree.files else set()  # as one that was not begun
        return {each for each in self.tree.files if each.split("/")[0] == name} | cell

    def swapped(self) -> set[str]:
        one = self._name()
        same = [name for name in self.tree.files if Path(name).suffix == Path(one).suffix]
        other = str(self.rng.choice(same))
        return self._write(one, self.tree.files[other]) | self._write(other, self.tree.files[one])

    def of_another(self) -> set[str]:
        """A file of the same name, of another folder."""
        other = self.others[int(self.rng.integers(len(self.others)))]
        name = self._name(other)
        return self._write(name, other.files[name])

    def foreign(self) -> set[str]:
        """One that was not there; of a checkpoint, all of its files."""
        other = self.others[int(self.rng.integers(len(self.others)))]
        name = self._name(other)
        stem, *rest = Path(name).name.split(".")
        new = f"{stem[:-2]}{int(self.rng.integers(10, 99))}"
        if "checkpoint" not in name:
            return self._write(str(Path(name).with_name(".".join([new, *rest]))), other.files[name])
        group = {each for each in other.files if Path(each).name.startswith(stem)}
        return {str(each) for one in group for each in self._write(one.replace(stem, new), other.files[one])} | group

    def nonsense(self) -> set[str]:
        known = self._name()
        name = str(Path(known).with_name(f"{self.rng.integers(100)}{Path(known).name}"))
        return self._write(name, self.rng.bytes(int(self.rng.integers(200))))

    def a_folder(self) -> set[str]:
        name = self._name()
        path = self.tree.folder / name
        path.unlink()
        path.mkdir()
        return {name}
