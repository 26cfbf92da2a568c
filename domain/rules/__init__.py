"""The rules by which a scheme judges: one pure function each, by permanent versioned names."""
