"""Reach servers with requests, as pip does.

May not: be imported before it is needed, read what is fetched.
"""
