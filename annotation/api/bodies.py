"""What the API accepts (…Body, …Query): the shape is checked here, the meaning by the action. Every error names its place."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from rest_framework import serializers
from rest_framework.request import Request

from annotation.actions.campaigns import NAME_LENGTH
from annotation.actions.disputes import REASON_LENGTH
from annotation.models import Vote
from annotation.models.bar import LONGEST_TEXT
from hierarchy.errors import InvalidInput
from hierarchy.models import Label

MOST_VOTES = 1000
ANSWERS = tuple(Vote.Answer.values)
PLAIN_NAME = re.compile(rf"[a-zA-Z0-9_-]{{1,{NAME_LENGTH}}}")
DEFAULT_LIMIT = 100
MOST_ROWS = 1000
WHOLE_BODY = "body"


class WholeNumberField(serializers.IntegerField):
    """A JSON number without fraction; "3", 3.5 and true are refused."""

    def to_internal_value(self, data: Any) -> int:
        if type(data) is not int:
            self.fail("invalid")
        return data


class TextField(serializers.CharField):
    """A JSON string; numbers are refused."""

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)


class Body(serializers.Serializer[Any]):
    """A JSON object without unknown fields."""

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, Mapping):
            unknown = set(data) - set(self.fields)
            if unknown:
                raise serializers.ValidationError(dict.fromkeys(sorted(unknown), "There is no such field."))
        return super().to_internal_value(data)


class LeaseBody(Body):
    campaign = TextField(required=False, max_length=NAME_LENGTH, help_text="name; any open campaign where left out")
    size = WholeNumberField(
        required=False, min_value=1, help_text="pictures wanted; never more than the campaign's page"
    )


class VoteBody(Body):
    position = WholeNumberField(help_text="of the picture in the batch, from 1")
    answer = serializers.ChoiceField(choices=ANSWERS)
    milliseconds = WholeNumberField(
        required=False, allow_null=True, min_value=0, help_text="on the picture before the answer"
    )


class SubmitBody(Body):
    votes: serializers.ListSerializer[Any] = serializers.ListSerializer(
        child=VoteBody(), min_length=1, max_length=MOST_VOTES, help_text="pictures left out are not answered"
    )


class DecisionBody(Body):
    verdict = serializers.ChoiceField(choices=Label.Verdict.choices)
    reason = TextField(max_length=REASON_LENGTH)
    version = WholeNumberField(help_text="of the dispute as it was read")


class AppealBody(Body):
    text = TextField(max_length=LONGEST_TEXT, help_text="what you say against your bar")


class AnswerBody(Body):
    lift = serializers.BooleanField(help_text="whether the bar is lifted; else it stays")
    answer = TextField(
        default="",
        allow_blank=True,
        max_length=LONGEST_TEXT,
        help_text="the person reads it; needed where the bar stays",
    )


class PageQuery(Body):
    limit = serializers.IntegerField(min_value=1, max_value=MOST_ROWS, default=DEFAULT_LIMIT, help_text="rows a page")
    cursor = serializers.CharField(required=False, help_text="place of a page: taken from next or previous")


class DisputesQuery(PageQuery):
    campaign = serializers.CharField(required=False, max_length=NAME_LENGTH, help_text="name")


def read_body(request: Request, form: type[Body]) -> dict[str, Any]:
    """The body's values; InvalidInput names every field that is wrong, as in votes[3].answer."""
    return _read(form, request.data)


def read_submission(request: Request) -> list[dict[str, Any]]:
    """The votes of a page; InvalidInput as `read_body`. What is plainly right takes the short way: the long one costs more than
    recording the votes."""
    data: Any = request.data
    return list(data["votes"]) if is_plain_submission(data) else list(read_body(request, SubmitBody)["votes"])


def read_lease(request: Request) -> dict[str, Any]:
    """What a lease asks for; InvalidInput as `read_body`. What is plainly right takes the short way."""
    data: Any = request.data
    return dict(data) if is_plain_lease(data) else read_body(request, LeaseBody)


def is_plain_lease(data: Any) -> bool:
    """Whether LeaseBody has nothing to say against it and would change nothing: as with most programs."""
    if type(data) is not dict or not data.keys() <= {"campaign", "size"}:
        return False
    name, size = data.get("campaign", "any"), data.get("size", 1)
    return type(name) is str and PLAIN_NAME.fullmatch(name) is not None and type(size) is int and size >= 1


def is_plain_submission(data: Any) -> bool:
    """Whether SubmitBody has nothing to say against it and would change nothing."""
    if type(data) is not dict or data.keys() != {"votes"} or type(data["votes"]) is not list:
        return False
    return 1 <= len(data["votes"]) <= MOST_VOTES and all(map(_is_plain_vote, data["votes"]))


def _is_plain_vote(vote: Any) -> bool:
    if not isinstance(vote, dict) or not vote.keys() <= {"position", "answer", "milliseconds"}:
        return False
    milliseconds = vote.get("milliseconds")
    return (
        type(vote.get("position")) is int
        and type(vote.get("answer")) is str
        and vote["answer"] in ANSWERS
        and (milliseconds is None or (type(milliseconds) is int and milliseconds >= 0))
    )


def read_query(request: Request, form: type[Body]) -> dict[str, Any]:
    """The values of the address's parameters; InvalidInput names one that is unknown, wrong or there twice."""
    query = request.query_params
    twice = [name for name in query if len(query.getlist(name)) > 1]
    if twice:
        raise InvalidInput(dict.fromkeys(twice, "It comes more than once."))
    return _read(form, query.dict())


def _read(form: type[Body], data: Any) -> dict[str, Any]:
    filled = form(data=data)
    if not filled.is_valid():
        raise InvalidInput(dict(_flatten("", filled.errors)))
    return dict(filled.validated_data)


def _flatten(place: str, errors: Any) -> Iterator[tuple[str, str]]:
    """DRF's nested errors as (place, what is wrong)."""
    if isinstance(errors, Mapping):
        for key, below in errors.items():
            yield from _flatten(_join(place, key), below)
    else:
        texts = errors if isinstance(errors, list) else [errors]
        yield place or WHOLE_BODY, " ".join(str(text) for text in texts)


def _join(place: str, key: str | int) -> str:
    """The place of a field, or of a list's entry, in what lies at `place`."""
    if isinstance(key, int):
        return f"{place}[{key}]"
    if key == "non_field_errors":
        return place
    return f"{place}.{key}" if place else key
