"""What a browser without scripts does with the pages, and what the page's own script does."""

from html.parser import HTMLParser

from django.test import Client

FETCH = {"x-requested-with": "fetch"}


class _Fields(HTMLParser):
    def __init__(self):
        super().__init__()
        self.names: list[str] = []
        self.checked: dict[str, str] = {}
        self.values: dict[str, str] = {}

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        name = given.get("name")
        if tag != "input" or name is None:
            return
        self.names.append(name)
        if given.get("type") == "radio":
            if "checked" in given:
                self.checked[name] = given["value"]
        else:
            self.values[name] = given.get("value", "")


def read_fields(response) -> _Fields:
    """The input fields of an answered page."""
    fields = _Fields()
    fields.feed(response.content.decode())
    return fields


def sign_in(user) -> Client:
    client = Client()
    client.force_login(user)
    return client


def list_messages(response) -> list[str]:
    """The messages shown on the page, which a followed redirect ends at."""
    return [str(message) for message in response.context["messages"]]
