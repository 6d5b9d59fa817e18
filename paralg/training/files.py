"""Weights in safetensors with their hash, and files that are written whole or not at all."""

import hashlib
import os
from pathlib import Path

from safetensors.torch import load as parse
from safetensors.torch import save as serialise
from torch import nn

from paralg.core import checks

__all__ = ["read_weights", "write_weights", "write_whole"]


def write_whole(path: Path, content: bytes) -> None:
    """Replace a file by new content in one step, so that a crash leaves the old one or the new.

    Parameters
    ----------
    path : path
        In a folder that exists; else an OSError.
    content : bytes

    Examples
    --------
    >>> import tempfile
    >>> write_whole(path := Path(tempfile.mkdtemp()) / "three", b"abc")
    >>> path.read_bytes()
    b'abc'
    """
    checks.instance("path", path, Path), checks.instance("content", content, bytes)
    scratch = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    try:
        scratch.write_bytes(content)
        os.replace(scratch, path)
    finally:
        scratch.unlink(missing_ok=True)


def write_weights(model: nn.Module, path: Path, *, half: bool = False) -> str:
    """Write a model's parameters and buffers; return the SHA-256 of the file, for its log.

    Parameters
    ----------
    model : Module
    path : path
        The file, written whole.
    half : bool
        Store float16; round the model before it is scored, then.
    """
    checks.instance("model", model, nn.Module), checks.instance("path", path, Path)
    parts = model.state_dict().items()
    blob = serialise({key: (part.half() if half else part).contiguous() for key, part in parts})
    write_whole(path, blob)
    return hashlib.sha256(blob).hexdigest()


def read_weights(model: nn.Module, path: Path, sha256: str) -> None:
    """Read weights into a model of their shape, in the model's own type, and switch it to use.

    Parameters
    ----------
    model : Module
        A RuntimeError if it has other parameters.
    path : path
        The file; an OSError if it is damaged or not that of the log.
    sha256 : str
        Expected hash, from the log.
    """
    checks.instance("model", model, nn.Module), checks.instance("path", path, Path)
    checks.instance("sha256", sha256, str)
    blob = path.read_bytes()
    found = hashlib.sha256(blob).hexdigest()
    if found != sha256:
        raise OSError(f"{path.name}: expected SHA-256 {sha256}, got {found}")
    model.load_state_dict(parse(blob))
    model.eval()
