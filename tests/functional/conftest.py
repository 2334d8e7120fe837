import shutil
import tempfile
from pathlib import Path

import pytest

from tests.functional.pictures import NOUNS
from tests.functional.service import Service


@pytest.fixture(scope="session")
def service():
    """One service for all tests of a run; each brings its own pictures, accounts and campaign."""
    folder = Path(tempfile.mkdtemp(prefix="veriset-functional-"))
    service = Service(folder)
    try:
        service.start()
        service.manage("import_wordnet", NOUNS / "data.noun")
        yield service
    finally:
        service.stop()
        shutil.rmtree(folder, ignore_errors=True)
