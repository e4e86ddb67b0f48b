"""The command line: options into domain values, results into tables or JSON, errors into codes."""
