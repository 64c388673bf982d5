"""The simulated venue: matching, and one small named model for each thing it assumes about the market."""
