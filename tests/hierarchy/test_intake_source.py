import subprocess
import sys
from collections.abc import Generator

import pytest

from hierarchy.imaging import values as imaging
from hierarchy.intake import values as intake
from hierarchy.intake.source import open_source
from tests.hierarchy.picture_files import jpeg


@pytest.mark.parametrize("name", ["missing.zip", "pictures.rar"])
def test_what_is_no_source_is_an_error_at_once(tmp_path, name):
    (tmp_path / "pictures.rar").write_bytes(b"Rar!")

    with pytest.raises(intake.IntakeError, match=name):
        open_source(tmp_path / name)


def test_a_reading_that_is_given_up_half_way_leaves_nothing_open(tmp_path):
    (tmp_path / "n02084071").mkdir()
    for name in (".hidden.jpg", "a.jpg", "b.jpg"):
        (tmp_path / "n02084071" / name).write_bytes(jpeg())
    outcomes = open_source(tmp_path)
    assert isinstance(outcomes, Generator)

    assert isinstance(next(outcomes), intake.SourceItem)
    outcomes.close()


def test_a_long_name_is_shown_by_its_end():
    shown = intake.clean_text("x" * 500 + ".jpg")

    assert len(shown) == intake.MAX_NAME_LENGTH
    assert shown.endswith("x.jpg")


def test_names_that_intake_lets_through_are_those_that_imaging_decodes():
    assert set(intake.PICTURE_SUFFIXES) == set(imaging.FORMAT_OF_SUFFIX)
    assert intake.MAX_ITEM_BYTES == imaging.MAX_BYTES


def test_intake_does_not_know_django():
    code = "import sys, hierarchy.intake.source; sys.exit('django' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
