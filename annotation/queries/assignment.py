"""Which questions an annotator may be asked.

A question is free for an annotator when it is open, asks for more votes than it has (votes in time plus live leases),
and this annotator has neither voted on it nor holds it on a live page. Time is the database's.
"""

from annotation.models import Annotator, Campaign

LIVE = "batch.closed_at IS NULL AND batch.expires_at > now()"

COUNTED = f"""
    (SELECT count(*) FROM annotation_vote AS vote
     WHERE vote.question_id = question.id AND NOT vote.late AND vote.withdrawn_at IS NULL)
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

# Whoever was shown a page has seen its pictures, whatever became of the page.
EXPOSED = """
    (SELECT count(DISTINCT batch.annotator_id)
     FROM annotation_batchitem AS item JOIN annotation_batch AS batch ON batch.id = item.batch_id
     WHERE item.question_id = question.id)
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

LOCK = """
SELECT question.id FROM annotation_question AS question
WHERE question.synset_id = %(synset)s AND {free}
ORDER BY question.id LIMIT %(size)s FOR NO KEY UPDATE OF question SKIP LOCKED
"""

LOCK_GOLD = """
SELECT question.id FROM annotation_question AS question
WHERE question.synset_id = %(synset)s AND {free}
ORDER BY random() LIMIT %(size)s FOR NO KEY UPDATE OF question SKIP LOCKED
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
