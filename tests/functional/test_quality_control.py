"""The same campaign twice: with honest annotators alone, and with three in ten who answer yes to all, by chance, or carefully only where
they know that they are watched."""

import random
import shutil
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pytest

from annotation.management.crowd import ALWAYS_YES, GOOD, RANDOM, SimulatedAnnotator, Skill
from tests.functional.crowd import Crowd
from tests.functional.pictures import NOUNS, draw_candidates, read_truths
from tests.functional.service import Service
from tests.functional.test_blindness import WNIDS, write_gold

pytestmark = [pytest.mark.functional, pytest.mark.heavy, pytest.mark.xdist_group("quality")]
ANNOTATORS, EACH, GOLD = 40, 260, 60
# Of each twenty: 15 % say yes, 10 % guess, 5 % guess where they know that it is no gold.
CAREFUL = "careful on gold"
WAYS = ("yes", "yes", "yes", "random", "random", CAREFUL)
SKILLS = {"honest": GOOD, "yes": ALWAYS_YES, "random": RANDOM, CAREFUL: RANDOM}
MOST_LOST, MOST_BARRED = 0.01, 0.01
PAGE_SECONDS = 6.0
OF_PAGE = """
SELECT item.position, synset.wnid, encode(image.sha256, 'hex'), question.is_gold
FROM annotation_batchitem AS item JOIN annotation_question AS question ON question.id = item.question_id
JOIN hierarchy_candidate AS candidate ON candidate.id = question.candidate_id
JOIN hierarchy_synset AS synset ON synset.id = candidate.synset_id
JOIN hierarchy_image AS image ON image.id = candidate.image_id WHERE item.batch_id = %s
"""
ACCEPTED = """
SELECT synset.wnid, encode(image.sha256, 'hex') FROM annotation_question AS question
JOIN hierarchy_candidate AS candidate ON candidate.id = question.candidate_id
JOIN hierarchy_synset AS synset ON synset.id = candidate.synset_id
JOIN hierarchy_image AS image ON image.id = candidate.image_id WHERE question.state = 'ACCEPTED'
"""
BARRED = """
SELECT account.username FROM annotation_annotator AS annotator JOIN auth_user AS account ON account.id = annotator.user_id
WHERE annotator.barred_at IS NOT NULL
"""


class UnhurriedAnnotator(SimulatedAnnotator):
    """Takes so long for a page that an estimation ends while somebody still answers, as it would among people."""

    def answer(self, batch: str) -> None:
        time.sleep(PAGE_SECONDS)
        super().answer(batch)


class WatchedAnnotator(UnhurriedAnnotator):
    """Knows its gold, by whatever leak, and is careful there."""

    def choose(self, truth: str, picture: str) -> str:
        if not picture.startswith("gold:"):
            return super().choose(truth, picture)
        chance = random.Random(f"{self.seed}:{picture}").random()
        return truth if chance < GOOD.sensitivity else {"YES": "NO", "NO": "YES"}[truth]


@dataclass(frozen=True)
class MixedCrowd(Crowd):
    """`ways`: how the annotator with each token answers."""

    ways: dict[str, str] | None = None

    def find_page(self, batch):
        rows = self.service.ask(OF_PAGE, batch)
        return {
            position: (self.truths[wnid, sha256], f"{'gold:' if is_gold else ''}{sha256}")
            for position, wnid, sha256, is_gold in rows
        }

    def make_annotator(self, token, record):
        way = (self.ways or {})[token]
        skill: Skill = SKILLS[way]
        kind = WatchedAnnotator if way == CAREFUL else UnhurriedAnnotator
        return kind(
            client=self.make_client(token, record),
            skill=skill,
            seed=token,
            campaign=self.campaign,
            find_truths=self.find_page,
        )


@dataclass(frozen=True)
class Outcome:
    precision: float
    accepted: int
    votes: int
    barred: Counter[str]


def run_campaign(folder: Path, ways: list[str]) -> Outcome:
    # What takes weeks elsewhere takes a minute here, and so do the hours between two estimations.
    service = Service(folder, variables={"ESTIMATION_SECONDS": "10"})
    try:
        service.start()
        service.manage("import_wordnet", NOUNS / "data.noun")
        manifest = draw_candidates(folder / "pictures", wnids=WNIDS, each=EACH, share_true=0.5)
        tokens = service.prepare("fair", manifest, "--annotators", ANNOTATORS)
        write_gold(manifest, folder / "gold.csv", each=GOLD)
        service.manage("import_gold", folder / "gold.csv", "--campaign", "fair")
        way_of = {name: ways[int(name) - 1] for name in tokens if name != "curator"}
        crowd = MixedCrowd(
            service,
            "fair",
            read_truths(manifest),
            [tokens[name] for name in way_of],
            ways={tokens[name]: way for name, way in way_of.items()},
        )
        with crowd.at_work() as record:
            pass
        accepted = service.ask(ACCEPTED)
        right = sum(crowd.truths[pair] == "YES" for pair in accepted)
        barred = Counter(way_of[name.removeprefix("fair-")] for (name,) in service.ask(BARRED))
        return Outcome(right / len(accepted), len(accepted), record.votes, barred)
    finally:
        service.stop()


@pytest.fixture(scope="module")
def outcomes():
    """Without and with."""
    folders = [Path(tempfile.mkdtemp(prefix="veriset-quality-")) for _ in range(2)]
    bad = [*WAYS, *WAYS]
    crowds = (["honest"] * ANNOTATORS, [*bad, *["honest"] * (ANNOTATORS - len(bad))])
    try:
        found = [run_campaign(folder, ways) for folder, ways in zip(folders, crowds, strict=True)]
        for outcome in found:
            print(outcome)
        yield found
    finally:
        for folder in folders:
            shutil.rmtree(folder, ignore_errors=True)


def test_three_in_ten_who_do_not_look_cost_no_more_than_a_hundredth_of_precision(outcomes):
    without, mixed = outcomes

    assert min(without.accepted, mixed.accepted) > 300
    assert mixed.precision >= without.precision - MOST_LOST


def test_those_who_do_not_look_are_barred_and_honest_ones_are_not(outcomes):
    without, mixed = outcomes

    assert without.barred["honest"] <= MOST_BARRED * ANNOTATORS
    assert mixed.barred["honest"] <= MOST_BARRED * ANNOTATORS
    assert mixed.barred.total() >= 1
