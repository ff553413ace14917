"""A device with a memory of its own, made up on the CPU: what goes there, and what the host waits for, is noted.

A tensor there is a tensor of the CPU in a wrapper that says it is elsewhere. So arithmetic is the CPU's, to the bit,
and an operation on tensors of both memories is refused as CUDA refuses it. Indexing takes indices of the host, too, and
brings them there.
"""

import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Self

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

DEVICE = torch.device("meta:0")
"""Its name in torch, which has one for tensors without data and asks nothing of it."""

aten = torch.ops.aten
COPIES = {aten._to_copy.default, aten.copy_.default}
INDEXING = {aten.index.Tensor, aten.index_put.default, aten.index_put_.default}
READS = {aten._local_scalar_dense.default, aten.equal.default}
SIZED_BY_VALUES = {aten.nonzero.default, aten.masked_select.default}
"""The host must know values before it knows how long the result is."""


class There(Tensor):
    """A tensor on the device."""

    is_cuda = True  # what is chosen by this is chosen as on a GPU

    @staticmethod
    def __new__(cls, here: Tensor) -> Self:
        with torch.inference_mode(here.is_inference()):
            sizes = here.size(), here.stride(), here.storage_offset()
            return Tensor._make_wrapper_subclass(cls, *sizes, dtype=here.dtype, device=DEVICE)

    def __init__(self, here: Tensor) -> None:
        self.here = here

    def __repr__(self, **_: object) -> str:
        return f"There({self.here})"

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        raise RuntimeError(f"{func} on a device that was made up for what is over")


@dataclass
class Log:
    """What happened, in order; each entry says where in the source.

    Attributes:
        copies: From the host to the device.
        waits: Of the host, for values that the device computes.
        operations: Names of all that was done on the device, with the type of the numbers.
    """

    copies: list[str] = field(default_factory=list)
    waits: list[str] = field(default_factory=list)
    operations: set[tuple[str, torch.dtype]] = field(default_factory=set)


@contextmanager
def pretended() -> Iterator[Log]:
    """Let there be such a device."""
    log = Log()
    with _Words(), _Operations(log):
        yield log


class _Words(TorchFunctionMode):
    """Ways to and from a device that are none of torch's operations."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = dict(kwargs or {})
        if func is torch.tensor and kwargs.get("device") == DEVICE:
            del kwargs["device"]
            return func(*args, **kwargs).to(DEVICE)
        if func is Tensor.tolist and isinstance(args[0], There):
            return args[0].cpu().tolist()
        return func(*args, **kwargs)


class _Operations(TorchDispatchMode):
    """Carries out all operations, and notes those on the device."""

    def __init__(self, log: Log) -> None:
        super().__init__()
        self._log = log

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = dict(kwargs or {})
        with self:  # what is made of other operations comes here whole if it is done on what inference mode made
            found = func.decompose(*args, **kwargs)
        if found is not NotImplemented:
            return found
        tensors = list(_tensors([*args, *kwargs.values()]))
        theirs = {id(each.here): each for each in tensors if isinstance(each, There)}
        asked = kwargs.get("device")
        goes_there = bool(theirs) if asked is None else torch.device(asked) == DEVICE
        if asked is not None:
            kwargs["device"] = torch.device("cpu")
        if theirs or goes_there:
            self._note(func, args, tensors, goes_there=goes_there)
        here = {name: _each(value, _here) for name, value in kwargs.items()}
        found = func(*_each(args, _here), **here)
        if not goes_there or func in READS:
            return found
        return _each(found, lambda each: theirs[id(each)] if id(each) in theirs else There(each))

    def _note(self, func: Any, args: Any, tensors: list[Tensor], *, goes_there: bool) -> None:
        log, strangers = self._log, [each for each in tensors if not isinstance(each, There)]
        log.operations.add((func.overloadpacket.__name__, tensors[0].dtype if tensors else torch.float32))
        if func in COPIES:
            into, of = (args[0], args[1]) if func is aten.copy_.default else (None, args[0])
            arrives = goes_there if into is None else isinstance(into, There)
            if arrives != isinstance(of, There):
                (log.copies if arrives else log.waits).append(_place())
        elif func in INDEXING:
            indices = [each for each in args[1] if each is not None]
            log.copies.extend(_place() for each in indices if not isinstance(each, There))
            log.waits.extend(_place() for each in indices if each.dtype == torch.bool)
        elif func in READS | SIZED_BY_VALUES:
            log.waits.append(_place())
        elif any(each.ndim for each in strangers):
            raise RuntimeError(f"{func} on tensors of two memories")


def _tensors(values: Any) -> Iterator[Tensor]:
    for value in values:
        if isinstance(value, Tensor):
            yield value
        elif isinstance(value, list | tuple):
            yield from _tensors(value)


def _each(value: Any, change: Callable[[Tensor], Tensor]) -> Any:
    """With all tensors in it changed."""
    if isinstance(value, Tensor):
        return change(value)
    return type(value)(_each(each, change) for each in value) if isinstance(value, list | tuple) else value


def _here(tensor: Tensor) -> Tensor:
    return tensor.here if isinstance(tensor, There) else tensor


def _place() -> str:
    """Where in the package that came from: file and function."""
    inside = [frame for frame in traceback.extract_stack() if "/dvdn_sim/" in frame.filename]
    return f"{inside[-1].filename.split('/dvdn_sim/')[-1]} {inside[-1].name}" if inside else "elsewhere"
