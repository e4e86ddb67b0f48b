"""Many clients that ask as fast as they are answered, as a process: prints what they were told."""

import json
import ssl
import sys
from collections import Counter

import anyio
import httpx

PATHS = ("/api/v1/targets", "/api/v1/schedules", "/api/v1/me", "/healthz", "/api/v1/runs?limit=10")

# Made once: each client would read every certificate of the machine.
_NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


async def _ask(url: str, token: str, number: int, told: Counter[str]) -> None:
    headers = {"Authorization": f"Bearer {token}"}
    made = httpx.AsyncClient(base_url=url, headers=headers, timeout=30, verify=_NO_TLS)
    async with made as client:
        while True:
            number += 1
            try:
                answer = await client.get(PATHS[number % len(PATHS)])
                told[str(answer.status_code)] += 1
            except httpx.HTTPError as error:
                told[type(error).__name__] += 1


async def hammer(url: str, token: str, clients: int, seconds: float) -> Counter[str]:
    """Ask for so long, and count what was told."""
    told: Counter[str] = Counter()
    with anyio.move_on_after(seconds):
        async with anyio.create_task_group() as tasks:
            for number in range(clients):
                tasks.start_soon(_ask, url, token, number, told)
    return told


if __name__ == "__main__":
    where, key, many, how_long = sys.argv[1:]
    print(json.dumps(anyio.run(hammer, where, key, int(many), float(how_long))))  # noqa: T201 - its result
