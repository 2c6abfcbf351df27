"""What pinstall costs beside pip and uv: run by `nox -s bench`, which writes `docs/explanation/speed.md`."""
