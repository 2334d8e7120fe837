from types import SimpleNamespace

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client

from hierarchy.models import Closure
from tests.hierarchy.rows import link_synsets, make_synset


def log_in(name, group):
    user = User.objects.create_user(name)
    user.groups.add(Group.objects.get_or_create(name=group)[0])
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


@pytest.fixture
def annotator(db):
    return log_in("ann", "annotator")


@pytest.fixture
def curator(db):
    return log_in("cur", "curator")


@pytest.fixture
def tree(db):
    r"""Animal > dog > puppy, and Rex is an instance of dog.

       animal
         |
        dog
        /  .
    puppy   rex
    """
    animal, dog = make_synset(15388, "animal"), make_synset(2084071, "dog", "domestic dog")
    puppy, rex = make_synset(1322604, "puppy"), make_synset(9000001, "Rex")
    link_synsets(dog, animal)
    link_synsets(puppy, dog)
    link_synsets(rex, dog, instance=True)
    pairs = [
        *[(synset, synset, 0, False) for synset in (animal, dog, puppy, rex)],
        *[(animal, dog, 1, False), (dog, puppy, 1, False), (dog, rex, 1, True)],
        *[(animal, puppy, 2, False), (animal, rex, 2, True)],
    ]
    Closure.objects.bulk_create(
        Closure(ancestor=above, descendant=below, distance=distance, instance=instance)
        for above, below, distance, instance in pairs
    )
    return SimpleNamespace(animal=animal, dog=dog, puppy=puppy, rex=rex)
