from datetime import UTC, datetime

import pytest
from django.db import connection

from hierarchy.actions import wordnet
from hierarchy.errors import Conflict
from hierarchy.models import Closure, ParentLink, Synset, SynsetWord, WordNetImport
from hierarchy.wordnet import open_noun_file, read_nouns
from tests.hierarchy.rows import make_synset
from tests.hierarchy.wordnet_files import EXCERPT, build_noun_lines

pytestmark = pytest.mark.django_db

AT = datetime(2026, 1, 1, 12, tzinfo=UTC)
DOG = 2084071
PARIS = 8932568
NATIONAL_CAPITAL = 8691669


def import_nouns(path=EXCERPT, *, progress=lambda text: None):
    return wordnet.import_nouns(path=path, at=AT, progress=progress)


def count_rows():
    return [model.objects.count() for model in (Synset, SynsetWord, ParentLink, Closure, WordNetImport)]


def write_nouns(folder, parents):
    path = folder / "data.noun"
    path.write_text("\n".join([*build_noun_lines(parents), ""]))
    return path


def test_a_synset_has_its_words_and_gloss():
    import_nouns()

    dog = Synset.objects.get(pk=DOG)
    assert dog.wnid == "n02084071"
    assert dog.words == ["dog", "domestic dog", "Canis familiaris"]
    assert dog.gloss.startswith("a member of the genus Canis")
    assert dog.safety == Synset.Safety.UNSET


def test_the_words_are_searched_in_lower_case():
    import_nouns()

    words = SynsetWord.objects.filter(synset=DOG).order_by("position").values_list("word", flat=True)
    assert list(words) == ["dog", "domestic dog", "canis familiaris"]


def test_every_parent_link_says_whether_it_is_of_an_instance():
    import_nouns()

    with open_noun_file(EXCERPT) as lines:
        expected = {(noun.offset, *parent) for noun in read_nouns(lines) for parent in noun.parents}
    assert set(ParentLink.objects.values_list("child", "parent", "instance")) == expected
    assert (PARIS, NATIONAL_CAPITAL, True) in expected


def test_the_closure_is_what_following_every_link_gives():
    import_nouns()

    parents: dict[int, list[int]] = {}
    for child, parent in ParentLink.objects.values_list("child", "parent"):
        parents.setdefault(child, []).append(parent)

    def walk_up(offset):
        return {offset}.union(*(walk_up(parent) for parent in parents.get(offset, [])))

    expected = {(offset, above) for offset in Synset.objects.values_list("pk", flat=True) for above in walk_up(offset)}
    assert set(Closure.objects.values_list("descendant", "ancestor")) == expected


def test_the_counts_are_those_of_the_tables():
    imported = import_nouns()

    assert imported.changed
    assert imported.synsets == Synset.objects.count() == 39
    assert imported.parent_links == ParentLink.objects.count()
    assert imported.instance_links == ParentLink.objects.filter(instance=True).count() == 1
    assert imported.closure_pairs == Closure.objects.count()


def test_quotes_backslashes_and_commas_arrive_as_they_are(tmp_path):
    lines = build_noun_lines({1740: []})
    lines[1] = '00001740 03 n 02 a"b\\c,d{e} 0 O\'Neill 0 000 | "a, b"; \\N  '
    (tmp_path / "data.noun").write_text("\n".join([*lines, ""]))

    import_nouns(tmp_path)

    synset = Synset.objects.get()
    assert synset.words == ['a"b\\c,d{e}', "O'Neill"]
    assert synset.gloss == '"a, b"; \\N'


def test_the_same_nouns_again_change_nothing():
    import_nouns()
    before = count_rows()

    again = import_nouns()

    assert not again.changed
    assert count_rows() == before


def test_the_same_nouns_with_other_line_ends_change_nothing(tmp_path):
    import_nouns()
    (tmp_path / "data.noun").write_bytes(EXCERPT.read_bytes().replace(b"\n", b"\r\n"))

    assert not import_nouns(tmp_path).changed


def test_a_second_import_leaves_the_safety_alone():
    import_nouns()
    Synset.objects.filter(pk=DOG).update(safety=Synset.Safety.SENSITIVE)

    import_nouns()

    assert Synset.objects.get(pk=DOG).safety == Synset.Safety.SENSITIVE


def test_other_nouns_are_refused(tmp_path):
    import_nouns()
    before = count_rows()

    with pytest.raises(Conflict, match="other synsets"):
        import_nouns(write_nouns(tmp_path, {1740: []}))

    assert count_rows() == before


def test_tables_filled_by_other_means_are_refused():
    make_synset(1740)

    with pytest.raises(Conflict, match="other synsets"):
        import_nouns()


def test_tables_that_have_lost_rows_are_refused():
    import_nouns()
    ParentLink.objects.filter(child=DOG).delete()

    with pytest.raises(Conflict, match="hierarchy_parentlink has"):
        import_nouns()


def test_a_failed_import_leaves_nothing():
    def fail_late(text):
        if text == "checking the references":
            raise InterruptedError

    with pytest.raises(InterruptedError):
        import_nouns(progress=fail_late)

    assert count_rows() == [0, 0, 0, 0, 0]


def test_two_imports_at_once_exclude_each_other():
    other = connection.copy()
    try:
        with other.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock(hashtextextended(%s, 0))", [wordnet.LOCK_NAME])

        with pytest.raises(Conflict, match="running"):
            import_nouns()
    finally:
        other.close()
