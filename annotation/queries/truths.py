"""Questions whose truth is known: who has seen them, and what a simulation makes of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db.models import Count

from annotation.models import Batch, BatchItem, Question
from annotation.queries.campaigns import find_campaign

# (wnid, SHA-256 of the picture in hex) -> YES or NO
Truths = Mapping[tuple[str, str], str]


def count_exposures(question_ids: Sequence[int]) -> dict[int, int]:
    """By question, how many annotators were shown it on a page, whatever became of the page; nobody was shown an imported one."""
    shown = BatchItem.objects.filter(question__in=question_ids).exclude(batch__outcome=Batch.Outcome.IMPORTED)
    annotators = shown.values("question_id").annotate(annotators=Count("batch__annotator_id", distinct=True))
    return dict(annotators.values_list("question_id", "annotators"))


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
    questions = Question.objects.filter(campaign=find_campaign(campaign), is_gold=False)
    rows = questions.values_list("synset__wnid", "candidate__image__sha256", "state")
    pairs = [
        (truths[wnid, bytes(sha256).hex()] == "YES", state == Question.State.ACCEPTED) for wnid, sha256, state in rows
    ]
    return Score(
        true_accepted=pairs.count((True, True)),
        false_accepted=pairs.count((False, True)),
        true_missed=pairs.count((True, False)),
    )
