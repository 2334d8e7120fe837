import hashlib
import io
import tarfile
import zipfile

import pytest

from config import fetch
from config.fetch import FetchError, Package

NOUNS = b"00001740 03 n 01 entity"
FILES = {"nouns-1.0/data/data.noun": hashlib.sha256(NOUNS).hexdigest()}
SETUP = b"raise SystemExit('the setup code of the archive was run')"


@pytest.fixture
def index(tmp_path, monkeypatch):
    """A folder that pip takes for the whole registry."""
    folder = tmp_path / "index"
    folder.mkdir()
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


@pytest.fixture
def downloads(tmp_path):
    return tmp_path / "downloads"


def make_package(path, *, sha256=None):
    digest = sha256 or hashlib.sha256(path.read_bytes()).hexdigest()
    return Package("nouns", "1.0", digest, is_wheel=path.suffix == ".whl", content="the nouns", variable="NOUNS")


def write_source_archive(index):
    path = index / "nouns-1.0.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        for name, data in ((name, NOUNS) for name in FILES):
            add_member(archive, name, data)
        add_member(archive, "nouns-1.0/setup.py", SETUP)
    return make_package(path)


def add_member(archive, name, data):
    member = tarfile.TarInfo(name)
    member.size = len(data)
    archive.addfile(member, io.BytesIO(data))


def write_wheel(index):
    path = index / "nouns-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for name in FILES:
            archive.writestr(name, NOUNS)
        archive.writestr("nouns-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: nouns\nVersion: 1.0\n")
        archive.writestr("nouns-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        archive.writestr("nouns-1.0.dist-info/RECORD", "")
    return make_package(path)


def ensure(downloads, package):
    return fetch.ensure_files(folder=downloads / "nouns", package=package, files=FILES)


def test_files_come_out_of_a_source_archive_whose_code_does_not_run(index, downloads):
    folder = ensure(downloads, write_source_archive(index))

    assert (folder / "data.noun").read_bytes() == NOUNS
    assert [path.name for path in downloads.iterdir()] == ["nouns"]


def test_files_come_out_of_a_wheel(index, downloads):
    folder = ensure(downloads, write_wheel(index))

    assert (folder / "data.noun").read_bytes() == NOUNS


def test_files_that_are_there_are_not_fetched_again(index, downloads):
    package = write_source_archive(index)
    ensure(downloads, package)
    (index / "nouns-1.0.tar.gz").unlink()

    assert (ensure(downloads, package) / "data.noun").read_bytes() == NOUNS


def test_a_damaged_file_is_fetched_again(index, downloads):
    package = write_source_archive(index)
    (ensure(downloads, package) / "data.noun").write_bytes(NOUNS[:5])

    assert (ensure(downloads, package) / "data.noun").read_bytes() == NOUNS


def test_a_package_with_another_digest_is_refused(index, downloads):
    write_source_archive(index)
    package = make_package(index / "nouns-1.0.tar.gz", sha256="0" * 64)

    with pytest.raises(FetchError, match="DO NOT MATCH THE HASHES"):
        ensure(downloads, package)
    assert list(downloads.iterdir()) == []


def test_a_file_with_another_digest_is_refused(index, downloads):
    package = write_source_archive(index)

    with pytest.raises(FetchError, match=r"data\.noun is not the file that was expected"):
        fetch.ensure_files(folder=downloads / "nouns", package=package, files=dict.fromkeys(FILES, "0" * 64))


def test_without_a_registry_the_message_names_the_way_around_it(index, downloads):
    package = write_source_archive(index)
    (index / "nouns-1.0.tar.gz").unlink()

    with pytest.raises(FetchError, match="give the path of the nouns as NOUNS=PATH"):
        ensure(downloads, package)


def test_wordnet_that_is_named_is_taken_as_it_is(monkeypatch, tmp_path):
    monkeypatch.setenv("WORDNET", str(tmp_path))

    assert fetch.ensure_wordnet() == tmp_path


def test_wordnet_that_is_named_must_exist(monkeypatch, tmp_path):
    monkeypatch.setenv("WORDNET", str(tmp_path / "nowhere"))

    with pytest.raises(FetchError, match=r"WORDNET=.*nowhere: there is no such file or folder"):
        fetch.ensure_wordnet()


def test_pictures_that_are_named_must_be_those_of_the_manifest(monkeypatch, tmp_path):
    monkeypatch.setenv("PICTURES", str(tmp_path))

    with pytest.raises(FetchError, match=r"1f988\.png is missing"):
        fetch.ensure_pictures()


def test_the_command_says_what_is_wrong_and_fails(monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("WORDNET", str(tmp_path / "nowhere"))

    assert fetch.main() == 1
    assert "there is no such file or folder" in capsys.readouterr().err
