import pytest
from drf_spectacular.drainage import GENERATOR_STATS
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.validation import validate_schema

import annotation.api.schema  # noqa: F401 - tells the generator of the tokens
from hierarchy.api.urls import api_patterns


@pytest.fixture(scope="module")
def schema():
    GENERATOR_STATS.reset()
    return SchemaGenerator(patterns=api_patterns).get_schema(request=None, public=True)


def test_the_document_is_valid_and_generates_without_a_warning(schema):
    validate_schema(schema)

    assert not GENERATOR_STATS
    assert len(schema["paths"]) == len(api_patterns)


def test_every_address_documents_its_refusals(schema):
    for path, operations in schema["paths"].items():
        answers = operations["get"]["responses"]
        assert {"200", "304", "400", "401"} <= set(answers), path
        assert list(answers["400"]["content"]) == ["application/problem+json"], path


def test_the_labels_document_names_every_filter(schema):
    parameters = {parameter["name"] for parameter in schema["paths"]["/labels/"]["get"]["parameters"]}

    assert parameters == {
        *("limit", "cursor", "synset", "subtree", "instances", "verdict", "source"),
        *("probability_min", "probability_max", "changed_since"),
    }
