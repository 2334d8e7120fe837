"""What is believed of questions: their votes, their annotators' tables and what is known beforehand, read and weighed."""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Self

import numpy as np
from numpy.typing import NDArray

from annotation.consensus.belief import Estimates, estimate_votes
from annotation.consensus.model import Answer, Floats, Parameters
from annotation.consensus.votes import Votes
from annotation.models import Snapshot
from annotation.queries.priors import read_log_prior
from annotation.queries.snapshots import read_log_tables, read_parameters
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

    def select(self, chosen: NDArray[np.bool_]) -> Self:
        """Of the questions where `chosen[Q]` is true."""
        return replace(
            self,
            votes=self.votes.select_items(chosen),
            log_prior=None if self.log_prior is None else self.log_prior[chosen],
            in_time=self.in_time[chosen],
        )


def read_evidence(*, question_ids: list[int], snapshot: Snapshot) -> Evidence:
    """The evidence on these questions, whose ids must be sorted, in their order. Three queries at most."""
    parameters = read_parameters(snapshot)
    read = read_votes(question_ids)
    annotator_ids, worker = np.unique(read.annotator_id, return_inverse=True)
    votes = Votes.from_arrays(
        item=read.question,
        worker=worker,
        answer=read.answer,
        items=len(question_ids),
        workers=len(annotator_ids),
        answers=len(Answer),
    )
    log_tables = read_log_tables(snapshot=snapshot, parameters=parameters, annotator_ids=annotator_ids)
    log_prior = read_log_prior(question_ids=question_ids, snapshot=snapshot, parameters=parameters)
    return Evidence(parameters, votes, log_tables, log_prior, read.in_time)
