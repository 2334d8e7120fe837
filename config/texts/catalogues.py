"""The catalogues of locale/: one .po for each language, which people fill in, and the .mo that gettext reads, made from it."""

import os
import re
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

import polib

from config.texts.sources import Text

PLACEHOLDER = re.compile(r"%\(\w+\)[a-z]|%%|\{\w*\}")


def list_catalogues(root: Path) -> list[Path]:
    return sorted((root / "locale").glob("*/LC_MESSAGES/django.po"))


def read_catalogue(path: Path) -> polib.POFile:
    return polib.pofile(str(path))


def update_catalogue(path: Path, texts: Iterable[Text]) -> int:
    """Gives the catalogue exactly these texts, in their order: known ones keep their translation, new ones wait for one. Tells how
    many wait."""
    old = read_catalogue(path)
    known = {(entry.msgctxt or "", entry.msgid, entry.msgid_plural): entry for entry in old if not entry.obsolete}
    new = polib.POFile(wrapwidth=old.wrapwidth)
    new.metadata, new.header = old.metadata, old.header
    new.extend(_make_entry(group, known, new.metadata) for group in _group(texts))
    # Also where nothing but the breaks of its lines differs.
    if path.read_text(encoding="utf-8") != str(new):
        new.save(str(path))
    return len(new.untranslated_entries())


def _group(texts: Iterable[Text]) -> Iterable[list[Text]]:
    """Every text once, with all the places where it stands; its plural is that of the place that has one."""
    groups: dict[tuple[str, str], list[Text]] = {}
    for text in texts:
        groups.setdefault(text.key, []).append(text)
    return groups.values()


def _make_entry(
    group: list[Text], known: dict[tuple[str, str, str], polib.POEntry], metadata: dict[str, str]
) -> polib.POEntry:
    first = group[0]
    plural = next((text.plural for text in group if text.plural), "")
    before = known.get((first.context, first.msgid, plural), polib.POEntry())
    entry = polib.POEntry(
        msgid=first.msgid,
        msgctxt=first.context or None,
        # The first place alone, and no line: what changes with every change of the sources makes two people's changes meet.
        occurrences=[(first.file, "")],
        flags=["python-format"] if PLACEHOLDER.search(first.msgid + plural) else [],
        comment="",
        tcomment=before.tcomment,
    )
    if plural:
        entry.msgid_plural = plural
        entry.msgstr_plural = before.msgstr_plural or dict.fromkeys(range(count_forms(metadata)), "")
    else:
        entry.msgstr = before.msgstr
    return entry


def count_forms(metadata: dict[str, str]) -> int:
    """How many plural forms the language has, as its catalogue's head says."""
    found = re.search(r"nplurals=(\d+)", metadata.get("Plural-Forms", ""))
    return int(found[1]) if found else 2


def find_faults(path: Path, texts: Iterable[Text]) -> Iterator[str]:
    """What keeps the catalogue from being a whole translation of these texts, a line for each fault."""
    catalogue = read_catalogue(path)
    listed = {(entry.msgctxt or "", entry.msgid): entry for entry in catalogue if not entry.obsolete}
    wanted = {group[0].key: group for group in _group(texts)}
    for key, group in wanted.items():
        if key not in listed:
            yield f"{group[0].file}: not in {path.parent.parent.name}: {key[1]!r}"
    for key, entry in listed.items():
        if key not in wanted:
            yield f"in no source any more: {entry.msgid!r}"
        elif any(text.plural not in ("", entry.msgid_plural) for text in wanted[key]):
            yield f"another plural than its source's: {entry.msgid!r}"
        else:
            yield from _find_faults_of_entry(entry, count_forms(catalogue.metadata))
    yield from (f"obsolete: {entry.msgid!r}" for entry in catalogue.obsolete_entries())


def _find_faults_of_entry(entry: polib.POEntry, forms: int) -> Iterator[str]:
    given = list(entry.msgstr_plural.values()) if entry.msgid_plural else [entry.msgstr]
    if entry.fuzzy:
        yield f"fuzzy: {entry.msgid!r}"
    if len(given) != (forms if entry.msgid_plural else 1) or not all(text.strip() for text in given):
        yield f"not translated: {entry.msgid!r}"
        return
    offered = _placeholders(entry.msgid) | _placeholders(entry.msgid_plural)
    for text in given:
        # "One vote" may stand for "%(n)s vote", but the form of many says how many.
        needed = offered if text is given[-1] else set()
        if not needed <= _placeholders(text) <= offered:
            yield f"other placeholders: {entry.msgid!r} -> {text!r}"


def _placeholders(text: str) -> set[str]:
    return set(PLACEHOLDER.findall(text))


def compile_catalogues(root: Path) -> None:
    """Makes the .mo of every catalogue that has none, or one of another time than its own. Another process may do the same at the same
    time."""
    for source in list_catalogues(root):
        target = source.with_suffix(".mo")
        # Not only an older one: files are put back with their times.
        if target.exists() and target.stat().st_mtime_ns == source.stat().st_mtime_ns:
            continue
        # So that a change that comes while this runs is newer.
        begun = source.stat()
        content = read_catalogue(source).to_binary()
        handle, name = tempfile.mkstemp(dir=source.parent, suffix=".tmp")
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        Path(name).chmod(0o644)
        os.utime(name, ns=(begun.st_atime_ns, begun.st_mtime_ns))
        Path(name).replace(target)
