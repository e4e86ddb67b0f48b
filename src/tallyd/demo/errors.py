"""Why a demo ends without a report. What deviates from the plan is no error: it is the report."""


class DemoError(Exception):
    """The demo cannot be held: the sentence says why, and what to do about it."""


class InterruptedDemoError(Exception):
    """Somebody ended the demo before its time; its daemon and its recordings were ended too."""
