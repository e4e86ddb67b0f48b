"""What the engine asks of the world: Protocols and frozen values. No implementation lives here."""
