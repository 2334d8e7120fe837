"""Which questions an annotator may be asked.

A question is free for an annotator when it is open, asks for more votes than it has (votes in time of annotators who are not
barred, plus live leases), and this annotator has neither voted on it nor holds it on a live page. Time is the database's.
"""

import hashlib

from django.utils.crypto import salted_hmac

from annotation.models import Annotator, Batch, Campaign

LIVE = "batch.closed_at IS NULL AND batch.expires_at > now()"

COUNTED = f"""
    (SELECT count(*) FROM annotation_vote AS vote JOIN annotation_annotator AS voter ON voter.id = vote.annotator_id
     WHERE vote.question_id = question.id AND NOT vote.late AND vote.withdrawn_at IS NULL AND voter.barred_at IS NULL)
    + (SELECT count(*) FROM annotation_batchitem AS item JOIN annotation_batch AS batch ON batch.id = item.batch_id
       WHERE item.question_id = question.id AND {LIVE})
"""

IS_GOLD = "EXISTS (SELECT 1 FROM annotation_gold AS gold WHERE gold.question_id = question.id AND gold.active)"

NOT_SEEN = f"""
    NOT EXISTS (SELECT 1 FROM annotation_vote AS vote
                WHERE vote.question_id = question.id AND vote.annotator_id = %(annotator)s AND vote.withdrawn_at IS NULL)
    AND NOT EXISTS (SELECT 1 FROM annotation_batchitem AS item JOIN annotation_batch AS batch ON batch.id = item.batch_id
                    WHERE item.question_id = question.id AND batch.annotator_id = %(annotator)s AND {LIVE})
"""

FREE = f"""
    question.campaign_id = %(campaign)s AND question.state = 'OPEN' AND question.closed_at IS NULL
    AND NOT {IS_GOLD} AND {NOT_SEEN} AND {COUNTED} < least(question.votes_wanted, %(cap)s)
"""

# Whoever was shown a page has seen its pictures, whatever became of the page; nobody was shown an imported one.
EXPOSED = """
    (SELECT count(DISTINCT batch.annotator_id)
     FROM annotation_batchitem AS item JOIN annotation_batch AS batch ON batch.id = item.batch_id
     WHERE item.question_id = question.id AND batch.outcome <> 'IMPORTED')
"""

FREE_GOLD = f"""
    question.campaign_id = %(campaign)s AND question.state = 'OPEN' AND question.closed_at IS NULL
    AND {IS_GOLD} AND {NOT_SEEN} AND {EXPOSED} < %(exposures)s
"""

SYNSETS = f"""
SELECT member.synset_id FROM annotation_campaignsynset AS member
WHERE member.campaign_id = %(campaign)s AND member.synset_id <> ALL(%(held)s)
  AND EXISTS (SELECT 1 FROM annotation_question AS question WHERE question.synset_id = member.synset_id AND {FREE})
ORDER BY member.synset_id = %(current)s DESC NULLS LAST, member.position
LIMIT 1
"""

# What tells most comes first, gold apart, of which nothing is asked. Within a band the order is secret, another one for each
# annotator and the same at every draw: who gives a page back and draws again learns nothing (docs/adr/0013).
BY_INFORMATION = "question.priority DESC, "
LOCK = """
SELECT question.id FROM annotation_question AS question
WHERE question.synset_id = %(synset)s AND {free}
ORDER BY {first}md5(%(secret)s || question.id) LIMIT %(size)s FOR NO KEY UPDATE OF question SKIP LOCKED
"""

# Waits until whoever holds a free question has let go of it.
WAIT = f"""
SELECT question.id FROM annotation_question AS question
WHERE question.synset_id = ANY(%(held)s) AND {FREE}
ORDER BY question.id LIMIT 1 FOR SHARE OF question
"""

STILL_FREE = "SELECT question.id FROM annotation_question AS question WHERE question.id = ANY(%(ids)s) AND {free}"


def find_current_synset(annotator: Annotator, campaign: Campaign) -> int | None:
    """The synset of the annotator's newest page in the campaign: people stay with what they have just read."""
    newest = annotator.batches.filter(campaign=campaign).order_by("-leased_at").first()
    return newest.synset_id if newest else None


def write_secret(annotator: Annotator) -> str:
    """The key of an annotator's secret order."""
    return salted_hmac("annotation.assignment", str(annotator.pk), algorithm="sha256").hexdigest()


def draw_lot(annotator: Annotator, synset_id: int) -> float:
    """A number in [0, 1) that changes with every page this annotator answers, and with nothing else."""
    answered = annotator.batches.filter(outcome=Batch.Outcome.SUBMITTED, undone_at__isnull=True).count()
    digest = hashlib.sha256(f"{write_secret(annotator)}:{synset_id}:{answered}".encode()).digest()
    return int.from_bytes(digest[:6]) / 2**48
