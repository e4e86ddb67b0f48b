from datetime import datetime

class MemoryJobStore:
    def get_next_run_time(self) -> datetime | None: ...
