from django.contrib.auth.models import User
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from annotation.models import ApiToken
from annotation.queries.accounts import find_live_token


class TokenAuthentication(BaseAuthentication):
    """`Authorization: Token KEY`. A revoked token, or one of an account that is closed, opens nothing at once."""

    keyword = "Token"

    def authenticate(self, request: Request) -> tuple[User, ApiToken] | None:
        header = get_authorization_header(request).decode("latin-1").split()
        if not header or header[0].lower() != self.keyword.lower():
            return None
        token = find_live_token(header[1]) if len(header) == 2 else None
        if token is None:
            raise AuthenticationFailed("The token is not valid.")
        return token.user, token

    def authenticate_header(self, request: Request) -> str:
        return self.keyword
