"""Decide: functions from values to values, without any I/O."""
