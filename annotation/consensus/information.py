"""What the next vote on an item is expected to tell: which item to ask about first."""

import numpy as np
from numpy.typing import NDArray

from annotation.consensus.belief import Estimates, believe
from annotation.consensus.model import Floats, Parameters
from annotation.consensus.workers import measure_information

# So coarse that a single vote seldom moves an item from one band to another.
BANDS = 8
# A band is so many bits wide; the last one has no end.
BAND_BITS = 1 / 16


def expect_information(*, estimates: Estimates, parameters: Parameters) -> Floats:
    """[Q]: the information, in bits, that the crowd's next vote carries about the truth of each item: the mutual
    information of vote and truth, given the votes there are, which is the mean divergence of what is believed after from
    what is believed now. The vote is taken as independent of those before."""
    shares = believe(
        evidence=estimates.evidence, votes=estimates.votes, parameters=parameters, log_prior=estimates.log_prior
    )
    return measure_information(np.einsum("qs,sk,sa->qka", shares, parameters.meanings, parameters.responses))


def find_bands(information: Floats) -> NDArray[np.int16]:
    """Expected information as one of `BANDS` bands; the higher, the sooner to ask."""
    return np.minimum(information / BAND_BITS, BANDS - 1).astype(np.int16)
