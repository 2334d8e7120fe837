"""python -m tests.functional.drilled vote|lease NAME [--answer YES] [--pages N] [--size N]

In the environment of a service: the account takes pages and answers them all alike, or leaves one open.
"""

import argparse

import django

django.setup()

from django.contrib.auth.models import User  # noqa: E402 (after the settings)

from tests import builders  # noqa: E402


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("action", choices=("vote", "lease"))
    parser.add_argument("name")
    parser.add_argument("--answer", default="YES")
    parser.add_argument("--pages", type=int, default=1)
    parser.add_argument("--size", type=int)
    options = parser.parse_args()
    user = User.objects.get(username=options.name)
    for _ in range(options.pages):
        page = builders.lease(user, size=options.size)
        if options.action == "vote":
            builders.submit(page, options.answer, key=f"{options.name} {page.pk}")
            print(page.pk, flush=True)
    builders.estimate_all()


if __name__ == "__main__":
    main()
