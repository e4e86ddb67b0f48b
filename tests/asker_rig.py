"""Who asks every route there is, of every kind, in the way of each interface. Judges nothing."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import httpx

from api_rig import PASSWORD, Api
from route_rig import PLAYLIST, TABLE, V3, V4
from tallyd.accounts import Issued
from tallyd.app.accounts import accounts_of
from tallyd.clock import SystemClock
from tallyd.domain.accounts import Purpose, Role
from tallyd.oauth import OAuth
from uplynk_rig import packed, signature

MISSING = 4711
ENTRY, HER_ENTRY = "e" * 32, "d" * 32
LASTS = timedelta(days=1)

THERE: Mapping[str, str] = {
    "schedule_id": "1",
    "run_id": "1",
    "day_id": "1",
    "user_id": "1",
    "room_id": "7",
    "target": "rooms.aula",
    "channel_key": "channels.one",
    "occurrence": "next",
    "channel_id": "77",
    "event_id": "2",
    "entry": ENTRY,
    "playlist": PLAYLIST,
}
"""What the house has of each kind; the `channel` of Uplynk gets its id from the database."""

HERS: Mapping[str, str] = {**THERE, "channel_id": "78", "event_id": "3", "entry": HER_ENTRY}
"""The same of the channel that is alice's own."""


class LongAgo(SystemClock):
    """A clock by which it is so early that what it gives out has expired."""

    def now(self) -> datetime:
        """Give an instant of three days ago."""
        return super().now() - 3 * LASTS


@dataclass(frozen=True)
class Keys:
    """What somebody shows: a native key, a token of OAuth, what messages are signed with."""

    native: str | None = None
    token: str | None = None
    signer: tuple[str, str] | None = None


@dataclass(frozen=True)
class Asker:
    """Somebody who asks, with keys or without, as each interface wants them shown."""

    api: Api
    http: httpx.AsyncClient
    keys: Keys
    there: Mapping[str, str] = field(default_factory=dict)

    async def ask(
        self, route: tuple[str, str], missing: frozenset[str] = frozenset()
    ) -> httpx.Response:
        """Ask one route for what is there, or, of some things, for what is not."""
        method, path = route
        filled = re.sub(
            r"\{(\w+)\}", lambda f: str(MISSING) if f[1] in missing else self.there[f[1]], path
        )
        return await self.http.request(method, filled, json=TABLE[route][1], **self._shown(path))

    def _shown(self, path: str) -> dict[str, Any]:
        if path.startswith(V3):
            return {"params": {"access_token": self.keys.native}} if self.keys.native else {}
        if path.startswith(V4):
            return {"params": self._signed(*self.keys.signer)} if self.keys.signer else {}
        key = self.keys.token if path.startswith(("/v2/", "/channels/")) else self.keys.native
        return {"headers": {"Authorization": f"Bearer {key}"}} if key else {}

    def _signed(self, owner: str, key: str) -> dict[str, str]:
        message = packed(owner, int(self.api.services.clock.now().timestamp()))
        return {"msg": message, "sig": signature(key, message)}


async def asker_of(
    api: Api, http: httpx.AsyncClient, who: str, there: Mapping[str, str] = THERE
) -> Asker:
    """Give somebody of a kind, who asks for what is at one of the two channels."""
    name = "channels.one" if there is THERE else "channels.hers"
    async with api.services.store.read() as reader:
        channel = await reader.target(name)
    assert channel is not None
    return Asker(api, http, await _keys_of(api, http, who), {**there, "channel": channel.uid})


async def _keys_of(api: Api, http: httpx.AsyncClient, who: str) -> Keys:
    accounts = api.services.accounts
    if who == "nobody":
        return Keys()
    if who == "a guess":
        known = await accounts.issue("alice", Purpose.UPLYNK)
        return Keys("0" * 64, "0" * 40, (known.public, "0" * len(known.secret)))
    roles = {"a viewer": Role.VIEWER, "an admin": Role.ADMIN}
    await accounts.add("mallory", roles.get(who, Role.OPERATOR), PASSWORD)
    if who == "an expired key":
        return await _expired(api)
    native = await accounts.issue("mallory", Purpose.NATIVE)
    client = await accounts.issue("mallory", Purpose.IBM)
    if who == "a key for something else":
        return Keys(client.secret, native.secret, (client.public, client.secret))
    signer = await accounts.issue("mallory", Purpose.UPLYNK)
    token = await _token(http, client)
    if who == "a revoked key":
        for key in await accounts.keys("mallory"):
            await accounts.revoke(key.public)
    elif who == "a removed account":
        await accounts.remove("mallory")
    return Keys(native.secret, token, (signer.public, signer.secret))


async def _token(http: httpx.AsyncClient, client: Issued) -> str:
    auth = (client.public, client.secret)
    form = {"grant_type": "client_credentials"}
    answer = await http.post("/oauth2/token", data=form, auth=auth)
    token: str = answer.json()["access_token"]
    return token


async def _expired(api: Api) -> Keys:
    """Give what was good until two days ago."""
    clock, store = LongAgo(), api.services.store
    accounts = await accounts_of(api.settings, clock, store)
    oauth = OAuth(store, clock)
    native = await accounts.issue("mallory", Purpose.NATIVE, LASTS)
    signer = await accounts.issue("mallory", Purpose.UPLYNK, LASTS)
    client = await accounts.issue("mallory", Purpose.IBM)
    program = await oauth.client(client.public, [client.secret])
    tokens = await oauth.for_itself(program, "")
    return Keys(native.secret, tokens.access, (signer.public, signer.secret))
