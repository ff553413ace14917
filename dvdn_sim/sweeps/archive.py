"""A run folder as one archive, for machines that share no storage: packed there, unpacked whole or not at all here."""

import io
import os
import shutil
import tarfile
from pathlib import Path, PurePosixPath

from dvdn_sim.errors import RunFolderError
from dvdn_sim.records import finished_digest, locked


def pack(folder: Path) -> bytes:
    """Return a folder as a tar archive; but for hidden files, which are locks and what was cut off as it was written.

    Args:
        folder: of a run, which nobody writes to.

    Raises:
        OSError: It cannot be read.
    """
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for path in sorted(folder.rglob("*")):
            name = path.relative_to(folder)
            if not any(part.startswith(".") for part in name.parts):
                archive.add(path, name.as_posix(), recursive=False)
    return buffer.getvalue()


def unpack(packed: bytes, folder: Path) -> bool:
    """Put a packed folder in its place: unpacked beside it, forced to the disk, then renamed.

    A run that is finished is not replaced; what else is there is.

    Args:
        packed: by `pack`.
        folder: where to; it need not exist, nor its parents.

    Returns:
        Whether it is there now, and no finished one kept in its stead.

    Raises:
        RunFolderError: The archive is damaged, or holds links, or names that lead elsewhere; or the folder is damaged,
            or another process writes to it. The folder is as it was.
        OSError: The disk refuses; the folder is as it was.
    """
    incoming, before = (folder.with_name(f".{folder.name}.{what}") for what in ("incoming", "before"))
    for left in (incoming, before):  # by a process that was killed
        shutil.rmtree(left, ignore_errors=True)
    try:
        _extract(packed, incoming)
        return _put(incoming, folder, before)
    except (tarfile.TarError, EOFError) as error:
        raise RunFolderError(f"what came back for {folder} is damaged: {error}") from error
    finally:
        for left in (incoming, before):
            shutil.rmtree(left, ignore_errors=True)


def _extract(packed: bytes, folder: Path) -> None:
    if len(packed) % tarfile.RECORDSIZE or any(packed[-2 * tarfile.BLOCKSIZE :]):  # which tarfile does not look at
        raise tarfile.ReadError("its end is missing")
    folder.mkdir(parents=True)
    with tarfile.open(fileobj=io.BytesIO(packed), mode="r:") as archive:
        for member in archive:
            path = folder / _inner(member)
            if member.isdir():
                path.mkdir(parents=True, exist_ok=True)
                continue
            path.parent.mkdir(parents=True, exist_ok=True)
            content = archive.extractfile(member)
            if content is None:
                raise RunFolderError(f"{member.name!r} in an archive is no file")
            with path.open("xb") as file:
                shutil.copyfileobj(content, file)
                file.flush()
                os.fsync(file.fileno())


def _inner(member: tarfile.TarInfo) -> PurePosixPath:
    """Return a member's name; refuse what is not within the archive, and what is no plain file or folder."""
    name = PurePosixPath(member.name)
    if name.is_absolute() or ".." in name.parts or "\\" in member.name or not name.parts:
        raise RunFolderError(f"{member.name!r} in an archive leads out of it")
    if not (member.isreg() or member.isdir()):
        raise RunFolderError(f"{member.name!r} in an archive is a link or a device; files and folders expected")
    return name


def _put(incoming: Path, folder: Path, before: Path) -> bool:
    if not folder.exists():
        incoming.rename(folder)
        return True
    with locked(folder):
        if finished_digest(folder) is not None:
            return False
        folder.rename(before)
        try:
            incoming.rename(folder)
        except OSError:
            before.rename(folder)
            raise
    return True
