"""The contact-rich half of a skill as a learned closed-loop policy: its features, its training its work."""
