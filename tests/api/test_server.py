"""The server itself: who gets in, and how much of a client it bears."""

import socket
import sqlite3
from datetime import timedelta

import httpx
import pytest

from api_rig import PASSWORD, Api
from tallyd.domain.accounts import Purpose, Role
from tallyd.nudge import SOCKET_NAME, NudgeError, send
from tallyd.store import SqliteStore


async def test_it_says_that_it_lives(api: Api) -> None:
    """A monitor needs no account."""
    async with api.client() as client:
        answer = await client.get("/healthz")
    assert (answer.status_code, answer.reason_phrase) == (200, "OK")


async def test_a_key_opens(api: Api) -> None:
    """Whoever has a key gets in, and nobody else."""
    token = await api.user("alice")
    async with api.client(token) as client:
        assert (await client.get("/api/v1/targets")).status_code == 200
    async with api.client() as client:
        refused = await client.get("/api/v1/targets")
    assert (refused.status_code, refused.reason_phrase) == (401, "Unauthorized")


async def test_the_user_of_this_machine_needs_no_key(api: Api) -> None:
    """On the Unix socket the system says who asks."""
    async with api.local() as client:
        assert (await client.get("/api/v1/targets")).status_code == 200


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1:1", "localhost.evil.example"])
async def test_another_name_is_refused(api: Api, host: str) -> None:
    """A page in a browser that calls itself by this address gets nothing."""
    token = await api.user("alice", Role.ADMIN)
    async with api.client(token) as client:
        answer = await client.get("/api/v1/targets", headers={"Host": host})
    assert answer.status_code == 421


async def test_a_page_of_elsewhere_is_refused(api: Api) -> None:
    """A page of another origin may not ask."""
    async with api.client() as client:
        answer = await client.get("/healthz", headers={"Origin": "http://evil.example"})
    assert answer.status_code == 403


async def test_a_large_body_is_refused(api: Api) -> None:
    """Nobody fills the memory."""
    async with api.client() as client:
        answer = await client.post("/api/v1/schedules", content=b" " * (256 * 1024 + 1))
    assert answer.status_code == 413


async def test_long_headers_are_refused(api: Api) -> None:
    """Nor by headers."""
    async with api.client() as client:
        answer = await client.get("/healthz", headers={"X-Long": "a" * 17_000})
    assert answer.status_code == 431


async def test_passwords_prove_who_asks(api: Api) -> None:
    """A right password is known from a wrong one, and nobody is nobody."""
    await api.user("alice")
    accounts = api.services.accounts
    assert await accounts.caller_of_password("alice", PASSWORD) is not None
    assert await accounts.caller_of_password("alice", "wrong one") is None
    for name in ("nobody", "", "a\x00", "\ud800"):
        assert await accounts.caller_of_password(name, PASSWORD) is None


async def test_it_says_no_more_of_itself_than_it_must(api: Api) -> None:
    """Nobody learns what serves."""
    async with httpx.AsyncClient(base_url=api.url) as client:
        assert "server" not in (await client.get("/healthz")).headers


async def test_metrics_are_for_those_who_have_a_key(api: Api) -> None:
    """Prometheus needs a key like any program, and finds everything that is counted."""
    async with api.client() as client:
        assert (await client.get("/metrics")).status_code == 401
    async with api.client(await api.user("prometheus", Role.VIEWER)) as client:
        answer = await client.get("/metrics")
    assert answer.status_code == 200
    for name in (
        "tallyd_start_lateness_seconds",
        "tallyd_runs_total",
        "tallyd_driver_start_seconds",
        "tallyd_next_start_timestamp_seconds",
        "tallyd_blocked_seconds",
        "tallyd_disk_free_bytes",
        "tallyd_clock_trusted",
        "tallyd_nudges",
    ):
        assert (
            f"# TYPE {name}" in answer.text
            or f"# TYPE {name.removesuffix('_total')}" in answer.text
        )


async def test_a_full_disk_is_told(api: Api) -> None:
    """Where nothing can be stored, that is what is said, and it can still be looked."""
    store = api.services.store
    assert isinstance(store, SqliteStore)
    async with api.local() as client:
        await store._writing.run_apart(_fill)
        body = {
            "target": "rooms.aula",
            "name": "x" * 200,
            "start": "2036-12-01T09:00",
            "duration": "1h",
        }
        answers = [await client.post("/api/v1/schedules", json=body) for _ in range(100)]
        assert answers[-1].status_code == 507
        assert (await client.get("/api/v1/schedules")).status_code == 200


def _fill(connection: sqlite3.Connection) -> None:
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    connection.execute(f"PRAGMA max_page_count = {pages}")


async def test_a_key_ends(api: Api) -> None:
    """A key works until it expires, is revoked, or its account gets another password, or goes."""
    accounts = api.services.accounts
    token = await api.user("alice")
    short = await accounts.issue("alice", Purpose.NATIVE, timedelta(seconds=0))
    other = await accounts.issue("alice", Purpose.IBM)
    async with api.client() as client:

        async def code(key: str) -> int:
            headers = {"Authorization": f"Bearer {key}"}
            return (await client.get("/api/v1/me", headers=headers)).status_code

        assert [await code(each) for each in (token, short.secret, other.secret)] == [200, 401, 401]
        (native,) = (k for k in await accounts.keys("alice") if k.purpose is Purpose.NATIVE)
        await accounts.revoke(native.public)
        assert await code(token) == 401
        token = (await accounts.issue("alice", Purpose.NATIVE)).secret
        assert await code(token) == 200
        await accounts.change_password("alice", "another horse")
        assert await code(token) == 401
        fresh = (await accounts.issue("alice", Purpose.NATIVE)).secret
        assert await code(fresh) == 200
        await accounts.remove("alice")
        assert await code(fresh) == 401


async def test_who_signs_is_known_by_a_secret_that_is_not_stored(api: Api) -> None:
    """What an interface signs with can be derived here, and nowhere else."""
    await api.user("alice")
    accounts = api.services.accounts
    issued = await accounts.issue("alice", Purpose.UPLYNK)
    known = await accounts.signer(issued.public)
    assert known is not None
    assert (known[0].name, known[1]) == ("alice", (issued.secret,))
    assert await accounts.signer("nobody") is None


async def test_a_daemon_that_cannot_be_reached_is_none(api: Api) -> None:
    """Where nobody can tell whether a daemon runs, requests are answered as if none did."""
    run_dir = api.settings.appliance.run_dir
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as other:
        other.bind(str(run_dir / SOCKET_NAME))
        with pytest.raises(NudgeError):
            send(run_dir)
        async with api.local() as client:
            assert (await client.get("/api/v1/status")).json()["running"] is False
            assert (await client.get("/api/v1/targets")).status_code == 200
            assert "tallyd_daemon_up 0.0" in (await client.get("/metrics")).text


async def test_a_bug_is_told_in_the_log_alone(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever meets a bug learns no more than that, and the server goes on."""

    def broken(*_: object) -> None:
        raise RuntimeError("the secret is 42")

    monkeypatch.setattr(type(api.services.reports), "targets", broken)
    async with api.local() as client:
        answer = await client.get("/api/v1/targets")
        assert answer.status_code == 500
        assert "42" not in answer.text
        assert (await client.get("/healthz")).status_code == 200
