"""A second, naive interpreter of the condition language, and generated worlds to hold the product against."""
