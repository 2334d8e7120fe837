"""What an annotator has answered, and what is before them: conditions on a question, in SQL. Time is the database's."""

LIVE = "batch.closed_at IS NULL AND batch.expires_at > now()"

HELD_BY_THEM = f"""question.id = ANY (ARRAY(
        SELECT item.question_id FROM annotation_batchitem AS item JOIN annotation_batch AS batch ON batch.id = item.batch_id
        WHERE batch.annotator_id = %(annotator)s AND {LIVE}))"""  # noqa: S608 (a constant)

VOTED = """EXISTS (SELECT 1 FROM annotation_vote AS vote
                WHERE vote.question_id = question.id AND vote.annotator_id = %(annotator)s AND vote.withdrawn_at IS NULL)"""

# Somebody of their circle has answered it, or has it before them.
TAKEN_BY_CIRCLE = f"""(cardinality(%(circle)s::bigint[]) > 0 AND (
        EXISTS (SELECT 1 FROM annotation_vote AS vote WHERE vote.question_id = question.id
                AND vote.annotator_id = ANY(%(circle)s::bigint[]) AND vote.withdrawn_at IS NULL)
        OR question.id = ANY (ARRAY(
            SELECT item.question_id FROM annotation_batchitem AS item JOIN annotation_batch AS batch ON batch.id = item.batch_id
            WHERE batch.annotator_id = ANY(%(circle)s::bigint[]) AND {LIVE}))))"""  # noqa: S608 (a constant)
