"""Following an envelope's links, as a client does."""


def read_rows(client, address):
    response = client.get(address)
    assert response.status_code == 200, response.content
    return response.json()["results"]


def walk(client, address, *, link="next"):
    """The pages from this address on, as they come."""
    pages = []
    while address is not None:
        body = client.get(address).json()
        pages.append(body["results"])
        address = body[link]
    return pages
