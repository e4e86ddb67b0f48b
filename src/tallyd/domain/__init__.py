"""The pure core: what is booked, who holds what, what happened. No clock, no I/O, no logging."""
