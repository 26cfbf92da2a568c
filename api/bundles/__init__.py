"""Bundles: what a third party checks offline, and the file that checks it."""
