"""What is kept ready for reading, rebuilt from the log at will: pure."""
