from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from hierarchy.models import Synset
from tests.hierarchy.wordnet_files import EXCERPT, build_noun_lines

pytestmark = pytest.mark.django_db


def run(path):
    out, err = StringIO(), StringIO()
    call_command("import_wordnet", str(path), stdout=out, stderr=err)
    return out.getvalue(), err.getvalue()


def write_lines(folder, lines):
    (folder / "data.noun").write_text("\n".join([*lines, ""]))


def assert_refused(path, message):
    with pytest.raises(CommandError, match=message):
        run(path)
    assert not Synset.objects.exists()


def test_it_prints_what_the_tables_hold():
    out, _ = run(EXCERPT)

    assert out.startswith("39 synsets, 43 parent links (1 of them instance links), ")
    assert "closure pairs in " in out


def test_it_says_when_nothing_changed():
    run(EXCERPT.parent)

    out, _ = run(EXCERPT.parent)

    assert out.endswith("were there already: nothing changed\n")


def test_it_tells_on_standard_error_what_it_is_doing():
    _, err = run(EXCERPT)

    assert err.splitlines()[1:] == [
        "computing the closure",
        "writing the synsets",
        "writing the closure",
        "checking the references",
    ]


def test_a_circle_of_hypernyms_is_refused_with_its_line(tmp_path):
    write_lines(tmp_path, build_noun_lines({1740: [], 1930: [("@", 2684)], 2684: [("@", 1930)]}))

    assert_refused(tmp_path, r"data\.noun: line [34]: hypernyms run in a circle")


def test_a_pointer_to_a_missing_synset_is_refused_with_its_line(tmp_path):
    lines = build_noun_lines({1740: [], 1930: [("@", 1740)]})
    write_lines(tmp_path, lines[:-1])

    assert_refused(tmp_path, r"data\.noun: line 2: points \(~\) to 00001930, which is missing")


def test_a_file_that_is_cut_off_is_refused_with_its_line(tmp_path):
    (tmp_path / "data.noun").write_bytes(EXCERPT.read_bytes()[:-10])

    assert_refused(tmp_path, r"data\.noun: line 68: the file is cut off inside this line")


def test_another_version_is_refused_with_its_line(tmp_path):
    (tmp_path / "data.noun").write_text(EXCERPT.read_text().replace("WordNet 3.0", "WordNet 3.1"))

    assert_refused(tmp_path, r"data\.noun: line 14: is WordNet 3\.1")


def test_a_missing_file_is_refused(tmp_path):
    assert_refused(tmp_path / "nowhere", "nowhere: is not a file")


def test_a_folder_without_nouns_is_refused(tmp_path):
    assert_refused(tmp_path, "holds neither data.noun nor data.noun.gz")


def test_a_database_with_other_synsets_is_refused(tmp_path):
    run(EXCERPT)
    write_lines(tmp_path, build_noun_lines({1740: []}))

    with pytest.raises(CommandError, match="other synsets"):
        run(tmp_path)
