import csv
from collections import Counter

import pytest

from demo import choose
from demo.choose import Picture
from hierarchy.wordnet import open_noun_file, read_nouns
from tests.hierarchy.wordnet_files import EXCERPT, build_noun_lines, number_lines

# 1 is above 2 and 3; 4 and 5 are below 2, 6 below 3; 7 is below 1 only.
PARENTS = {1: [], 2: [("@", 1)], 3: [("@", 1)], 4: [("@", 2)], 5: [("@", 2)], 6: [("@", 3)], 7: [("@", 1)]}


def make_pictures(offsets):
    return [Picture(f"{number}.png", "0" * 64, offset) for number, offset in enumerate(offsets)]


def choose_for(offset, pictured):
    nouns = {noun.offset: noun for noun in read_nouns(number_lines(build_noun_lines(PARENTS)))}
    choice = choose.choose_pictures(offset=offset, pictures=make_pictures(pictured), nouns=nouns)
    return sorted(picture.offset for picture in choice.own), sorted(picture.offset for picture in choice.wrong)


def read_candidates():
    with choose.CANDIDATES.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_pictures_at_or_below_the_synset_are_its_own():
    own, _ = choose_for(2, [2, 4, 5, 6])

    assert own == [2, 4, 5]


def test_the_nearest_relatives_are_the_wrong_ones():
    _, wrong = choose_for(4, [4, 5, 6, 7])

    assert wrong == [5]


def test_there_are_as_many_wrong_pictures_as_own_ones_where_there_are_enough():
    own, wrong = choose_for(4, [4, 4, 5, 6, 6, 6])

    assert own == [4, 4]
    assert wrong == [5, 6]


def test_a_picture_of_something_above_the_synset_is_not_proposed():
    own, wrong = choose_for(4, [4, 2, 1, 5])

    assert (own, wrong) == ([4], [5])


def test_a_synset_with_many_pictures_gives_some_of_them():
    own, wrong = choose_for(2, [4] * 20 + [6] * 20)

    assert len(own) == len(wrong) == choose.MOST_OWN


def test_the_same_input_gives_the_same_choice():
    assert choose_for(2, [4] * 20 + [6] * 20) == choose_for(2, [4] * 20 + [6] * 20)


def test_the_committed_truth_is_what_the_hierarchy_says():
    with open_noun_file(EXCERPT) as lines:
        nouns = {noun.offset: noun for noun in read_nouns(lines)}
    known = [row for row in read_candidates() if {int(row["wnid"][1:]), int(row["truth_wnid"][1:])} <= nouns.keys()]

    for row in known:
        shown = int(row["wnid"][1:]) in choose.find_ancestors(int(row["truth_wnid"][1:]), nouns)
        assert row["truth"] == ("YES" if shown else "NO")
    assert {row["truth"] for row in known} == {"YES", "NO"}


def test_the_committed_candidates_are_of_the_manifest():
    manifest = {(picture.sha256, f"n{picture.offset:08d}") for picture in choose.read_pictures(choose.MANIFEST)}

    assert {(row["sha256"], row["truth_wnid"]) for row in read_candidates()} <= manifest


def test_the_committed_candidates_are_of_the_synsets_in_the_list():
    assert {int(row["wnid"][1:]) for row in read_candidates()} == set(choose.read_synsets())


@pytest.mark.parametrize("truth", ["YES", "NO"])
def test_each_synset_has_a_handful_of_pictures_of_each_kind(truth):
    counts = Counter(row["wnid"] for row in read_candidates() if row["truth"] == truth)

    assert set(counts) == {row["wnid"] for row in read_candidates()}
    assert min(counts.values()) >= 4
    assert max(counts.values()) <= choose.MOST_OWN


def test_no_picture_is_proposed_twice_for_a_synset():
    pairs = Counter((row["file"], row["wnid"]) for row in read_candidates())

    assert max(pairs.values()) == 1


def test_every_candidate_says_who_made_it_and_under_which_licence():
    provenance = {(row["author"], row["licence"]) for row in read_candidates()}

    assert provenance == {("Twemoji, Copyright 2019 Twitter, Inc and other contributors", "CC BY 4.0")}
