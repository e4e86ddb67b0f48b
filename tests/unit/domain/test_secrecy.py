"""Whatever URLs hold of secrets, and wherever it turns up again, nobody reads it."""

from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallyd.domain.secrecy import (
    SHORTEST,
    hide,
    in_order,
    is_secret,
    mask_urls,
    secrets_of,
    shown_mistake,
)

KEY = "c4n4ry"


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("", ""),
        ("it is 10:30, see /srv/a?b=c", "it is 10:30, see /srv/a?b=c"),
        ("rtmp://h", "rtmp://h"),
        ("rtmp://h:1935/", "rtmp://h:1935/"),
        (f"rtmp://h:1935/live/{KEY}", "rtmp://h:1935/***"),
        (f"rtmp://h/live/{KEY}: Input/output error", "rtmp://h/***: Input/output error"),
        (f"'rtmp://h/live/{KEY}', then", "'rtmp://h/***', then"),
        (f"RTMP://H/{KEY} and srt://h:9?passphrase={KEY}", "RTMP://H/*** and srt://h:9?***"),
        (f"srt://h:9#{KEY}", "srt://h:9#***"),
        (f"rtsp://bob:{KEY}@[2001:db8::1]:554/x", "rtsp://***@[2001:db8::1]:554/***"),
        (f"rtsp://{KEY}@h", "rtsp://***@h"),
        (f"rtsp://b:a@{KEY}@h", "rtsp://***@h"),
        (f"rtsp://b:a/{KEY}@h/x", "rtsp://***"),
        (f"rtmp://h/live@{KEY}", "rtmp://***"),
        (f"rtsp://h:{KEY}/x", "rtsp://***"),
        (f'{{"url":"rtmp:\\/\\/h\\/{KEY}"}}', '{"url":"rtmp://h\\***"}'),
        (f"tee:[f=flv]rtmp://h/{KEY}|file:x", "tee:[f=flv]rtmp://h/***"),
        ("cannot write file:///srv/a", "cannot write file:///srv/a"),
    ],
)
def test_of_a_url_only_the_place_is_shown(text: str, masked: str) -> None:
    """Scheme, host and port say which device it is; of the rest nobody knows what is secret."""
    assert KEY not in mask_urls(text)
    assert mask_urls(text).rstrip("\"'}") == masked.rstrip("\"'}")


SECRETS = st.text("abXY01-_.~!$*'()@:%é", min_size=SHORTEST, max_size=20).map(
    lambda text: f"{quote(text, safe='')}x"  # a stop at its end would be taken for a sentence's
)


@given(st.sampled_from(["rtmp", "rtsps", "srt", "x-own"]), SECRETS, SECRETS, SECRETS, SECRETS)
def test_no_part_of_a_url_is_repeated(
    scheme: str, password: str, app: str, key: str, phrase: str
) -> None:
    """Alone or in its URL: password, path, stream key and passphrase are taken out of any text."""
    url = f"{scheme}://bob:{password}@host:99/{app}/{key}?streamid={phrase}"
    shown = mask_urls(f"told {url} again")
    assert shown == f"told {scheme}://***@host:99/*** again"
    secrets = secrets_of(url)
    for secret in (password, app, key, phrase, f"{app}/{key}"):
        assert secret in secrets
        assert hide(f"<{secret}>", secrets) in {"<***>", "<***/***>"}


def test_a_longer_secret_is_hidden_before_a_part_of_it() -> None:
    """What is left of a secret when a shorter one was taken out of it is not shown."""
    assert hide("abcd-efgh abcd", in_order(("abcd", "abcd-efgh", "ab"))) == "*** ***"


def test_what_is_no_url_is_secret_as_a_whole() -> None:
    """A URL that cannot be taken apart is hidden where it stands."""
    assert hide(f"x rtsp://[{KEY}/a", secrets_of(f"rtsp://[{KEY}/a")) == "x rtsp://***"


@pytest.mark.parametrize(
    ("path", "value", "shown"),
    [
        (("level",), "verbose", "verbose"),
        (("binary",), "/usr/bin/x:y", "/usr/bin/x:y"),
        (("every",), "25:00", "25:00"),
        (("password",), "x", "***"),
        (("environment", "PIN"), "x", "***"),
        (("source",), "tset", "tset"),
        (("source",), f"h/live/{KEY}", "***"),
        (("inputs", "1"), f"rtmp:/h/live/{KEY}", "***"),
        (("driver",), f"rtmp://h/live/{KEY}", "rtmp://h/***"),
        (("driver",), f"rtmp:/h/live/{KEY}", "rtmp:***"),
        (("driver",), f"//bob:{KEY}@h", "//***"),
        (("driver",), f"bob@{KEY}", "bob@***"),
        (("driver",), f"rtmp:h/{KEY}", "rtmp:***"),
        (("driver",), "bin/prog", "bin/prog"),
    ],
)
def test_a_mistake_is_repeated_without_what_may_be_secret(
    path: tuple[str, ...], value: str, shown: str
) -> None:
    """The typo may be the very thing that keeps a URL from being recognised as one."""
    assert shown_mistake(path, value) == shown


def test_names_tell_what_is_secret() -> None:
    """Options are told by their names, in any case."""
    assert all(map(is_secret, ("passphrase", "API_KEY", "streamid", "stream_id", "DEVICE_PIN")))
    assert not any(map(is_secret, ("keyframes", "spinner", "source", "monkey", "run")))
