"""The description of the native interface, held against the server by generated requests."""

from typing import Any

import pytest
import schemathesis
from anyio import to_thread
from hypothesis import HealthCheck, Phase, given, settings

from api_rig import Api
from tallyd.domain.accounts import Role

EXAMPLES = 10


def _try_everything(url: str, token: str) -> set[str]:
    """Send what the description allows to every route, and hold each answer against it."""
    headers = {"Authorization": f"Bearer {token}"}
    schema = schemathesis.openapi.from_url(f"{url}/api/v1/openapi.json")
    tried = set()
    for found in schema.get_all_operations():
        operation = found.ok()

        @settings(
            max_examples=EXAMPLES,
            deadline=None,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy())
        def send(case: Any) -> None:
            case.call_and_validate(headers=headers)

        send()
        tried.add(operation.label)
    return tried


@pytest.mark.timeout(300)
async def test_what_is_described_is_so(api: Api) -> None:
    """No request that the description allows breaks the server, or is answered otherwise."""
    token = await api.user("root", Role.ADMIN)
    tried = await to_thread.run_sync(_try_everything, api.url, token)
    assert "POST /schedules" in tried
    assert len(tried) > 20
