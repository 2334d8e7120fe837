import json
from collections.abc import Mapping
from typing import IO, Any

from rest_framework.exceptions import ParseError
from rest_framework.parsers import JSONParser
from rest_framework.utils import json as strict_json

# Only an escape can write half a pair: as UTF-8 it cannot be read in the first place.
ESCAPED_SURROGATE = "\\ud"


class ShallowJSONParser(JSONParser):
    """JSON that can be stored: a body nested too deeply for Python, or with half a surrogate pair, is its sender's error."""

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        try:
            text = stream.read().decode()
            body: dict[str, Any] = strict_json.loads(text)
            if ESCAPED_SURROGATE in text.lower():
                json.dumps(body, ensure_ascii=False).encode()
        except RecursionError as error:
            raise ParseError("The body is nested too deeply.") from error
        except UnicodeEncodeError as error:
            raise ParseError("The body has half a surrogate pair, which is no character.") from error
        except ValueError as error:
            raise ParseError(f"The body is no JSON: {error}") from error
        return body
