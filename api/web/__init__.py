"""The workbench: whole pages, each a pure function of what the URL asks about and of the reader's rights."""
