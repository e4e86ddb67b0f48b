"""How an ffmpeg is found, commanded, watched and understood; no driver lives here."""
