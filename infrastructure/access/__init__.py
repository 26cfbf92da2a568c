"""What opens an account in a browser or through an identity provider; API keys are in the log."""
