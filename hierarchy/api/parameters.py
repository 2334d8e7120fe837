"""The query parameters of each address: a closed list, checked for shape; what they mean is for the queries."""

from typing import Any

from rest_framework import serializers
from rest_framework.request import Request

from hierarchy.errors import InvalidInput
from hierarchy.models import Label

DEFAULT_LIMIT = 100
MAX_LIMIT = 1000
MAX_SEARCH_LENGTH = 100
WNID_LENGTH = 9


class PageQuery(serializers.Serializer[Any]):
    limit = serializers.IntegerField(min_value=1, max_value=MAX_LIMIT, default=DEFAULT_LIMIT, help_text="rows a page")
    cursor = serializers.CharField(required=False, help_text="place of a page: taken from next or previous")


class SynsetListQuery(PageQuery):
    q = serializers.CharField(
        required=False,
        max_length=MAX_SEARCH_LENGTH,
        help_text="a wnid, a word or a part of one. Gives the best matches first, at most limit, on one page",
    )


class InstancesQuery(serializers.Serializer[Any]):
    instances = serializers.BooleanField(default=False, help_text="also those that only instance links reach")


class DescendantsQuery(PageQuery, InstancesQuery):
    """A page, with or without instances."""


class NoQuery(serializers.Serializer[Any]):
    """No parameter at all."""


class SynsetLabelsQuery(PageQuery):
    verdict = serializers.ChoiceField(choices=Label.Verdict.choices, required=False)
    source = serializers.ChoiceField(choices=Label.Source.choices, required=False)  # type: ignore[assignment]
    probability_min = serializers.FloatField(min_value=0, max_value=1, required=False)
    probability_max = serializers.FloatField(min_value=0, max_value=1, required=False)
    changed_since = serializers.DateTimeField(required=False, help_text="labels of this moment or later")


class LabelListQuery(SynsetLabelsQuery):
    synset = serializers.CharField(required=False, max_length=WNID_LENGTH, help_text="labels of this wnid")
    subtree = serializers.CharField(
        required=False, max_length=WNID_LENGTH, help_text="labels of this wnid and of all synsets below it"
    )
    instances = serializers.BooleanField(required=False, help_text="subtree takes in those that instance links reach")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if "instances" in attrs and "subtree" not in attrs:
            raise serializers.ValidationError({"instances": "It goes with subtree only."})
        return attrs


def read_parameters(request: Request, form: type[serializers.Serializer[Any]]) -> dict[str, Any]:
    """The query's parameters as values; a parameter that the form does not know, or that comes twice, is refused."""
    query, known = request.query_params, form().fields
    refused = {name: "There is no such parameter here." for name in query if name not in known}
    refused.update({name: "It comes more than once." for name in query if len(query.getlist(name)) > 1})
    if refused:
        raise InvalidInput(refused)
    # A plain dictionary: of a QueryDict, the framework reads an empty value as one that was not sent.
    filled = form(data=query.dict())
    filled.is_valid(raise_exception=True)
    return dict(filled.validated_data)
