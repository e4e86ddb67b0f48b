"""The HTTP interfaces, one sub-application each. Neither storage nor devices are known here."""
