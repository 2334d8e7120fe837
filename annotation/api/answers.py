"""What the API answers."""

from typing import Any

from drf_spectacular.utils import OpenApiResponse
from rest_framework import serializers

from annotation.models import Bar, Campaign, Dispute
from hierarchy.models import Label

PROBLEM_TYPE = "application/problem+json"
# The component that the whole API shares.
PROBLEM = {"$ref": "#/components/schemas/Problem"}
PROBLEMS = {
    400: "The request has errors; `errors` names them by field.",
    401: "No token, or one that is not valid.",
    403: "This account, or this token, may not do that.",
    404: "There is no such thing.",
    409: "Not possible in the present state.",
    415: "The body is not JSON.",
    422: "The idempotency key was used before with another body.",
}
BODY_PROBLEMS = (400, 415)


class SynsetAnswer(serializers.Serializer[Any]):
    wnid = serializers.CharField()
    words = serializers.ListField(child=serializers.CharField())


class BatchSynsetAnswer(SynsetAnswer):
    gloss = serializers.CharField()
    path = SynsetAnswer(many=True, help_text="from the root to the synset itself")
    includes = serializers.CharField(allow_blank=True, help_text="what counts as well, as curators say")
    excludes = serializers.CharField(allow_blank=True, help_text="what does not, as curators say")


class PictureAnswer(serializers.Serializer[Any]):
    url = serializers.URLField(help_text="signed: opens without a login until it expires: do not pass it on")
    width = serializers.IntegerField()
    height = serializers.IntegerField()


class ItemAnswer(serializers.Serializer[Any]):
    position = serializers.IntegerField()
    image = PictureAnswer()


class BatchAnswer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    campaign = serializers.CharField()
    synset = BatchSynsetAnswer()
    expires_at = serializers.DateTimeField()
    items = ItemAnswer(many=True)


class ReceiptAnswer(serializers.Serializer[Any]):
    batch = serializers.UUIDField()
    recorded = serializers.IntegerField(help_text="votes kept")
    late = serializers.BooleanField(help_text="the lease had expired when the votes came")


class UndoAnswer(serializers.Serializer[Any]):
    batch = serializers.UUIDField()
    withdrawn = serializers.IntegerField(help_text="votes taken back by this request")


class CampaignAnswer(serializers.Serializer[Any]):
    name = serializers.CharField()
    title = serializers.CharField()
    instructions = serializers.CharField(allow_blank=True)
    layout = serializers.ChoiceField(choices=Campaign.Layout.values, help_text="how annotators see a page")
    state = serializers.ChoiceField(choices=Campaign.State.values)
    opened_at = serializers.DateTimeField(allow_null=True)
    closed_at = serializers.DateTimeField(allow_null=True)
    training = serializers.BooleanField(help_text="annotators pass a training, in a browser, before their first page")


class ProgressAnswer(serializers.Serializer[Any]):
    """Annotators see `percent` alone, in steps of five."""

    percent = serializers.IntegerField(help_text="accepted or rejected, of the questions that are not gold")
    questions = serializers.IntegerField(required=False, help_text="those that are not gold")
    finished = serializers.IntegerField(required=False, help_text="accepted or rejected")
    open = serializers.IntegerField(required=False)
    accepted = serializers.IntegerField(required=False)
    rejected = serializers.IntegerField(required=False)
    disputed = serializers.IntegerField(required=False)
    gold = serializers.IntegerField(required=False)
    votes = serializers.IntegerField(required=False, help_text="standing ones in time, on questions that are not gold")
    votes_per_finished = serializers.FloatField(required=False, allow_null=True)


class CampaignProgressAnswer(CampaignAnswer):
    progress = ProgressAnswer()


class DisputeAnswer(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    campaign = serializers.CharField()
    synset = SynsetAnswer()
    image = PictureAnswer()
    reason = serializers.ChoiceField(choices=Dispute.Reason.values)
    version = serializers.IntegerField(help_text="grows when votes come; a decision names the version it rests on")
    opened_at = serializers.DateTimeField()
    probability = serializers.FloatField(allow_null=True, help_text="that the picture shows the synset")
    settled_at = serializers.DateTimeField(allow_null=True)
    verdict = serializers.ChoiceField(choices=Label.Verdict.choices, allow_null=True)
    explanation = serializers.CharField(allow_blank=True)


class TallyAnswer(serializers.Serializer[Any]):
    YES = serializers.IntegerField()
    UNSURE = serializers.IntegerField()
    NO = serializers.IntegerField()


class DisputeWithTallyAnswer(DisputeAnswer):
    tally = TallyAnswer()
    voted = serializers.BooleanField(help_text="you are among the voters: another curator has to settle it")


class BarAnswer(serializers.Serializer[Any]):
    code = serializers.ChoiceField(choices=Bar.Code.choices)
    reason = serializers.CharField()
    by_engine = serializers.BooleanField(help_text="nobody in person decided it")
    begun_at = serializers.DateTimeField()


class OwnAppealAnswer(serializers.Serializer[Any]):
    text = serializers.CharField()
    made_at = serializers.DateTimeField()
    answered_at = serializers.DateTimeField(allow_null=True)
    lifted = serializers.BooleanField(
        allow_null=True, help_text="whether the bar was lifted; null until it is answered"
    )
    answer = serializers.CharField(allow_blank=True)


class AppealAnswer(OwnAppealAnswer):
    id = serializers.IntegerField()
    annotator = serializers.IntegerField(help_text="number of the annotator")
    bar = BarAnswer()
    votes = serializers.IntegerField(help_text="the annotator's standing votes")
    gold = serializers.IntegerField(help_text="of them on gold")
    right = serializers.IntegerField(help_text="of these, those that say the truth")


class OwnBarAnswer(BarAnswer):
    appeal = OwnAppealAnswer(allow_null=True, help_text="your last one against it")


class MeAnswer(serializers.Serializer[Any]):
    username = serializers.CharField()
    role = serializers.ChoiceField(choices=["annotator", "curator", "operator"])
    scopes = serializers.ListField(child=serializers.CharField(), help_text="what this request's credentials may do")
    open_batches = serializers.ListField(
        child=serializers.UUIDField(), help_text="your live leases, oldest first; GET batches/{id}/ shows one again"
    )
    votes = serializers.IntegerField(help_text="your votes that stand")
    bar = OwnBarAnswer(allow_null=True, help_text="why you get no pages; null where you do")


class CampaignPageAnswer(serializers.Serializer[Any]):
    next = serializers.URLField(allow_null=True)
    previous = serializers.URLField(allow_null=True)
    results = CampaignAnswer(many=True)


class AppealPageAnswer(serializers.Serializer[Any]):
    next = serializers.URLField(allow_null=True)
    previous = serializers.URLField(allow_null=True)
    results = AppealAnswer(many=True)


class DisputePageAnswer(serializers.Serializer[Any]):
    next = serializers.URLField(allow_null=True)
    previous = serializers.URLField(allow_null=True)
    results = DisputeAnswer(many=True)


def describe_problems(*statuses: int) -> dict[tuple[int, str], OpenApiResponse]:
    """The refusals of a view for the OpenAPI document; 401 and 403 are always among them."""
    return {
        (status, PROBLEM_TYPE): OpenApiResponse(PROBLEM, description=PROBLEMS[status])
        for status in sorted({401, 403, *statuses})
    }
