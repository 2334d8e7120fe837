from django.http import FileResponse

from annotation.pages import downloads
from annotation.pages.downloads import answer_with_file


def test_what_is_small_comes_at_once():
    response = answer_with_file(["a,b\n", "ü,2\n"], name="few.csv", content_type="text/csv")

    assert (response.streaming, response["Content-Disposition"]) == (False, 'attachment; filename="few.csv"')
    assert b"".join(response) == "a,b\nü,2\n".encode()


def test_what_is_large_comes_from_the_disk(monkeypatch):
    monkeypatch.setattr(downloads, "IN_MEMORY", 10)

    response = answer_with_file(["0123456789\n"] * 5 + ["end"], name="many.csv", content_type="text/csv")

    assert isinstance(response, FileResponse)
    assert b"".join(response) == b"0123456789\n" * 5 + b"end"
    assert response["Content-Disposition"] == 'attachment; filename="many.csv"'
    response.file_to_stream.close()
