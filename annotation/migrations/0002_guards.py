from django.db import migrations

# Django knows no foreign keys of several columns. These tie a vote to the page it was given on.
MANY_COLUMN_KEYS = """
ALTER TABLE annotation_vote
    ADD CONSTRAINT vote_on_its_page FOREIGN KEY (batch_id, position, question_id)
        REFERENCES annotation_batchitem (batch_id, position, question_id) DEFERRABLE INITIALLY DEFERRED,
    ADD CONSTRAINT vote_by_its_annotator FOREIGN KEY (batch_id, annotator_id)
        REFERENCES annotation_batch (id, annotator_id) DEFERRABLE INITIALLY DEFERRED;
ALTER TABLE annotation_question
    ADD CONSTRAINT question_synset_of_campaign FOREIGN KEY (campaign_id, synset_id)
        REFERENCES annotation_campaignsynset (campaign_id, synset_id) DEFERRABLE INITIALLY DEFERRED;
-- Labels have a key to it, too (hierarchy 0004), whichever comes first; so it stays when either goes.
CREATE UNIQUE INDEX IF NOT EXISTS candidate_with_synset ON hierarchy_candidate (id, synset_id);
ALTER TABLE annotation_question
    ADD CONSTRAINT question_synset_of_candidate FOREIGN KEY (candidate_id, synset_id)
        REFERENCES hierarchy_candidate (id, synset_id) DEFERRABLE INITIALLY DEFERRED;
"""

VOTE_IS_HISTORY = """
CREATE FUNCTION annotation_guard_vote() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND OLD.withdrawn_at IS NULL
       AND (to_jsonb(NEW) - 'withdrawn_at') = (to_jsonb(OLD) - 'withdrawn_at') THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'a vote is withdrawn, never changed' USING ERRCODE = 'check_violation', CONSTRAINT = 'vote_is_history';
END $$;
CREATE TRIGGER vote_is_history BEFORE UPDATE OR DELETE ON annotation_vote
    FOR EACH ROW EXECUTE FUNCTION annotation_guard_vote();
"""

POLICY_IS_IMMUTABLE = """
CREATE FUNCTION annotation_guard_policy() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'a policy does not change; add a version' USING ERRCODE = 'check_violation', CONSTRAINT = 'policy_is_immutable';
END $$;
CREATE TRIGGER policy_is_immutable BEFORE UPDATE OR DELETE ON annotation_policy
    FOR EACH ROW EXECUTE FUNCTION annotation_guard_policy();
"""

GOLD_STAYS_OPEN = """
CREATE FUNCTION annotation_guard_gold_question() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.state <> 'OPEN' AND EXISTS (
        SELECT 1 FROM annotation_gold WHERE question_id = NEW.id AND active
    ) THEN
        RAISE EXCEPTION 'an active gold question stays open' USING ERRCODE = 'check_violation', CONSTRAINT = 'gold_stays_open';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER gold_stays_open BEFORE UPDATE OF state ON annotation_question
    FOR EACH ROW WHEN (NEW.state <> 'OPEN') EXECUTE FUNCTION annotation_guard_gold_question();

CREATE FUNCTION annotation_guard_gold() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE question_state text;
BEGIN
    SELECT state INTO question_state FROM annotation_question WHERE id = NEW.question_id FOR NO KEY UPDATE;
    IF NEW.active AND question_state <> 'OPEN' THEN
        RAISE EXCEPTION 'only an open question becomes gold' USING ERRCODE = 'check_violation', CONSTRAINT = 'gold_is_open';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER gold_is_open BEFORE INSERT OR UPDATE ON annotation_gold
    FOR EACH ROW EXECUTE FUNCTION annotation_guard_gold();
"""

SETTLED_BY_ANOTHER = """
CREATE FUNCTION annotation_guard_settlement() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (
        SELECT 1 FROM annotation_vote AS vote JOIN annotation_annotator AS annotator ON annotator.id = vote.annotator_id
        WHERE vote.question_id = NEW.question_id AND annotator.user_id = NEW.settled_by_id
    ) THEN
        RAISE EXCEPTION 'nobody settles what they voted on' USING ERRCODE = 'check_violation', CONSTRAINT = 'dispute_settled_by_another';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER dispute_settled_by_another BEFORE INSERT OR UPDATE ON annotation_dispute
    FOR EACH ROW WHEN (NEW.settled_by_id IS NOT NULL) EXECUTE FUNCTION annotation_guard_settlement();
"""

DROP = """
DROP TRIGGER dispute_settled_by_another ON annotation_dispute;
DROP FUNCTION annotation_guard_settlement();
DROP TRIGGER gold_is_open ON annotation_gold;
DROP FUNCTION annotation_guard_gold();
DROP TRIGGER gold_stays_open ON annotation_question;
DROP FUNCTION annotation_guard_gold_question();
DROP TRIGGER policy_is_immutable ON annotation_policy;
DROP FUNCTION annotation_guard_policy();
DROP TRIGGER vote_is_history ON annotation_vote;
DROP FUNCTION annotation_guard_vote();
ALTER TABLE annotation_question DROP CONSTRAINT question_synset_of_candidate;
ALTER TABLE annotation_question DROP CONSTRAINT question_synset_of_campaign;
ALTER TABLE annotation_vote DROP CONSTRAINT vote_by_its_annotator, DROP CONSTRAINT vote_on_its_page;
"""


def add_groups(apps, schema_editor):
    group = apps.get_model("auth", "Group")
    for name in ("annotator", "curator"):
        group.objects.get_or_create(name=name)


class Migration(migrations.Migration):
    """What the tables promise and Django's constraints cannot say; and the two roles."""

    dependencies = [
        ("annotation", "0001_initial"),
        ("hierarchy", "0002_guards"),
        ("auth", "0012_alter_user_first_name_max_length"),
    ]

    operations = [
        migrations.RunSQL(
            MANY_COLUMN_KEYS + VOTE_IS_HISTORY + POLICY_IS_IMMUTABLE + GOLD_STAYS_OPEN + SETTLED_BY_ANOTHER, DROP
        ),
        migrations.RunPython(add_groups, migrations.RunPython.noop),
    ]
