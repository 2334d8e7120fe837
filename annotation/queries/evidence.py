"""What is believed of questions: their votes, their annotators' tables and what is known beforehand, read and weighed."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from annotation.consensus.belief import Estimates, estimate_votes
from annotation.consensus.model import Answer, Floats, Parameters
from annotation.consensus.votes import Votes
from annotation.models import Snapshot
from annotation.queries.priors import read_log_prior
from annotation.queries.snapshots import read_parameters, read_skills
from annotation.queries.votes import read_votes


@dataclass(frozen=True, eq=False)
class Evidence:
    """All that an estimate of Q questions rests on under one snapshot; `in_time[Q]` counts votes that take a place."""

    parameters: Parameters
    votes: Votes
    log_tables: Floats
    log_prior: Floats | None
    in_time: NDArray[np.int64]

    @cached_property
    def estimates(self) -> Estimates:
        return estimate_votes(
            votes=self.votes, log_tables=self.log_tables, parameters=self.parameters, log_prior=self.log_prior
        )


def read_evidence(*, question_ids: list[int], snapshot: Snapshot) -> Evidence:
    """The evidence on these questions, whose ids must be sorted, in their order. Three queries."""
    parameters = read_parameters(snapshot)
    read = read_votes(question_ids)
    skills = read_skills(snapshot=snapshot, parameters=parameters, annotator_ids=read.annotator_id)
    votes = Votes.from_arrays(
        item=read.question,
        worker=skills.find_rows(read.annotator_id),
        answer=read.answer,
        items=len(question_ids),
        workers=len(skills.counts),
        answers=len(Answer),
    )
    log_prior = read_log_prior(question_ids=question_ids, snapshot=snapshot, parameters=parameters)
    return Evidence(parameters, votes, skills.take_log_tables(parameters), log_prior, read.in_time)
