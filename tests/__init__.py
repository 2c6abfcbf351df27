"""The tests of pinstall."""
