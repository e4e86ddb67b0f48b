"""The endpoints of linear playlists: lists, one, changes. Not how they are reached."""

from collections.abc import Mapping

from tallyd.api.uplynk import views
from tallyd.api.uplynk.desk import Desk, Signer
from tallyd.api.uplynk.requests import playlist_changes
from tallyd.api.uplynk.values import Object, refuse, text


class PlaylistDesk:
    """Answers what is asked of playlists."""

    def __init__(self, desk: Desk) -> None:
        self._library = desk.services.library

    async def listed(self, signer: Signer, path: str, query: Mapping[str, str]) -> views.Json:
        """List playlists, all or those of a description, or those that are active or not.

        Raises:
            InvalidBooking: something of the query makes no sense.
        """
        active = query.get("active")
        if active not in {None, "0", "1"}:
            refuse("active", active, "write 0 or 1")
        shown = [
            views.playlist(each)
            for each in await self._library.playlists(signer.caller)
            if query.get("desc") in {None, each.desc} and active in {None, str(int(each.active))}
        ]
        return views.collection(path, shown)

    async def one(self, signer: Signer, wanted: str) -> views.Json:
        """Show one playlist; raises what `Library.playlist` does."""
        return views.playlist(await self._library.playlist(signer.caller, wanted))

    async def add(self, signer: Signer, body: Object) -> views.Json:
        """Keep a playlist; raises what `Library.add_playlist` does."""
        if "playlist" not in body:
            refuse("playlist", "", "it is required")
        made = await self._library.add_playlist(signer.caller, playlist_changes(body))
        return views.playlist(made)

    async def smart_start(self, body: Object) -> views.Json:
        """Keep a playlist of one asset, by its id; raises what `Library.playlist_of` does."""
        asset = text(body, "asset_id") or text(body, "id") or text(body, "beam_id")
        if asset is None:
            refuse("asset_id", "", "it is required")
        return views.playlist(await self._library.playlist_of(asset, playlist_changes(body)))

    async def change(self, signer: Signer, wanted: str, body: Object) -> views.Json:
        """Change a playlist; raises what `Library.change_playlist` does."""
        changed = await self._library.change_playlist(signer.caller, wanted, playlist_changes(body))
        return views.playlist(changed)

    async def remove(self, signer: Signer, wanted: str, path: str) -> views.Json:
        """Delete a playlist; raises what `Library.remove_playlist` does."""
        await self._library.remove_playlist(signer.caller, wanted)
        return {"@id": path, "@type": "LinearPlaylist", "message": "Deleted"}
