"""How all questions are shared out among the shards of an estimation: in stripes of ids, by turns.

What stands side by side in the tables is read together, and a campaign of which only a part has been asked fills all shards alike.
"""

STRIPE = 1024

# Built into a query's FROM: the first id of each of the shard's stripes.
ITS_STRIPES = """
generate_series(%(first)s, (SELECT max(id) FROM annotation_question), %(apart)s) AS stripe (first)
"""


def find_stripes(*, shard: int, shards: int) -> dict[str, int]:
    """What `ITS_STRIPES`, `lies_in_stripe` and `lies_in_shard` name."""
    return {
        "first": shard * STRIPE,
        "apart": shards * STRIPE,
        "stripe": STRIPE,
        "shard": shard,
        "shards": shards,
    }


def lies_in_stripe(column: str) -> str:
    """That the id of a question lies in one of `ITS_STRIPES`, so that an index finds all of it."""
    return f"({column} >= stripe.first AND {column} < stripe.first + %(stripe)s)"


def lies_in_shard(column: str) -> str:
    """The same where there are few rows."""
    return f"({column} / %(stripe)s %% %(shards)s = %(shard)s)"
