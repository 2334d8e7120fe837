from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from annotation.consensus.files import LabelFile, VoteFile
from annotation.consensus.labels import Encoded, encode_files
from annotation.consensus.replayrules import RULES, Outcome, RuleError, Settings, join_votes, shuffle_votes
from tests.annotation.consensus.strategies import simulate_votes, split_rows

Rows = Sequence[tuple[str, str, str]]
SETTINGS = Settings(target_error=0.05, vote_cap=5, seed=0)
BINARY_RULES = sorted(RULES)
CLASS_RULES = ["all-votes", "dawid-skene", "majority", "sequential"]
SAYS = ("no", "unsure", "yes")


def simulate(seed: int, *, items: int = 120, letter: str = "t", workers: int = 12) -> tuple[Rows, dict[str, str]]:
    """Five votes an item, by workers who are mostly right."""
    chance = np.random.default_rng(seed + 1000)
    truth = (chance.random(items) < 0.4).astype(np.int8)
    tables = np.stack([chance.dirichlet([16, 1, 2], workers), chance.dirichlet([2, 1, 16], workers)], axis=1)
    votes, _ = simulate_votes(seed=seed, truth=truth, worker_tables=tables, votes_per_item=5)
    rows = [
        (f"{letter}{item}", f"w{worker}", SAYS[answer])
        for item, row in enumerate(split_rows(votes))
        for worker, answer in row
    ]
    return rows, {f"{letter}{item}": SAYS[2 * kind] for item, kind in enumerate(truth)}


def make_vote_file(rows: Rows) -> VoteFile:
    columns = [list(dict.fromkeys(row[place] for row in rows)) for place in range(3)]
    codes = [np.array([names.index(row[place]) for row in rows], dtype=np.int32) for place, names in enumerate(columns)]
    return VoteFile(
        path=Path("votes.csv"),
        tasks=columns[0],
        workers=columns[1],
        labels=columns[2],
        task=codes[0],
        worker=codes[1],
        label=codes[2],
        line=np.arange(2, len(rows) + 2, dtype=np.int32),
    )


def make_label_file(labels: Mapping[str, str]) -> LabelFile:
    return LabelFile(path=Path("gold.csv"), labels=dict(labels), lines=dict.fromkeys(labels, 2))


def encode(
    rows: Rows, *, gold: Mapping[str, str] | None = None, train: Rows | None = None, positive: str | None = "yes"
) -> Encoded:
    return encode_files(
        votes=make_vote_file(rows),
        gold=make_label_file(gold or {}),
        train=None if train is None else make_vote_file(train),
        positive=positive,
        unsure="unsure" if positive else None,
    )


def read(encoded: Encoded, outcome: Outcome) -> dict[str, float]:
    return dict(zip(encoded.tasks, outcome.probability[:, 1].tolist(), strict=True))


def take(labels: Mapping[str, str], number: int) -> dict[str, str]:
    return dict(list(labels.items())[:number])


@pytest.mark.parametrize("rule", BINARY_RULES)
def test_every_rule_is_right_where_votes_are_good(rule: str) -> None:
    rows, truth = simulate(1)
    encoded = encode(rows)

    outcome = RULES[rule](encoded, SETTINGS)

    right = [(value > 0.5) == (truth[task] == "yes") for task, value in read(encoded, outcome).items()]
    assert np.mean(right) > 0.85
    assert np.all(outcome.votes <= 5)
    assert np.all(outcome.probability.sum(axis=1) == pytest.approx(1))


@pytest.mark.parametrize("rule", BINARY_RULES)
def test_the_order_of_lines_changes_nothing(rule: str) -> None:
    rows, truth = simulate(2, items=60)
    gold = take(truth, 25)
    shuffled = [rows[place] for place in np.random.default_rng(0).permutation(len(rows))]

    first, second = (RULES[rule](encode(each, gold=gold), SETTINGS) for each in (rows, shuffled))

    assert first.probability == pytest.approx(second.probability, abs=1e-9)
    assert np.array_equal(first.votes, second.votes)


@pytest.mark.parametrize("rule", ["all-votes", "dawid-skene", "majority"])
def test_names_of_tasks_and_workers_change_nothing(rule: str) -> None:
    rows, truth = simulate(3, items=60)
    other = [(f"x{task[::-1]}", f"y{worker[::-1]}", label) for task, worker, label in rows]
    gold = {f"x{task[::-1]}": label for task, label in take(truth, 25).items()}
    plain, renamed = encode(rows, gold=take(truth, 25)), encode(other, gold=gold)

    first, second = RULES[rule](plain, SETTINGS), RULES[rule](renamed, SETTINGS)

    changed = read(renamed, second)
    for task, probability in read(plain, first).items():
        assert changed[f"x{task[::-1]}"] == pytest.approx(probability, abs=1e-6)


@pytest.mark.parametrize("rule", BINARY_RULES)
def test_labels_with_other_names_mean_the_same(rule: str) -> None:
    rows, truth = simulate(4, items=60)
    swapped = {"yes": "no", "no": "yes", "unsure": "unsure"}
    plain = encode(rows, gold=take(truth, 25))
    other = encode(
        [(task, worker, swapped[label]) for task, worker, label in rows],
        gold={task: swapped[label] for task, label in take(truth, 25).items()},
        positive="no",
    )

    first, second = RULES[rule](plain, SETTINGS), RULES[rule](other, SETTINGS)

    assert np.array_equal(first.probability, second.probability)
    assert np.array_equal(first.decided, second.decided)


@pytest.mark.parametrize("rule", BINARY_RULES)
def test_gold_is_known_whatever_was_voted(rule: str) -> None:
    rows, truth = simulate(5, items=60)
    lies = {task: "no" if label == "yes" else "yes" for task, label in take(truth, 6).items()}
    encoded = encode(rows, gold=lies)

    probability = read(encoded, RULES[rule](encoded, SETTINGS))

    assert {task: probability[task] for task in lies} == {task: float(label == "yes") for task, label in lies.items()}


@pytest.mark.parametrize("rule", CLASS_RULES)
def test_without_a_positive_label_every_vote_is_used_and_every_task_decided(rule: str) -> None:
    rows, truth = simulate(6)
    rows = [row for row in rows if row[2] != "unsure"]
    encoded = encode(rows, positive=None)

    outcome = RULES[rule](encoded, SETTINGS)

    assert encoded.classes == ["no", "yes"]
    assert outcome.votes.sum() == len(rows)
    assert outcome.decided.all()
    right = [(value > 0.5) == (truth[task] == "yes") for task, value in read(encoded, outcome).items()]
    assert np.mean(right) > 0.85


@pytest.mark.parametrize("rule", sorted(set(BINARY_RULES) - set(CLASS_RULES)))
def test_rules_that_need_yes_and_no_refuse_classes(rule: str) -> None:
    encoded = encode(simulate(7, items=5)[0], positive=None)

    with pytest.raises(RuleError, match="needs --positive"):
        RULES[rule](encoded, SETTINGS)


@pytest.mark.parametrize("rule", ["all-votes", "sequential"])
@pytest.mark.parametrize("number", [0, 50])
def test_what_was_learned_gives_the_same_when_it_is_used_again(rule: str, number: int) -> None:
    rows, truth = simulate(8)
    encoded = encode(rows, gold=take(truth, number))
    store = Settings(target_error=0.05, vote_cap=5, seed=3, store=True)
    first = RULES[rule](encoded, store)

    again = RULES[rule](encoded, Settings(target_error=0.05, vote_cap=5, seed=3, stored=first.learned))

    assert again.probability == pytest.approx(first.probability, abs=1e-9)
    assert np.array_equal(again.votes, first.votes)
    assert np.array_equal(again.decided, first.decided)


@pytest.mark.parametrize("rule", ["all-votes", "sequential"])
def test_what_is_stored_of_tasks_beforehand_is_believed(rule: str) -> None:
    rows, _ = simulate(8)
    encoded = encode([row for row in rows if row[0] != "t7"] + [("t7", "w1", "yes"), ("t7", "w2", "no")])
    learned = RULES[rule](encoded, SETTINGS).learned
    assert learned is not None
    doubtful = learned.parameters.meanings[:, 0] - learned.parameters.meanings[:, 1]
    told = replace(learned, priors={"t7": 3 * doubtful})

    before, after = (read(encoded, RULES[rule](encoded, replace(SETTINGS, stored=each))) for each in (learned, told))

    assert after["t7"] < before["t7"] - 0.05
    assert {**after, "t7": None} == {**before, "t7": None}


def test_parameters_of_another_shape_are_refused() -> None:
    learned = RULES["all-votes"](encode(simulate(9, items=30)[0], positive=None), SETTINGS).learned

    with pytest.raises(RuleError, match="are for 3 classes and 3 answers; the votes have 2 and 3"):
        RULES["all-votes"](
            encode(simulate(9, items=30)[0]), Settings(target_error=0.05, vote_cap=5, seed=0, stored=learned)
        )


def test_sequential_learns_from_training_votes_and_gold_only() -> None:
    rows, _ = simulate(10, items=60)
    train, _ = simulate(10, items=200, letter="x")
    other = [(task, worker, "yes") for task, worker, _ in rows]

    first, second = (RULES["sequential"](encode(each, train=train), SETTINGS).learned for each in (rows, other))

    assert first is not None
    assert second is not None
    assert first.to_json() == second.to_json()


@pytest.mark.parametrize("rule", ["all-votes", "sequential"])
def test_training_votes_on_the_same_tasks_count_for_nothing(rule: str) -> None:
    rows, _ = simulate(11, items=60)
    train, _ = simulate(11, items=100, letter="x")
    lies = [(task, worker, "yes") for task, worker, _ in rows]

    first, second = (RULES[rule](encode(rows, train=each), SETTINGS) for each in (train, [*lies, *train]))

    assert np.array_equal(first.probability, second.probability)


@pytest.mark.parametrize("rule", ["all-votes", "sequential"])
def test_training_votes_that_all_fall_away_are_as_none(rule: str) -> None:
    rows, _ = simulate(12, items=60)

    first, second = (RULES[rule](encode(rows, train=each), SETTINGS) for each in (None, rows))

    assert np.array_equal(first.probability, second.probability)
    assert np.array_equal(first.votes, second.votes)


def test_shuffled_votes_are_each_items_own() -> None:
    encoded = encode(simulate(13)[0])

    shuffled = shuffle_votes(votes=encoded.votes, seed=1)

    before, after = split_rows(encoded.votes), split_rows(shuffled)
    assert [sorted(row) for row in before] == [sorted(row) for row in after]
    assert before != after
    assert after == split_rows(shuffle_votes(votes=encoded.votes, seed=1))
    assert after != split_rows(shuffle_votes(votes=encoded.votes, seed=2))


def test_joined_votes_stand_behind_those_of_the_file_on_items_of_their_own() -> None:
    encoded = encode([("a", "v", "yes")], train=[("b", "w", "no"), ("a", "w", "no")])

    joined = join_votes(encoded)

    assert split_rows(joined) == [[(encoded.workers.index("v"), 2)], [(encoded.workers.index("w"), 0)]]


@pytest.mark.parametrize("rule", BINARY_RULES)
@pytest.mark.parametrize(
    "rows", [[], [("a", "v", "yes")], [("a", "v", "unsure")], [("a", "v", "no"), ("a", "w", "yes")]]
)
def test_next_to_no_votes_are_no_error(rule: str, rows: Rows) -> None:
    outcome = RULES[rule](encode(rows), SETTINGS)

    assert len(outcome.probability) == len({task for task, _, _ in rows})
    assert np.all(np.isfinite(outcome.probability))


def test_tossed_coins_are_hardly_believed_and_never_decided() -> None:
    chance = np.random.default_rng(14)
    rows = [(f"t{item}", f"w{worker}", chance.choice(["yes", "no"])) for item in range(200) for worker in range(5)]

    everything, one_by_one = (RULES[rule](encode(rows), SETTINGS) for rule in ("all-votes", "sequential"))

    assert everything.probability.max() < 0.8
    assert one_by_one.decided.sum() == 0


def test_votes_that_are_wrong_together_are_left_to_curators_where_gold_shows_it() -> None:
    rows, truth = simulate(15, items=300)
    chance = np.random.default_rng(99)
    wrong = {task: "no" if label == "yes" else "yes" for task, label in truth.items()}
    real = {task: wrong[task] if chance.random() < 0.4 else label for task, label in truth.items()}

    outcome = RULES["sequential"](encode(rows, gold=take(real, 150)), SETTINGS)

    assert outcome.decided.sum() <= 3


def test_votes_that_are_wrong_together_are_never_certain_even_without_gold() -> None:
    rows = [(f"t{item}", f"w{worker}", "yes" if item % 3 else "no") for item in range(90) for worker in range(9)]

    probability = RULES["all-votes"](encode(rows), SETTINGS).probability

    assert 0.01 < probability.min() < probability.max() < 0.99


def test_decisions_end_the_asking() -> None:
    rows, truth = simulate(16, items=200)
    encoded = encode(rows, gold=take(truth, 100))

    outcome = RULES["sequential"](encoded, SETTINGS)

    assert outcome.votes.sum() < len(rows)
    assert outcome.decided.mean() > 0.6
