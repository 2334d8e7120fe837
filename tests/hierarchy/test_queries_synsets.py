import pytest

from hierarchy.errors import InvalidInput, NotFound
from hierarchy.models import Closure, ParentLink, Synset
from hierarchy.queries import synsets
from tests.hierarchy.excerpt import find_word, import_excerpt, walk_below
from tests.hierarchy.rows import link_synsets, make_search_words, make_synset

pytestmark = pytest.mark.django_db


@pytest.fixture
def excerpt():
    import_excerpt()


def walk_paths(synset_id):
    """Every path from the root down to a synset, link by link."""
    parents = list(ParentLink.objects.filter(child_id=synset_id).values_list("parent_id", flat=True))
    return [[*path, synset_id] for parent in parents for path in walk_paths(parent)] or [[synset_id]]


def first_words(found):
    return [synset.words[0] for synset in found]


def test_a_wnid_is_the_number_after_its_letter():
    assert synsets.parse_wnid("n02084071") == 2084071


@pytest.mark.parametrize(
    "text", ["", "n2084071", "v02084071", "n02084071 ", "n020840711", "n0208407\u0661", "N02084071"]
)
def test_anything_else_is_no_wnid(text):
    with pytest.raises(InvalidInput) as refusal:
        synsets.parse_wnid(text)

    assert list(refusal.value.fields) == ["wnid"]


def test_a_synset_is_found_by_its_wnid_and_an_unknown_one_is_not(excerpt):
    assert synsets.find_synset("n02084071").words[0] == "dog"
    with pytest.raises(NotFound):
        synsets.find_synset("n99999999")


def test_the_root_is_the_synset_without_parents(excerpt):
    assert synsets.find_root().words == ["entity"]


def test_before_an_import_there_is_no_root():
    assert synsets.find_root() is None


def test_search_puts_the_word_itself_before_its_beginning_before_its_inside():
    make_synset(1, "hot dog")
    make_synset(2, "dogfish")
    make_synset(3, "big brown dog")
    make_synset(4, "dog bite")
    make_synset(5, "frump", "dog")
    make_synset(6, "dog", "domestic dog")
    make_search_words()

    assert [synset.pk for synset in synsets.search_synsets(" DOG ")] == [6, 5, 2, 4, 1, 3]


def test_search_names_a_synset_once_and_stops_at_its_limit():
    for number in range(1, 5):
        make_synset(number, "paris", "Paris of old")
    make_search_words()

    assert [synset.pk for synset in synsets.search_synsets("paris", limit=3)] == [1, 2, 3]


def test_search_reads_underscores_as_blanks_and_signs_of_patterns_as_themselves():
    make_synset(1, "hot dog")
    make_synset(2, "100% wool")
    make_search_words()

    assert first_words(synsets.search_synsets("hot_dog")) == ["hot dog"]
    assert first_words(synsets.search_synsets("00%")) == ["100% wool"]
    assert synsets.search_synsets("%og") == []


def test_search_looks_inside_words_from_three_letters_on():
    make_synset(1, "hot dog")
    make_search_words()

    assert synsets.search_synsets("og") == []
    assert first_words(synsets.search_synsets("dog")) == ["hot dog"]


@pytest.mark.parametrize("text", ["", "  ", "\0", "x" * 101])
def test_search_finds_nothing_for_what_cannot_be_a_word(excerpt, text, django_assert_num_queries):
    with django_assert_num_queries(0):
        assert synsets.search_synsets(text) == []


def test_search_takes_a_wnid(excerpt):
    assert first_words(synsets.search_synsets("N02084071")) == ["dog"]


def test_parents_come_ordinary_ones_first():
    city, capital, paris = (make_synset(number) for number in (1, 2, 3))
    link_synsets(paris, city, instance=True)
    link_synsets(paris, capital)

    assert [(parent.synset.pk, parent.instance) for parent in synsets.list_parents(3)] == [(2, False), (1, True)]


def test_ancestors_come_nearest_first_with_their_distance(excerpt):
    ancestors = synsets.list_ancestors(find_word("dog").pk)

    nearest = {(relative.synset.words[0], relative.distance) for relative in ancestors[:2]}
    assert nearest == {("canine", 1), ("domestic animal", 1)}
    assert [relative.distance for relative in ancestors] == sorted(relative.distance for relative in ancestors)
    assert ancestors[-1].synset.words == ["entity"]


def test_descendants_page_by_id_through_everything_below(excerpt):
    root = synsets.find_root().pk
    found, after = [], None
    while page := synsets.list_descendants(root, limit=7, instances=True, after=after):
        found += [relative.synset.pk for relative in page]
        after = found[-1]

    assert found == sorted(walk_below(root) - {root})


def test_descendants_leave_out_instances_unless_asked(excerpt):
    root, paris = synsets.find_root().pk, find_word("Paris")

    without = {relative.synset.pk for relative in synsets.list_descendants(root, limit=100)}

    assert len(without) == 37
    assert paris.pk not in without


def test_the_path_is_one_of_the_shortest_from_the_root(excerpt, django_assert_num_queries):
    for synset in Synset.objects.all():
        with django_assert_num_queries(1):
            path = [step.pk for step in synsets.find_path(synset)]

        paths = walk_paths(synset.pk)
        assert path in paths
        assert len(path) == min(map(len, paths))


def test_of_two_shortest_paths_it_is_the_ordinary_one_then_the_smaller_number():
    root, left, right, bottom = (make_synset(number) for number in (1, 2, 3, 4))
    for child, parent, instance in (
        (left, root, False),
        (right, root, False),
        (bottom, left, True),
        (bottom, right, False),
    ):
        link_synsets(child, parent, instance=instance)
    for ancestor, distance in ((1, 2), (2, 1), (3, 1), (4, 0)):
        Closure.objects.create(ancestor_id=ancestor, descendant_id=4, distance=distance, instance=False)

    assert [step.pk for step in synsets.find_path(Synset.objects.get(pk=4))] == [1, 3, 4]


def test_parents_of_all_above_stand_before_their_children(excerpt):
    dog, cat = find_word("dog").pk, find_word("cat").pk

    parents = synsets.order_parents([dog, cat])

    links = ParentLink.objects.filter(child__in=parents)
    assert {(child, parent) for child, own in parents.items() for parent in own} == set(
        links.values_list("child_id", "parent_id")
    )
    assert set(parents) == {each for synset in (dog, cat) for path in walk_paths(synset) for each in path}
    order = list(parents)
    assert all(order.index(parent) < order.index(child) for child, own in parents.items() for parent in own)


def test_the_root_stands_alone_and_an_unknown_synset_nowhere(excerpt):
    root = synsets.find_root()

    assert synsets.order_parents([root.pk, 99999999]) == {root.pk: []}
