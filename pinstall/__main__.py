"""Run pinstall as `python -m pinstall`."""

from pinstall.cli import main

if __name__ == "__main__":
    main()
