import gettext
import os

import polib
import pytest

from config.texts.catalogues import compile_catalogues, find_faults, read_catalogue, update_catalogue
from config.texts.sources import Text

HEAD = 'msgid ""\nmsgstr ""\n"Language: de\\n"\n"Content-Type: text/plain; charset=utf-8\\n"\n"Plural-Forms: nplurals=2; plural=(n != 1);\\n"\n\n'
YES, VOTES = Text(msgid="Yes", file="a.html"), Text(msgid="%(n)s vote", plural="%(n)s votes", file="b.html")
WHOLE = 'msgid "Yes"\nmsgstr "Ja"\n\nmsgid "%(n)s vote"\nmsgid_plural "%(n)s votes"\nmsgstr[0] "Eine Stimme"\nmsgstr[1] "%(n)s Stimmen"\n'


@pytest.fixture
def catalogue(tmp_path):
    def write(entries=""):
        path = tmp_path / "locale" / "de" / "LC_MESSAGES" / "django.po"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(HEAD + entries)
        return path

    return write


def test_new_texts_wait_for_their_translation(catalogue):
    path = catalogue()

    assert update_catalogue(path, [YES, VOTES]) == 2

    yes, votes = read_catalogue(path)
    assert (yes.msgid, yes.msgstr) == ("Yes", "")
    assert votes.msgstr_plural == {0: "", 1: ""}
    assert len(list(find_faults(path, [YES, VOTES]))) == 2


def test_what_is_translated_stays_and_what_is_gone_goes(catalogue):
    path = catalogue(WHOLE)

    assert update_catalogue(path, [YES]) == 0

    assert [(entry.msgid, entry.msgstr) for entry in read_catalogue(path)] == [("Yes", "Ja")]


def test_a_second_update_changes_nothing(catalogue):
    path = catalogue(WHOLE)
    update_catalogue(path, [YES, VOTES])
    once = path.read_text()

    update_catalogue(path, [YES, VOTES])

    assert path.read_text() == once


def test_a_whole_catalogue_has_no_fault(catalogue):
    assert list(find_faults(catalogue(WHOLE), [YES, VOTES])) == []


@pytest.mark.parametrize(
    ("entries", "fault"),
    [
        (WHOLE.replace('"Ja"', '" "'), "not translated: 'Yes'"),
        (WHOLE.replace('"%(n)s Stimmen"', '""'), "not translated: '%(n)s vote'"),
        (WHOLE.replace("%(n)s Stimmen", "%(m)s Stimmen"), "other placeholders"),
        (WHOLE.replace('"Ja"', '"Ja %(n)s"'), "other placeholders"),
        (WHOLE.replace("%(n)s votes", "%(n)s ballots"), "another plural"),
        ("#, fuzzy\n" + WHOLE, "fuzzy: 'Yes'"),
        (WHOLE + '\nmsgid "No"\nmsgstr "Nein"\n', "in no source any more: 'No'"),
        (WHOLE + '\n#~ msgid "No"\n#~ msgstr "Nein"\n', "obsolete: 'No'"),
        (WHOLE.replace('msgid "Yes"\nmsgstr "Ja"\n', ""), "a.html: not in de: 'Yes'"),
    ],
)
def test_every_fault_is_named(catalogue, entries, fault):
    (found,) = find_faults(catalogue(entries), [YES, VOTES])

    assert found.startswith(fault)


def test_what_is_compiled_is_what_gettext_says(catalogue, tmp_path):
    path = catalogue(WHOLE)

    compile_catalogues(tmp_path)

    with path.with_suffix(".mo").open("rb") as file:
        said = gettext.GNUTranslations(file)
    assert said.gettext("Yes") == "Ja"
    assert [said.ngettext("%(n)s vote", "%(n)s votes", number) for number in (1, 2)] == ["Eine Stimme", "%(n)s Stimmen"]


def test_what_has_changed_is_compiled_again_and_what_has_not_is_left(catalogue, tmp_path):
    path = catalogue(WHOLE)
    compile_catalogues(tmp_path)
    made = path.with_suffix(".mo").stat().st_ino

    compile_catalogues(tmp_path)
    assert path.with_suffix(".mo").stat().st_ino == made

    path.write_text(path.read_text().replace("Ja", "Jawohl"))
    os.utime(path, (1_000_000, 1_000_000))
    compile_catalogues(tmp_path)

    assert polib.mofile(str(path.with_suffix(".mo"))).find("Yes").msgstr == "Jawohl"
    assert [file.name for file in sorted(path.parent.iterdir())] == ["django.mo", "django.po"]
