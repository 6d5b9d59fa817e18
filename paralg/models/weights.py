"""Shipped weights: ``NAME.safetensors`` (float16), ``NAME.json`` (how made, scores), ``NAME.log``.

A name is data and mode, ``sudoku4-causal``.
Files are written whole or not at all, and checked against the hash in the configuration when read.
"""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

from safetensors.torch import load as parse
from safetensors.torch import save as serialise

from paralg.models.family import Family
from paralg.models.network import Network
from paralg.models.transformer import Transformer, TransformerConfig

__all__ = ["FOLDER", "available", "load", "rounded", "save", "table", "write_whole"]

FOLDER = Path(__file__).with_name("weights")


def available(folder: Path | str = FOLDER) -> list[str]:
    """List the names of the trained networks in a folder.

    Parameters
    ----------
    folder : path
        The shipped weights by default.

    Returns
    -------
    list of str, sorted
    """
    return sorted(path.stem for path in Path(folder).glob("*.safetensors"))


def load(name: str, folder: Path | str = FOLDER) -> Network | Family:
    """Load a trained network, or all networks trained on some data.

    Parameters
    ----------
    name : str
        Data and mode, as "addition-bidirectional", or data alone, as "addition".
    folder : path
        The shipped weights by default.

    Returns
    -------
    Network
        For data and mode, computing in float32.
    Family
        For data alone.

    Raises
    ------
    ValueError
        If there are no such weights; the message lists those that there are.
    OSError
        If a file is damaged.
    """
    names = available(folder)
    if name in names:
        return _network(Path(folder), name)
    members = [one for one in names if one.rsplit("-", 1)[0] == name]
    if not members:
        raise ValueError(
            f"no weights named {name!r}; expected one of {', '.join(names) or '(none shipped)'}"
            + (", or data alone" if names else "")
        )
    return Family(*(_network(Path(folder), member) for member in members))


def _network(folder: Path, name: str) -> Network:
    config = json.loads((folder / f"{name}.json").read_text())
    blob = (folder / f"{name}.safetensors").read_bytes()
    found = hashlib.sha256(blob).hexdigest()
    if found != config["sha256"]:
        raise OSError(f"{name}.safetensors: expected SHA-256 {config['sha256']}, got {found}")
    transformer = Transformer(TransformerConfig(**config["shape"]))
    transformer.load_state_dict({key: part.float() for key, part in parse(blob).items()})
    return Network(transformer, config["mode"], name, config)


def rounded(transformer: Transformer) -> Transformer:
    """Return a copy with the weights rounded to float16, as they come back from a file."""
    copy = Transformer(transformer.shape)
    copy.load_state_dict(
        {key: part.half().float() for key, part in transformer.state_dict().items()}
    )
    return copy


def save(network: Network, folder: Path | str) -> Path:
    """Write weights as float16 and the network's configuration.

    Parameters
    ----------
    network : Network
        Its `config` is written with shape, mode, number of parameters and hash added.
    folder : path
        Created if missing.

    Returns
    -------
    Path
        The weights file.

    Notes
    -----
    The configuration is replaced last: a crash between the two leaves a pair whose hash does not
    fit, which :func:`load` reports.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    halves = {key: part.half() for key, part in network.transformer.state_dict().items()}
    blob = serialise(halves)
    config = {
        **network.config,
        "mode": network.mode,
        "shape": vars(network.transformer.shape),
        "parameters": network.transformer.parameters_count,
        "stored_as": "float16",
        "sha256": hashlib.sha256(blob).hexdigest(),
    }
    target = folder / f"{network.name}.safetensors"
    write_whole(target, blob)
    write_whole(folder / f"{network.name}.json", _pretty(config))
    return target


def _pretty(config: dict[str, Any]) -> bytes:
    return (json.dumps(config, indent=2) + "\n").encode()


def table(folder: Path | str = FOLDER) -> str:
    """Return a Markdown table of the networks in a folder, from their configurations."""
    rows = [
        "| name | parameters | kB | steps | seed | CPU s | scores |",
        "|---|---|---|---|---|---|---|",
    ]
    for name in available(folder):
        config = json.loads((Path(folder) / f"{name}.json").read_text())
        kilobytes = (Path(folder) / f"{name}.safetensors").stat().st_size // 1000
        scores = ", ".join(f"{key} {value:.4g}" for key, value in config["scores"].items())
        made = (config[key] for key in ("steps", "seed", "cpu_seconds"))
        cells = (f"`{name}`", f"{config['parameters']:,}", kilobytes, *made, scores)
        rows.append(f"| {' | '.join(map(str, cells))} |")
    return "\n".join(rows) + "\n"


def write_whole(path: Path, content: bytes) -> None:
    """Replace a file by new content in one step."""
    scratch = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    try:
        scratch.write_bytes(content)
        os.replace(scratch, path)
    finally:
        scratch.unlink(missing_ok=True)
