"""The room `verdicts`."""
