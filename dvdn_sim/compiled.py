"""How this program compiles what runs often: by numba, once, kept on disk.

What was compiled lies beside the source or, where that folder cannot be written, in the user's cache. Three things are
done here that numba leaves open: code is compiled anew when what it calls has changed, and not only its own file; of
several processes that begin at once one compiles and the others wait for it; and whoever waits is told why.
"""

import gc
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar, cast

import numpy as np
from filelock import FileLock, Timeout
from numba import njit
from numba.core.caching import Cache
from numba.core.event import Event, Listener, install_listener, trigger_event

Function = TypeVar("Function", bound=Callable[..., Any])


CONSTANTS = int, float, tuple, np.generic, np.ndarray
COMPILES, WAITS = "numba:compile", "dvdn-sim:wait"
"""Events: this process compiles, or waits for another one that does."""

_elsewhere: dict[str, "subprocess.Popen[bytes]"] = {}
"""Processes that were begun to compile a module, kept until the end: nobody waits for them."""
_versions: dict[int, str] = {}
"""Of what was compiled, by the object's id: the version of its file and of all that it calls."""


def compiled(function: Function) -> Function:
    """Compile a function on its first call with arguments of a type.

    Divisions are IEEE's, as in numpy: checks for a zero divisor would keep loops from being vectorised. Copy arrays in
    loops: the error message of ``a[:] = b``, should they not fit, takes 4 s to compile, ``a.max()`` takes 1 s. Other
    threads go on meanwhile.
    """
    return _compiled(function, nogil=True)


def inner(function: Function) -> Function:
    """Compile a function that compiled ones alone call; without a way in from Python it takes a quarter less time."""
    return _compiled(function, no_cpython_wrapper=True, no_cfunc_wrapper=True)


def inlined(function: Function) -> Function:
    """Compile a small function as part of those that call it."""
    return _compiled(function, inline="always")


def lean(function: Function) -> Function:
    """Compile an inner function that makes no arrays: references to those that it is given are not counted.

    Small functions that call each other millions of times would take twice as long over it.
    """
    return _compiled(function, no_cpython_wrapper=True, no_cfunc_wrapper=True, _nrt=False)


def _compiled(function: Function, **options: Any) -> Function:
    try:
        made: Any = njit(cache=True, error_model="numpy", **options)(function)
    except RuntimeError:  # neither its folder nor the user's cache can be written: every process compiles
        return cast("Function", njit(error_model="numpy", **options)(function))
    made._cache._cache_file._source_stamp = _versions[id(made)] = _version(function)
    folder, compile_now = Path(made._cache.cache_path), made.compile

    def compile_once(signature: object) -> object:
        with _alone(folder):
            return compile_now(signature)

    made.compile = compile_once
    return cast("Function", made)


def compile_elsewhere(function: Callable[..., Any], module: str) -> "subprocess.Popen[bytes] | None":
    """Let another process compile what a module's `prepare` does, once, unless this function is on disk; return it.

    Nobody waits here. Who needs the module's code before it is there waits for that process.
    """
    cache = getattr(function, "_cache", None)
    if not isinstance(cache, Cache) or Path(cache._cache_file._index_path).exists():
        return None
    if module not in _elsewhere:
        words, nothing = [sys.executable, "-c", f"import {module}; {module}.prepare()"], subprocess.DEVNULL
        _elsewhere[module] = subprocess.Popen(words, stdin=nothing, stdout=nothing, stderr=nothing)  # noqa: S603
    return _elsewhere[module]


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Compile meanwhile while no other process does so for this folder, and without the collector: an eighth faster."""
    folder.mkdir(parents=True, exist_ok=True)
    lock, collecting = FileLock(folder / "compiling.lock", is_singleton=True), gc.isenabled()
    try:
        lock.acquire(timeout=0)
    except Timeout:
        with trigger_event(WAITS):
            lock.acquire()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()
        lock.release()


def _version(function: Callable[..., Any]) -> str:
    """Return what tells one version of a function, of all that it calls, and of its constants, from another."""
    code, file = function.__code__, Path(function.__code__.co_filename).stat()
    values = {name: function.__globals__.get(name) for name in code.co_names}
    constants = {name: value for name, value in values.items() if isinstance(value, CONSTANTS)}
    called = {name: _versions[id(value)] for name, value in values.items() if id(value) in _versions}
    return repr((file.st_mtime_ns, file.st_size, constants, called))


class _Told(Listener):
    """Says when compilation begins, here or in another process that this one waits for."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self.say, self.depth, self.began, self.spent_s = say, 0, 0.0, 0.0

    def on_start(self, event: Event) -> None:
        if not self.spent_s and not self.depth:
            self.say("compiling, once: up to a minute")
        self.depth += 1
        self.began = time.perf_counter() if self.depth == 1 else self.began

    def on_end(self, event: Event) -> None:
        self.depth -= 1
        self.spent_s += 0.0 if self.depth else time.perf_counter() - self.began


@contextmanager
def compilation_told(say: Callable[[str], None]) -> Iterator[None]:
    """Say in a line when something is compiled, and at the end how long all of it took; nothing if nothing was."""
    told = _Told(say)
    with install_listener(COMPILES, told), install_listener(WAITS, told):
        yield
    if told.spent_s:
        say(f"compiled in {told.spent_s:.0f} s")
