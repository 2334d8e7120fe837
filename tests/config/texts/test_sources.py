import pytest

from config.texts.sources import Text, find_texts


@pytest.fixture
def tree(tmp_path):
    """Writes sources and finds their texts."""

    def find(**files):
        for name, content in files.items():
            path = tmp_path / ("templates/page.html" if name == "template" else f"annotation/{name}.py")
            path.parent.mkdir(exist_ok=True)
            path.write_text(content)
        return find_texts(tmp_path)

    return find


def test_calls_of_gettext_are_found_by_line(tree):
    found = tree(pages='a = [_("one"), gettext_lazy("two")]\nb = ngettext("%(n)s vote", "%(n)s votes", n)\n')

    assert [text.msgid for text in found] == ["one", "two", "%(n)s vote"]
    assert found[2] == Text(msgid="%(n)s vote", plural="%(n)s votes", file="annotation/pages.py")


def test_a_context_belongs_to_the_text(tree):
    (found,) = tree(pages='a = pgettext("a button", "Open")\n')

    assert found.key == ("a button", "Open")


def test_literals_side_by_side_are_one_text(tree):
    (found,) = tree(pages='a = _("one "\n      "and two")\n')

    assert found.msgid == "one and two"


@pytest.mark.parametrize("argument", ["text", 'f"one {two}"', '"one" + two', ""])
def test_what_is_no_literal_is_named_with_its_place(tree, argument):
    with pytest.raises(ValueError, match=r"annotation/pages\.py, line 2"):
        tree(pages=f"import this\na = _({argument})\n")


def test_texts_of_templates_are_as_django_looks_them_up(tree):
    found = tree(
        template="""{% translate "90 % of it's" %} {% translate 'a "b"' context "c" %}
        {% blocktranslate trimmed count n=votes %}
          {{ n }} vote of
          100 %
        {% plural %}
          {{ n }} votes
        {% endblocktranslate %} {{ name|default:_("nobody") }} {% with a=_("two") %}{% endwith %}"""
    )

    assert [(text.context, text.msgid, text.plural) for text in found] == [
        ("", "90 %% of it's", ""),
        ("c", 'a "b"', ""),
        ("", "%(n)s vote of 100 %%", "%(n)s votes"),
        ("", "nobody", ""),
        ("", "two", ""),
    ]
