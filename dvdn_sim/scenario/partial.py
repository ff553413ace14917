"""What is known of a scenario that has mistakes: enough to look for the rules that it breaks besides.

Without it a user would mend ten mistakes to be told of the eleventh.
"""

from pydantic import ValidationError

from dvdn_sim.scenario.blocks import PRESET, Block, BlockField, block_at, block_fields, reader
from dvdn_sim.scenario.document import Value


class Unknown(Exception):  # noqa: N818 (a signal within this package, never an error that a user sees)
    """A rule asked for a value that is missing or ill formed."""


class Partial:
    """Stands for a dataclass of which some values are not known: asking for one raises `Unknown`."""

    def __init__(self, cls: type, known: dict[str, object]) -> None:
        self._cls = cls
        self._known = known

    def __getattr__(self, name: str) -> object:
        """Return a value that is known, or that follows from what is known."""
        if name in self._known:
            return self._known[name]
        of_class = getattr(self._cls, name, None)
        if isinstance(of_class, property) and of_class.fget is not None:
            return of_class.fget(self)
        raise Unknown(name)

    @property  # type: ignore[misc]  # it may be read, which is all that isinstance does
    def __class__(self) -> type:
        """The dataclass that it stands for, so that ``isinstance`` takes it for one."""
        return self._cls


def known_parts(block: Block, value: dict[str, Value]) -> object:
    """Return ``value`` as the dataclass of ``block``, without the parts that are wrong."""
    known: dict[str, object] = {}
    preset = block.presets.get(str(value.get(PRESET)))
    for field in block_fields(block):
        if field.name not in value:
            if preset is not None and field.name != PRESET:
                known[field.name] = getattr(preset, field.name)
            elif not field.required:
                known[field.name] = field.default
            continue
        try:
            known[field.name] = _known(field, value[field.name])
        except ValidationError:
            continue
    return Partial(block.cls, known)


def _known(field: BlockField, value: Value) -> object:
    """Return the value of one field, in part if it is a block with mistakes."""
    try:
        return reader(field.annotation).validate_python(value)
    except ValidationError:
        inner = block_at(field.annotation, value)
        if inner is None or not isinstance(value, dict):
            raise
        return known_parts(inner, value)
