"""Names that are not: the nearest that is, those to come, and those that belong elsewhere."""

from collections.abc import Iterable
from difflib import get_close_matches

from dvdn_sim.errors import Mistake
from dvdn_sim.scenario.catalogue import KEYS_NOT_YET, NOT_YET
from dvdn_sim.scenario.document import Document, Path, Place, Value, dotted, value_at
from dvdn_sim.scenario.quantities import shown
from dvdn_sim.scenario.walk import block_of, homes, keys_of
from dvdn_sim.scenario.yaml_text import flow_text


def choose(valid: Iterable[str]) -> str:
    """Return the remedy that lists what may be written.

    >>> choose(["complete", "ring"])
    'choose one of: complete, ring'
    """
    names = list(valid)
    return f"choose one of: {', '.join(names)}" if len(names) > 1 else f"choose `{names[0]}`"


def meant(given: object, valid: Iterable[str]) -> str:
    """Return a question after the name that is nearest to ``given``; empty where none is near.

    >>> meant("dvnd", ["iql", "vdn", "dvdn"])
    'did you mean `dvdn`?'
    """
    close = get_close_matches(str(given), list(valid), n=1)
    return f"did you mean `{close[0]}`?" if close else ""


def not_yet(family: str, name: object) -> bool:
    """Return whether ``name`` is known to come, so that the message can say so."""
    return isinstance(name, str) and name in NOT_YET.get(family, ())


def unknown_key(path: Path, root: Value) -> tuple[str, str]:
    """Return what is wrong with a key that its block does not have, and what to write instead."""
    key = str(path[-1])
    block = block_of(path[:-1], root)
    valid = [] if block is None else keys_of(block)
    if key in KEYS_NOT_YET.get(dotted(path[:-1]), ()):
        return "is not supported yet", "remove it"
    elsewhere = dict.fromkeys(f"`{dotted(home)}`" for home in homes(key) if home[:-1] != path[:-1])
    if elsewhere and not meant(key, valid):
        return "unknown key", f"it belongs at {' or '.join(elsewhere)}"
    return "unknown key", meant(key, valid) or f"the keys here are: {', '.join(valid) or 'none but kind'}"


def leftovers(unknown: Iterable[Path], document: Document) -> dict[Path, Mistake]:
    """Return one mistake per block whose kind a ``--set`` changed and whose other keys the new kind does not have.

    Args:
        unknown: paths of the keys that their blocks do not have.
        document: the scenario.

    Returns:
        The mistake by the path of the block; blocks whose kind stands in the file are not in it.
    """
    keys_by_block: dict[Path, list[str]] = {}
    for path in unknown:
        block = path[:-1]
        if document.places.get((*block, "kind"), Place()).override and not document.place(path).override:
            keys_by_block.setdefault(block, []).append(str(path[-1]))
    return {block: _leftover(block, keys, document) for block, keys in keys_by_block.items()}


def _leftover(path: Path, keys: list[str], document: Document) -> Mistake:
    """Return the mistake of keys that belong to the kind that the file had chosen."""
    value = value_at(path, document.root)
    kept = {key: item for key, item in value.items() if key not in keys} if isinstance(value, dict) else {}
    given = kept.get("kind")
    message = f"kind {shown(given)} has no {' and no '.join(f'`{key}`' for key in keys)}, which the file sets"
    remedy = f"replace the whole block: --set '{dotted(path)}={flow_text(kept)}'"
    return document.blame((*path, "kind"), message, remedy)
