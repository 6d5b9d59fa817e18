"""Fetch the scripts and fonts that the site serves itself, and write down what they are.

``python book/_ext/vendor.py`` downloads the pinned npm packages, copies the few files the pages
need to ``book/assets/vendor`` and writes ``MANIFEST.json`` (name, version, licence, SHA-256 of
every file).  ``--check`` compares the files on disk with the manifest and needs no network.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
import subprocess
import sys
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path

VENDOR = Path(__file__).resolve().parent.parent / "assets" / "vendor"
MANIFEST = VENDOR / "MANIFEST.json"


@dataclass(frozen=True)
class Package:
    """One pinned npm package: the files wanted (globs inside it) and where they go."""

    name: str
    version: str
    licence: str
    folder: str
    strip: str
    files: tuple[str, ...]


def _font(name: str, version: str, cuts: tuple[str, ...]) -> Package:
    wanted = tuple(
        f"files/{name}-{subset}-wght-{cut}.woff2"
        for cut in cuts
        for subset in ("latin", "latin-ext", "greek")
    )
    return Package(
        f"@fontsource-variable/{name}", version, "OFL-1.1", f"fonts/{name}", "files/",
        (*wanted, "LICENSE"),
    )


PACKAGES = (
    Package(
        "mathjax", "3.2.2", "Apache-2.0", "mathjax", "es5/",
        (
            "es5/tex-mml-chtml.js",
            "es5/output/chtml/fonts/woff-v2/*.woff",
            "es5/input/tex/extensions/*.js",
            "es5/a11y/*.js",
            "es5/sre/mathmaps/base.json",
            "es5/sre/mathmaps/en.json",
            "LICENSE",
        ),
    ),
    _font("source-serif-4", "5.3.1", ("normal", "italic")),
    _font("source-sans-3", "5.3.0", ("normal",)),
    _font("source-code-pro", "5.3.0", ("normal",)),
)


def sha256(path: Path) -> str:
    """Hexadecimal SHA-256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _unpack(package: Package, scratch: Path) -> Path:
    """Download one package with ``npm pack`` and return the folder it unpacks to."""
    spec = f"{package.name}@{package.version}"
    done = subprocess.run(
        ["npm", "pack", "--silent", spec], cwd=scratch, check=True, capture_output=True, text=True
    )
    folder = scratch / package.folder.replace("/", "-")
    with tarfile.open(scratch / done.stdout.split()[-1]) as archive:
        archive.extractall(folder, filter="data")
    return folder / "package"


def _copy(package: Package, source: Path) -> list[dict[str, str]]:
    entries = []
    for pattern in package.files:
        found = sorted(source.glob(pattern))
        if not found:
            raise FileNotFoundError(f"{package.name} {package.version} has no file {pattern}")
        for path in found:
            inner = path.relative_to(source).as_posix().removeprefix(package.strip)
            target = VENDOR / package.folder / inner
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)
            entries.append(
                {
                    "file": target.relative_to(VENDOR).as_posix(),
                    "name": package.name,
                    "version": package.version,
                    "licence": package.licence,
                    "sha256": sha256(target),
                }
            )
    return entries


def fetch() -> list[dict[str, str]]:
    """Replace the vendor folder by fresh copies and write the manifest."""
    shutil.rmtree(VENDOR, ignore_errors=True)
    with tempfile.TemporaryDirectory() as scratch:
        entries = []
        for package in PACKAGES:
            entries += _copy(package, _unpack(package, Path(scratch)))
    MANIFEST.write_text(json.dumps(entries, indent=1) + "\n", encoding="utf-8")
    return entries


def check() -> list[str]:
    """Return one line for every file that is missing, changed or not in the manifest."""
    listed = {entry["file"]: entry for entry in json.loads(MANIFEST.read_text(encoding="utf-8"))}
    present = {
        path.relative_to(VENDOR).as_posix() for path in VENDOR.rglob("*") if path.is_file()
        and path.parent.name != ".ipynb_checkpoints"
    } - {MANIFEST.name}
    problems = [f"{name}: listed but missing" for name in sorted(set(listed) - present)]
    problems += [f"{name}: present but not listed" for name in sorted(present - set(listed))]
    problems += [
        f"{name}: content differs from the manifest"
        for name in sorted(present & set(listed))
        if sha256(VENDOR / name) != listed[name]["sha256"]
    ]
    return problems


def main(argv: list[str] | None = None) -> int:
    """Command line: fetch, or check without network."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="compare with the manifest only")
    if parser.parse_args(argv).check:
        problems = check()
        print("\n".join(problems) or "vendored files equal the manifest")
        return bool(problems)
    print(f"{len(fetch())} files in {VENDOR}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
