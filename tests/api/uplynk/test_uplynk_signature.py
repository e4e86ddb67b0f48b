"""Who asks, proven by msg and sig: in the query, in the header, in every packing."""

import base64
import json
import zlib
from datetime import UTC, datetime, timedelta

import pytest

from tallyd.api.uplynk.signature import Signed, UnreadableMessage, claim_of, parameters, signed
from tallyd.domain.accounts import Purpose
from uplynk_rig import NOW, packed, signature

OWNER = "0123456789abcdef0123456789abcdef"
KEY = "k3y-for-tests-only-0000000000000000000000"
MESSAGE = "eNqrVorPL89LLVKyUlAyMDQyNjE1M7ewTExKTklNQ+cr6SgoxZdk5qYWlyTmFgB1GJobQEEtAOyEFC4="
SIGNATURE = "0bf12e0eae121d7ad58c6353d6e2f72a1a29c1d3e6359d549aec902b90aa4ca4"
SAID = {"_owner": OWNER, "_timestamp": 1_700_000_000}


def coded(raw: bytes) -> str:
    """Write bytes as a message does."""
    return base64.b64encode(raw).decode()


def deflated(raw: bytes) -> bytes:
    """Compress without a header."""
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packer.compress(raw) + packer.flush()


def test_vector():
    """The test vector of the contract, both ways."""
    assert packed(OWNER, 1_700_000_000) == MESSAGE
    assert signature(KEY, MESSAGE) == SIGNATURE
    assert Signed(MESSAGE, SIGNATURE).is_signed_with(KEY)
    assert not Signed(MESSAGE, SIGNATURE).is_signed_with(KEY[:-1])
    claim = claim_of(MESSAGE)
    assert (claim.owner, claim.timestamp) == (OWNER, 1_700_000_000)


@pytest.mark.parametrize("pack", [zlib.compress, deflated, bytes], ids=["zlib", "raw", "plain"])
def test_packings(pack):
    """Compressed with a header, without one, and not at all: all are read."""
    claim = claim_of(coded(pack(json.dumps(SAID).encode())))
    assert (claim.owner, claim.timestamp) == (OWNER, 1_700_000_000)


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"[]",
        b"{}",
        b"x",
        b"[" * 3000,
        json.dumps({"_owner": OWNER}).encode(),
        json.dumps({"_timestamp": 1}).encode(),
        json.dumps({"_owner": 7, "_timestamp": 1}).encode(),
        json.dumps({"_owner": "", "_timestamp": 1}).encode(),
        json.dumps({"_owner": "\u00e9", "_timestamp": 1}).encode(),
        json.dumps({"_owner": OWNER, "_timestamp": "soon"}).encode(),
        json.dumps({"_owner": OWNER, "_timestamp": True}).encode(),
        b'{"_owner": "a", "_timestamp": NaN}',
        b'{"_owner": "a", "_timestamp": Infinity}',
        b'{"_owner": "a", "_timestamp": 1e300}',
        zlib.compress(b"{}")[:-2],
        zlib.compress(json.dumps({**SAID, "more": " " * 10_000_000}).encode(), 9),
        deflated(json.dumps({**SAID, "more": " " * 10_000_000}).encode()),
    ],
)
def test_messages_that_say_nothing(said):
    """What is no message, or would unpack to megabytes, is refused before it is read."""
    with pytest.raises(UnreadableMessage):
        claim_of(coded(said))


@pytest.mark.parametrize("message", ["", "%%%", "eJ", MESSAGE + "=", "A" * 5000, "\u00e9"])
def test_messages_that_are_no_base64(message):
    """What is not even coded is refused."""
    with pytest.raises(UnreadableMessage):
        claim_of(message)


@pytest.mark.parametrize(
    "query",
    [
        f"msg={MESSAGE.replace('+', '%2B').replace('=', '%3D')}&sig={SIGNATURE}",
        f"start=now&sig={SIGNATURE}&msg={MESSAGE}",
        f"msg={MESSAGE.replace('+', '%20')}&sig={SIGNATURE}",
    ],
    ids=["encoded", "bare", "blank"],
)
def test_message_in_the_query(query):
    """Encoded, bare, or with a plus that became a blank on its way."""
    assert signed(query.encode(), None) == Signed(MESSAGE, SIGNATURE)


def test_message_in_the_header():
    """Message, one blank, signature; what is in the query goes before it."""
    header = f"{MESSAGE} {SIGNATURE}"
    assert signed(b"start=now", header) == Signed(MESSAGE, SIGNATURE)
    assert signed(b"msg=a&sig=b", header) == Signed("a", "b")
    assert signed(b"", None) is None
    assert signed(b"", "Bearer of good news") is None


def test_query_without_what_signs_it():
    """What else a query says is read as it was sent: a plus is a plus."""
    query = b"start=now&end=now+240m&msg=a&sig=b&include_empty=1"
    assert parameters(query) == {"start": "now", "end": "now+240m", "include_empty": "1"}


async def asked(uplynk, message: str, sig: str) -> tuple[int, dict]:
    """Ask for the channels with a message and its signature; gives status and body."""
    answer = await uplynk.http.get("/api/v4/channels", params={"msg": message, "sig": sig})
    return answer.status_code, answer.json()


async def test_query_and_header(uplynk):
    """Both ways to sign open every endpoint."""
    sent = uplynk.signed()
    assert (await uplynk.http.get("/api/v4/channels", params=sent)).status_code == 200
    header = {"Authorization": f"{sent['msg']} {sent['sig']}"}
    assert (await uplynk.http.get("/api/v4/channels", headers=header)).status_code == 200


async def test_unsigned(uplynk):
    """Nobody, in the shape of an error: clients print it."""
    answer = await uplynk.http.get("/api/v4/channels")
    assert (answer.status_code, answer.headers["content-type"]) == (401, "application/json")
    assert answer.json() == {
        "@id": "/channels",
        "@type": "Error",
        "error": "unauthorized",
        "message": "msg and sig say nothing of who asks",
        "status": 401,
    }


async def test_a_wrong_signature_and_an_unknown_owner_look_alike(uplynk):
    """Whoever guesses learns nothing."""
    now = int(NOW.timestamp())
    mine = packed(uplynk.owner, now)
    nobodys = packed("f" * 32, now)
    wrong = await asked(uplynk, mine, signature("guessed", mine))
    unknown = await asked(uplynk, nobodys, signature(uplynk.key, nobodys))
    odd = await asked(uplynk, mine, "\u00e9")
    assert wrong == unknown == odd
    assert wrong[0] == 401


@pytest.mark.parametrize(
    ("off_s", "status"), [(-300, 200), (300, 200), (-301, 401), (301, 401), (-86_400, 401)]
)
async def test_replay_window(uplynk, off_s, status):
    """A message is good for five minutes; who caught it has nothing after that."""
    message = packed(uplynk.owner, int(NOW.timestamp()) + off_s)
    found, _ = await asked(uplynk, message, signature(uplynk.key, message))
    assert found == status


async def test_a_captured_message_is_useless_after_the_window(uplynk):
    """The very same request, sent again later, changes nothing."""
    query = uplynk.signed()
    body = {"content_type": "ad", "dur": 1000, "start": "2027-01-05T12:00:00.000Z"}
    answer = await uplynk.http.post(f"/api/v4{uplynk.path}", params=query, json=body)
    assert answer.status_code == 200
    uplynk.clock.shown = NOW + timedelta(seconds=301)
    again = await uplynk.http.delete(f"/api/v4{uplynk.path}/{answer.json()['id']}", params=query)
    assert again.status_code == 401
    assert (await uplynk.one(answer.json()["id"])).status_code == 200


async def test_a_bomb_is_refused(uplynk):
    """Kilobytes that unpack to hundreds of megabytes cost nothing and open nothing."""
    bomb = coded(zlib.compress(b" " * 200_000_000, 9))[:8_000]
    status, _ = await asked(uplynk, bomb, signature(uplynk.key, bomb))
    assert status == 401
    small = coded(zlib.compress(json.dumps({**SAID, "x": " " * 3_000_000}).encode(), 9))
    assert len(small) <= 4096
    assert (await asked(uplynk, small, signature(uplynk.key, small)))[0] == 401


async def test_another_key_of_the_same_owner(uplynk):
    """An account may have several keys: each of them signs for each of its owners' ids."""
    second = await uplynk.api.services.accounts.issue(uplynk.name, Purpose.UPLYNK)
    mixed = uplynk.seen_as(key=second.secret)
    assert (await mixed.ask("GET", "/channels")).status_code == 200


async def test_a_key_that_has_expired(uplynk):
    """What has expired opens nothing."""
    short = await uplynk.api.services.accounts.issue(
        uplynk.name, Purpose.UPLYNK, timedelta(minutes=1)
    )
    late = uplynk.seen_as(owner=short.public, key=short.secret)
    assert (await late.ask("GET", "/channels")).status_code == 200
    uplynk.clock.shown = datetime(2027, 1, 5, 9, 2, tzinfo=UTC)
    assert (await late.ask("GET", "/channels")).status_code == 401
