"""Looks into what was recorded, with the ffmpeg that every development machine has.

Needs no ffprobe: the packets of a file are listed by copying them into a table of their times.
"""

from pathlib import Path

import anyio
import imageio_ffmpeg

BUNDLED = imageio_ffmpeg.get_ffmpeg_exe()


class Media:
    """Decodes recorded files, and lists the times of their packets."""

    async def damage(self, path: Path | str) -> str:
        """Decode a file from end to end; gives what the decoder complains of."""
        # At its own frame times: a null output of a fixed rate would complain of any jitter.
        times = ("-fps_mode", "passthrough", "-enc_time_base:v", "1:90000")
        argv = (BUNDLED, "-v", "error", "-i", str(path), *times, "-f", "null", "-")
        done = await anyio.run_process(argv, check=False)
        return done.stderr.decode() or ("" if done.returncode == 0 else "it cannot be decoded")

    async def packet_times(self, path: Path | str, stream: str = "v") -> list[float]:
        """Give the presentation times of a stream's packets, in order, in seconds."""
        copied = ("-map", f"0:{stream}:0", "-c", "copy", "-copyts", "-f", "framecrc", "-")
        argv = (BUNDLED, "-v", "error", "-i", str(path), *copied)
        done = await anyio.run_process(argv, check=False)
        base = 0.0
        times: list[float] = []
        for line in done.stdout.decode().splitlines():
            if line.startswith("#tb 0:"):
                ticks, _, second = line.removeprefix("#tb 0:").strip().partition("/")
                base = int(ticks) / int(second)
            elif not line.startswith("#"):
                times.append(int(line.split(",")[2]) * base)
        return sorted(times)

    async def whole_length_s(self, path: Path | str) -> float:
        """Give how long the picture of a file lasts that decodes without a complaint."""
        assert await self.damage(path) == "", path
        return await self.length_s(path)

    async def length_s(self, path: Path | str) -> float:
        """Give how long the picture of a file lasts, its last frame included."""
        times = await self.packet_times(path)
        return (times[-1] - times[0]) * len(times) / (len(times) - 1)
