"""What must be there after a crowd has worked on a campaign, whatever was done to the service meanwhile."""

VOTES = """
SELECT batch_id::text, position, answer, count(*) FROM annotation_vote
WHERE batch_id IN (SELECT batch.id FROM annotation_batch AS batch JOIN annotation_campaign AS campaign
                   ON campaign.id = batch.campaign_id WHERE campaign.name = %s)
GROUP BY batch_id, position, answer
"""
# A question must be decided with its one label, or disputed with its one open dispute.
WITHOUT_END = """
SELECT question.id, question.state FROM annotation_question AS question
JOIN annotation_campaign AS campaign ON campaign.id = question.campaign_id
WHERE campaign.name = %s AND (
    (SELECT count(*) FROM hierarchy_label AS label WHERE label.candidate_id = question.candidate_id
     AND label.superseded_at IS NULL AND label.verdict = question.state)
    + (SELECT count(*) FROM annotation_dispute AS dispute WHERE dispute.question_id = question.id
       AND dispute.settled_at IS NULL AND question.state = 'DISPUTED')) <> 1
"""
DUE = "SELECT count(*) FROM annotation_duequestions"


def check_votes(service, campaign, record):
    """Every confirmed vote is in the database once as it was given, and none is there that was not sent."""
    rows = service.ask(VOTES, campaign)
    kept = {(batch, position): answer for batch, position, answer, _ in rows}
    counts: dict[str, int] = dict.fromkeys(record.confirmed, 0)
    for batch, _ in kept:
        counts[batch] = counts.get(batch, 0) + 1

    assert all(count == 1 for *_, count in rows)
    assert len(kept) == len(rows)
    assert {place: record.sent.get(place) for place in kept} == kept
    assert counts == record.confirmed


def check_labels(service, campaign):
    assert service.ask(WITHOUT_END, campaign) == []
    assert service.ask(DUE) == [(0,)]
    assert "FAILED" not in service.manage("verify_integrity")
