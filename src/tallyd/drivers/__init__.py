"""What talks to devices, and the registry that finds it; drivers do not know one another."""
