"""Tokens and addresses: what lasts how long, and where a code may be sent."""

from datetime import UTC, datetime, timedelta

import pytest

from tallyd.domain.oauth import (
    LASTS,
    Grant,
    Token,
    TokenKind,
    is_address,
    is_loopback,
    may_redirect,
    scope_of,
)

NOON = datetime(2027, 3, 1, 12, tzinfo=UTC)
REGISTERED = ("https://program.example/callback", "http://intranet.example/callback")


@pytest.mark.parametrize("kind", TokenKind)
def test_a_token_lasts_until_it_expires_or_is_spent(kind):
    """At the very instant it is over."""
    expires = NOON + LASTS[kind]
    token = Token("d", kind, Grant("g", "c", 1, ""), NOON, expires)
    assert token.is_valid(expires - timedelta(milliseconds=1))
    assert not token.is_valid(expires)
    spent = Token("d", kind, Grant("g", "c", 1, ""), NOON, expires, None, NOON)
    assert not spent.is_valid(NOON)


@pytest.mark.parametrize(
    ("asked", "given"),
    [
        ("", ""),
        ("broadcaster", "broadcaster"),
        ("email openid", "openid email"),
        ("openid,openid other", "openid"),
    ],
)
def test_scopes(asked, given):
    """Only those that there are, each once."""
    assert scope_of(asked) == given


@pytest.mark.parametrize(
    ("uri", "registered", "may"),
    [
        ("https://program.example/callback", REGISTERED, True),
        ("http://intranet.example/callback", REGISTERED, True),
        ("https://program.example/callback/", REGISTERED, False),
        ("https://evil.example/", REGISTERED, False),
        ("https://any.example/", (), True),
        ("http://any.example/", (), False),
        ("http://127.0.0.1:4711/cb", REGISTERED, True),
        ("http://[::1]:4711/cb", (), True),
        ("http://localhost/cb", (), True),
        ("http://localhost.evil.example/cb", (), False),
        ("http://127.0.0.1@evil.example/cb", (), False),
        ("https://evil.example\\@program.example/", (), False),
        ("ftp://program.example/", (), False),
        ("program.example", (), False),
        ("https:///path", (), False),
        ("https://program.example:port/", (), False),
        ("https://program.example/#x", (), False),
        ("https://program.example/\n", (), False),
        ("https://program.example/a b", (), False),
        ("https://pr\u00f6gram.example/", (), False),
        ("https://program.example/" + "x" * 2000, (), False),
        ("https://[x/", (), False),
    ],
)
def test_where_a_code_may_be_sent(uri, registered, may):
    """To a registered address, else to one with TLS; to the user's own machine always."""
    assert may_redirect(uri, registered) is may


def test_addresses():
    """One that a browser can be sent to, and one on the machine itself."""
    assert is_address("http://any.example/")
    assert not is_address("nonsense")
    assert is_loopback("http://localhost:1/")
    assert not is_loopback("https://localhost:1/")
    assert not is_loopback("nonsense")
