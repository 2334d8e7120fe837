import io
import json
import logging

import pytest

from config.logs import JSONFormatter


@pytest.fixture
def read_lines():
    """What the test has logged so far, as objects."""
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    handler.setFormatter(JSONFormatter())
    logging.getLogger().addHandler(handler)
    yield lambda: [json.loads(line) for line in written.getvalue().splitlines()]
    logging.getLogger().removeHandler(handler)
