"""What a simulation needs to know of the questions it is asked, and of what became of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from annotation.models import BatchItem, Gold, Question
from annotation.queries.campaigns import find_campaign

# (wnid, SHA-256 of the picture in hex) -> YES or NO
Truths = Mapping[tuple[str, str], str]


def find_page_truths(batch_id: UUID, truths: Truths) -> dict[int, tuple[str, str]]:
    """(truth, picture and synset) by position of a page."""
    items = BatchItem.objects.filter(batch_id=batch_id).select_related("question__candidate__image", "question__synset")
    found = {}
    for item in items:
        pair = (item.question.synset.wnid, item.question.candidate.image.sha256_hex)
        found[item.position] = (truths[pair], ":".join(pair))
    return found


@dataclass(frozen=True)
class Score:
    """Labels against the truth, gold left out. Precision and recall of ACCEPTED; None where nothing was accepted or
    nothing is true."""

    true_accepted: int
    false_accepted: int
    true_missed: int

    @property
    def precision(self) -> float | None:
        accepted = self.true_accepted + self.false_accepted
        return self.true_accepted / accepted if accepted else None

    @property
    def recall(self) -> float | None:
        true = self.true_accepted + self.true_missed
        return self.true_accepted / true if true else None


def score_questions(campaign: str, truths: Truths) -> Score:
    """How the campaign's questions compare with the truth; one that is not accepted counts as missed if it is true."""
    gold = Gold.objects.filter(active=True).values("question_id")
    questions = Question.objects.filter(campaign=find_campaign(campaign)).exclude(pk__in=gold)
    rows = questions.values_list("synset__wnid", "candidate__image__sha256", "state")
    pairs = [
        (truths[wnid, bytes(sha256).hex()] == "YES", state == Question.State.ACCEPTED) for wnid, sha256, state in rows
    ]
    return Score(
        true_accepted=pairs.count((True, True)),
        false_accepted=pairs.count((False, True)),
        true_missed=pairs.count((True, False)),
    )
