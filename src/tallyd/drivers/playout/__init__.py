"""The playout of a channel: a process of its own that stays on air whoever else comes and goes."""
