"""Files that are made for one answer."""

import tempfile
from collections.abc import Iterable

from django.http import FileResponse, HttpResponse
from django.http.response import HttpResponseBase

IN_MEMORY = 2**20


def answer_with_file(pieces: Iterable[str], *, name: str, content_type: str) -> HttpResponseBase:
    """All is there before the answer begins, what is large in a file without a name: what is sent piece by piece is read from the disk, not
    from the database (config/admission), and needs little memory however long it is. `name` has no quotes."""
    kept, file = bytearray(), None
    try:
        for piece in pieces:
            kept += piece.encode()
            if len(kept) > IN_MEMORY:
                file = file or tempfile.TemporaryFile()  # noqa: SIM115 (the answer closes it)
                file.write(kept)
                kept.clear()
        if file is None:
            disposition = f'attachment; filename="{name}"'
            return HttpResponse(bytes(kept), content_type=content_type, headers={"Content-Disposition": disposition})
        file.write(kept)
        file.seek(0)
    except BaseException:
        if file is not None:
            file.close()
        raise
    return FileResponse(file, as_attachment=True, filename=name, content_type=content_type)
