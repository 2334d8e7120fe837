from django.db.models import BooleanField
from django.db.models.expressions import RawSQL

# For a table whose column sha256 holds the digest's bytes.
IS_SHA256 = RawSQL("octet_length(sha256) = 32", (), output_field=BooleanField())
