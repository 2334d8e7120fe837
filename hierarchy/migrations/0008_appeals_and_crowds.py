from django.db import migrations, models

ACTIONS = [
    ("CREATE_ACCOUNT", "account made"),
    ("DELETE_ACCOUNT", "account deleted"),
    ("CHANGE_RIGHTS", "roles or rights changed"),
    ("CHANGE_PASSWORD", "password changed"),
    ("LOG_IN", "logged in"),
    ("LOCK_OUT", "locked out"),
    ("CREATE_TOKEN", "token made"),
    ("REVOKE_TOKEN", "token revoked"),
    ("BAR_ANNOTATOR", "annotator barred"),
    ("UNBAR_ANNOTATOR", "annotator no longer barred"),
    ("APPEAL_BAR", "bar appealed against"),
    ("ANSWER_APPEAL", "appeal answered"),
    ("OPEN_CAMPAIGN", "campaign opened"),
    ("PAUSE_CAMPAIGN", "campaign paused"),
    ("CLOSE_CAMPAIGN", "campaign closed"),
    ("OPEN_CROWD", "campaign opened to an external crowd"),
    ("CLOSE_CROWD", "external crowd closed"),
    ("CHANGE_POLICY", "policy changed"),
    ("MAKE_GOLD", "gold made"),
    ("RETIRE_GOLD", "gold retired"),
    ("SETTLE_DISPUTE", "dispute settled"),
    ("CLOSE_FLAGS", "flags closed"),
    ("CHANGE_NOTES", "notes on a synset changed"),
    ("CHANGE_TRAINING", "training of a campaign changed"),
    ("GRANT_ATTEMPT", "another attempt at a training granted"),
    ("SET_SAFETY", "safety of a synset changed"),
    ("PUBLISH_RELEASE", "release published"),
    ("TAKE_DOWN_IMAGE", "image taken down"),
]


class Migration(migrations.Migration):
    """The audit log may tell of appeals and of external crowds."""

    dependencies = [("hierarchy", "0007_more_audit_actions")]

    operations = [
        migrations.RemoveConstraint(model_name="auditentry", name="audit_entry_action_known"),
        migrations.AlterField(
            model_name="auditentry", name="action", field=models.CharField(choices=ACTIONS, max_length=20)
        ),
        migrations.AddConstraint(
            model_name="auditentry",
            constraint=models.CheckConstraint(
                condition=models.Q(action__in=[name for name, _ in ACTIONS]), name="audit_entry_action_known"
            ),
        ),
    ]
