"""What an estimation says of a campaign, without the many votes that a real one would take."""

from annotation.consensus.scorecard import describe_rate
from annotation.models import Measurement, Snapshot


def measure(campaign, synsets=(), **changes):
    """What an estimation leaves under the snapshot in force: of the campaign, then of each synset."""
    rates = {
        "precision": describe_rate(hits=18, trials=20),
        "recall": describe_rate(hits=18, trials=25),
        "error": describe_rate(hits=0, trials=0),
    }
    values = {
        "questions": 40,
        "accepted": 21,
        "rejected": 9,
        "disputed": 4,
        "open": 6,
        "gold": 30,
        "votes": 300,
        "votes_per_question": 3.25,
        "votes_per_accepted": 4.75,
        "curator_load": 0.125,
        "curators_checked": 3,
        "curators_overruled": 2,
        "alpha_nominal": 0.4153,
        "alpha_ordinal": None,
        "target_error": 0.07,
        "on_gold": {"questions": 30, "ece": 0.0451, "nll": 0.2689, **rates},
        "on_known": None,
    }
    snapshot = Snapshot.objects.latest("pk")
    for synset in (None, *synsets):
        Measurement.objects.create(snapshot=snapshot, campaign=campaign, synset=synset, values=values | changes)
    return snapshot
