"""Joins the accounts with the database that holds them and the secret of the installation."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from anyio import to_thread

from tallyd.accounts import Accounts
from tallyd.app.installation import open_with_store
from tallyd.config import Settings
from tallyd.ports.accounts import AccountStore
from tallyd.ports.clock import Clock
from tallyd.state_dir import StateDir


@asynccontextmanager
async def open_accounts(settings: Settings) -> AsyncGenerator[Accounts]:
    """Open the accounts of an installation; a new one gets its database.

    Raises:
        StateDirError, StoreError: as for `open_for_changes`.
    """
    async with open_with_store(settings) as (appliance, store):
        yield await accounts_of(settings, appliance.clock, store)


async def accounts_of(settings: Settings, clock: Clock, store: AccountStore) -> Accounts:
    """Give the accounts that an open database holds.

    Raises:
        StateDirError: the secret of the installation cannot be read or made.
    """
    pepper = await to_thread.run_sync(StateDir(settings.appliance.state_dir).http_secret)
    return Accounts(store, clock, pepper)
