"""Every text that people see goes through gettext, and is there in every language."""

import ast
import re
from html.parser import HTMLParser

import pytest
from django.apps import apps
from django.conf import settings
from django.template.base import Lexer, TokenType
from django.utils import translation
from django.utils.functional import Promise

from config.reading import BASE_DIR
from config.texts.catalogues import find_faults, list_catalogues, read_catalogue
from config.texts.sources import find_texts, list_sources

TEMPLATES = [path for path in list_sources(BASE_DIR) if path.suffix in {".html", ".txt"}]
# Tags that are never closed, and what stands for a word or a definition of a synset.
VOID = {"img", "input", "link", "meta", "br", "hr", "rect"}
WORDS_HERE = "\N{REPLACEMENT CHARACTER}"
OF_WORDNET = re.compile(r"(\w+\.)*(synset|step|parent|path\.0|part)\.(\w+\.)*(words?|gloss|name)\b")
READ_ALOUD = {"alt", "title", "placeholder", "aria-label", "aria-description", "aria-roledescription", "label"}
# Names and signs that are the same in every language.
SAME = re.compile(r"Veriset|UTC|SHA-256|ECE|NLL|REST|API|Authorization: Token|\bs\b|\b[A-Z]\b|&\w+;|://")
LETTERS = re.compile(r"[^\W\d_]{1,}")
BLOCKS = re.compile(r"\s*blocktrans(late)?\b")
BEHIND_PAGES = re.compile(r"(annotation|hierarchy)/(actions/|pages/|rules\.py|queries/(accounts|batches|disputes))")
REFUSALS = {"Conflict", "NotPermitted", "KeyReused", "ValidationError"}
TELLING = {"success", "error", "warning", "info"}
SHOWN = {"label", "help_text"}
# What nobody reaches from a page: its refusals are read in a terminal.
TERMINAL = {
    "annotation/actions/deletions.py",
    "annotation/actions/gold.py",
    "annotation/actions/imports.py",
    "annotation/queries/stored.py",
    "hierarchy/actions/labels.py",
    "hierarchy/actions/releases.py",
    "hierarchy/actions/wordnet.py",
    # A command's; on its page tokens are revoked by number.
    "annotation/actions/accounts.py: No live token",
    "annotation/actions/accounts.py: live tokens begin",
    "annotation/actions/accounts.py: join(ROLES)",
}


class Reader(HTMLParser):
    """What a template shows and has read aloud beside what comes from tags, and where it shows words of WordNet as if they were of the
    page's language."""

    def __init__(self):
        super().__init__(convert_charrefs=False)
        self.found, self.misread = [], []
        self.around = []

    def handle_data(self, data):
        self.found.append(data.replace(WORDS_HERE, ""))
        if (
            WORDS_HERE in data
            and self.around
            and ("lang", "en") not in [each for _tag, attrs in self.around for each in attrs]
        ):
            self.misread.append(self.around[-1])

    def handle_starttag(self, tag, attrs):
        self.found += [value for name, value in attrs if name in READ_ALOUD and value]
        if tag not in VOID:
            self.around.append((tag, attrs))

    def handle_endtag(self, tag):
        while self.around and self.around.pop()[0] != tag:
            pass


def read_template(source):
    """Its texts outside of translate and blocktranslate, and those of its attributes that people hear."""
    kept, inside = [], False
    for token in Lexer(source).tokenize():
        if token.token_type == TokenType.BLOCK:
            inside = BLOCKS.match(token.contents) is not None or (inside and "endblocktrans" not in token.contents)
        elif token.token_type == TokenType.TEXT and not inside:
            kept.append(token.contents)
        elif token.token_type == TokenType.VAR and not inside and OF_WORDNET.match(token.contents):
            kept.append(WORDS_HERE)
    reader = Reader()
    reader.feed("".join(kept))
    return reader


def list_bare_texts(source):
    return [text.strip() for text in read_template(source).found if LETTERS.search(SAME.sub("", text))]


@pytest.mark.parametrize(
    ("source", "bare"),
    [
        ('<p>{% translate "Yes" %} · {{ name }}</p>', []),
        ("<p>{% blocktranslate trimmed %} Yes {% endblocktranslate %} No</p>", ["No"]),
        ("<img alt=\"Picture {{ number }}\" src='a.png'>", ["Picture"]),
        ("<button aria-label=\"{% translate 'Close' %}\">+</button>", []),
        ("<td>{{ size }} s</td>", []),
    ],
)
def test_bare_texts_are_told_from_others(source, bare):
    assert list_bare_texts(source) == bare


def test_no_template_has_a_bare_text():
    bare = {path.relative_to(BASE_DIR).as_posix(): list_bare_texts(path.read_text()) for path in TEMPLATES}

    assert {name: texts for name, texts in bare.items() if texts} == {}


def test_words_of_wordnet_in_the_pages_language_are_found():
    assert read_template("<p>{{ synset.gloss }}</p>").misread
    assert not read_template('<p lang="en"><b>{{ row.synset.words.0 }}</b></p><p>{{ other }}</p>').misread


def test_words_of_wordnet_are_read_aloud_as_english_on_every_page():
    misread = {path.relative_to(BASE_DIR).as_posix(): read_template(path.read_text()).misread for path in TEMPLATES}

    assert {name: places for name, places in misread.items() if places} == {}


def test_every_block_of_text_is_trimmed():
    blocks = [
        (path.relative_to(BASE_DIR).as_posix(), token.contents)
        for path in TEMPLATES
        for token in Lexer(path.read_text()).tokenize()
        if token.token_type == TokenType.BLOCK and BLOCKS.match(token.contents)
    ]

    assert [block for block in blocks if "trimmed" not in block[1].split()] == []


def test_values_that_pages_show_in_words_have_words_in_every_language():
    """Labels of the choices of every field whose `get_..._display` a page or an action behind one asks for."""
    files = [
        *TEMPLATES,
        *(path for path in list_sources(BASE_DIR) if BEHIND_PAGES.match(path.relative_to(BASE_DIR).as_posix())),
    ]
    shown = {name for path in files for name in re.findall(r"\bget_(\w+)_display\b", path.read_text())}
    fields = [field for model in apps.get_models() for field in model._meta.fields if field.name in shown]

    bare = [str(field) for field in fields for _value, label in field.choices or () if not isinstance(label, Promise)]

    assert sorted(set(bare)) == []


def test_no_script_says_anything_of_its_own():
    """What scripts say comes from the page, in its language (templates/annotation/_texts.html)."""
    said = re.compile(
        r"""(?:\.(?:textContent|innerHTML|title|alt|ariaLabel|placeholder)\s*=|\b(?:showNotice|announce|alert|confirm)\()\s*["'`][^"'`]*[a-z]"""
    )
    scripts = sorted((BASE_DIR / "static" / "js").glob("*.js"))

    assert [path.name for path in scripts if said.search(path.read_text())] == []


def is_bare(node):
    """Whether it is a text of its own, put together or not, rather than the value of a call or of a name."""
    if isinstance(node, ast.BinOp):
        return is_bare(node.left) or is_bare(node.right)
    return isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str))


def list_told(tree):
    """What the code of a module tells people: refusals, what is wrong at a field, messages, labels and help of forms."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = getattr(node.func, "attr", getattr(node.func, "id", ""))
            if name in REFUSALS:
                yield from node.args
            elif name == "InvalidInput" and node.args and isinstance(node.args[0], ast.Dict):
                yield from node.args[0].values
            elif name in TELLING and ast.unparse(node.func) == f"messages.{name}":
                yield from node.args[1:]
            yield from (keyword.value for keyword in node.keywords if keyword.arg in SHOWN and name.endswith("Field"))
        elif isinstance(node, ast.Assign) and "problems[" in ast.unparse(node.targets[0]):
            yield node.value


@pytest.mark.parametrize(
    "code", ['raise Conflict("no")', 'problems["a"] = f"{b} no"', 'messages.error(request, "no" + why)']
)
def test_what_code_tells_bare_is_found(code):
    assert any(is_bare(node) for node in list_told(ast.parse(code)))


def test_no_page_and_no_action_behind_one_tells_people_a_bare_text():
    bare = []
    for path in list_sources(BASE_DIR):
        name = path.relative_to(BASE_DIR).as_posix()
        if path.suffix == ".py" and BEHIND_PAGES.match(name) and name not in TERMINAL:
            told = [ast.unparse(node) for node in list_told(ast.parse(path.read_text())) if is_bare(node)]
            bare += [f"{name}: {text}" for text in told if not text.strip("f'\"").startswith("There is no ")]
    known = [text.partition(": ")[2] for text in TERMINAL if ": " in text]

    assert [text for text in bare if not any(part in text for part in known)] == []


@pytest.mark.parametrize("path", list_catalogues(BASE_DIR), ids=lambda path: path.parent.parent.name)
def test_every_text_is_there_in_every_language(path):
    """`make messages` puts new texts into the catalogue; what they are in its language is for whoever adds them to fill in."""
    assert list(find_faults(path, find_texts(BASE_DIR))) == []


def test_every_language_has_a_catalogue_and_the_sources_are_in_the_other_one():
    found = [path.parent.parent.name for path in list_catalogues(BASE_DIR)]

    assert sorted([*found, settings.LANGUAGE_CODE]) == sorted(code for code, _name in settings.LANGUAGES)


@pytest.mark.parametrize("path", list_catalogues(BASE_DIR), ids=lambda path: path.parent.parent.name)
def test_what_django_says_is_what_the_catalogue_says(path):
    plain = [
        entry for entry in read_catalogue(path) if entry.translated() and not (entry.msgid_plural or entry.msgctxt)
    ]

    with translation.override(path.parent.parent.name):
        said = {entry.msgid: translation.gettext(entry.msgid) for entry in plain}

    assert said == {entry.msgid: entry.msgstr for entry in plain}
