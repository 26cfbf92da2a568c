"""What is asked of the ledger: recording, asking, rights. Ports stand beside their users."""
