"""What learners show of their badges to others, and what the world may see of one that was published."""
