"""Badge progress: who is how far on which badge, and why somebody has it or not yet."""
