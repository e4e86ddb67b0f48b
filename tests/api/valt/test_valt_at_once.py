"""Several calls at once that are about the same schedule."""

from datetime import datetime
from zoneinfo import ZoneInfo

import anyio


async def test_delete_next_at_once(valt):
    """Of several at once each drops another occurrence, however they meet."""
    start = valt.soon()
    schedule_id = await valt.book(start_at=start, recurrence={"type": "daily"})
    answers = []

    async def drop():
        answers.append(await valt.post(f"schedule/{schedule_id}/delete_next"))

    async with anyio.create_task_group() as tasks:
        for _ in range(5):
            tasks.start_soon(drop)
    assert [each.status_code for each in answers] == [200] * 5
    rome = ZoneInfo("Europe/Rome")
    first, now_next = (
        datetime.fromtimestamp(each, rome).date()
        for each in (start, (await valt.details(schedule_id))["start_at"])
    )
    assert (now_next - first).days == 5
